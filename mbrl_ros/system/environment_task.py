"""Tasks that are named by an environment, without a parameter file."""

from __future__ import annotations

import difflib
import importlib.util
import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mbrl_ros.core.extensions import anchored
from mbrl_ros.core.settings import SettingsError, check
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.simulation.settings import SimulatorSettings

# A Gymnasium id, with where it is registered or without, or an MJCF file.
_ENVIRONMENT = re.compile(r"(?:[^\s:]+:)?[\w./-]+-v\d+|dm_control/\S+|\S+\.xml|[^\s:]+:\S+")
# How like a name must be to be suggested.
_LIKE = 0.6
_CODE = """
import json, sys
from mbrl_ros.system.deriving import derive
try:
    print(derive(*json.load(sys.stdin)), end="")
except ValueError as error:
    sys.exit(str(error))
"""

#: Parameters that say more of an environment, from which others follow.
TELLING = {
    SimulatorSettings: ("task_module", "time_step", "time_limit", "action_repeat"),
    TaskSettings: ("learner", "period", "action.low", "action.high"),
}


def is_environment(task: str) -> bool:
    """Return whether a task's name is a Gymnasium id or an MJCF file, as far as one can see."""
    return _ENVIRONMENT.fullmatch(task) is not None


def parameter_text(environment: str, given: Mapping[str, Any]) -> str:
    """Return the text of a parameter file for an environment, which is tried out for it.

    Where its packages are not installed, as in the Python of `ros2 launch`, the ``python3`` that
    runs the nodes does it.

    Args:
        environment: Gymnasium id such as ``Hopper-v5`` or ``file.py:Mine-v0``, or an MJCF file.
        given: parameters; those that are `TELLING` are taken into account.

    Raises:
        SettingsError: one line that names the parameter or the environment, and the problem.
    """
    here = [Path.cwd()]
    given = {name.removeprefix("mujoco_sim."): value for name, value in given.items()}
    told: dict[str, Any] = {}
    for settings, names in TELLING.items():
        told |= check(settings, {n: given[n] for n in names if n in given}, "command line")
    told |= {n: v for n, v in given.items() if n == "planner.type" or n.startswith("objective.")}
    told = {n: anchored(v, here) if isinstance(v, str) else v for n, v in told.items()}
    environment = anchored(environment, here)
    if importlib.util.find_spec("gymnasium") is None:
        return _derived_elsewhere(environment, told)
    from mbrl_ros.system.deriving import derive

    try:
        return derive(environment, told)
    except ValueError as error:
        raise SettingsError(str(error)) from error


def _derived_elsewhere(environment: str, told: Mapping[str, Any]) -> str:
    done = subprocess.run(
        ["python3", "-c", _CODE],
        input=json.dumps([environment, told]),
        capture_output=True,
        text=True,
    )
    if not done.returncode:
        return done.stdout
    reason = (done.stderr.splitlines() or [f"it ended with {done.returncode}"])[-1]
    if "Traceback" in done.stderr:
        reason = f"python3 cannot try '{environment}' out: {reason}: is its environment active?"
    raise SettingsError(reason)


def unknown_task(task: str, shipped: Sequence[str]) -> str:
    """Return the message for a name that is no task, with a suggestion."""
    known = {name.lower(): name for name in [*_registered(), *shipped]}
    close = difflib.get_close_matches(task.lower(), known, 1, _LIKE)
    text = (
        f"unknown task '{task}': expected one of {', '.join(shipped)}, an environment's id (such "
        "as Pendulum-v1), an MJCF file (.xml), or the path of a parameter file (.yaml)"
    )
    return f"{text}: did you mean '{known[close[0]]}'?" if close else text


def _registered() -> list[str]:
    try:
        import gymnasium
    except ImportError:
        return []
    return list(gymnasium.registry)
