"""The task that a bag was recorded for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mbrl_ros import __version__
from mbrl_ros.core.checkout import commit
from mbrl_ros.core.rcl_yaml import write_yaml
from mbrl_ros.core.settings import SettingsError, build
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.data.bag_summary import summarize
from mbrl_ros.data.streaming import BagError
from mbrl_ros.data.transitions import Transitions
from mbrl_ros.system.launching import CONFIGURATION
from mbrl_ros.system.task_file import TaskFile, parse_task, read_task_file


def attached_configuration(bag: Path) -> str | None:
    """Return the text of the parameter file that a bag's recorder attached; None: there is none."""
    try:
        return summarize(bag).attachments.get(CONFIGURATION)
    except BagError:
        return None  # not an MCAP bag; what else is wrong with it is told where it is read


def task_file_of(bag: Path) -> TaskFile | None:
    """Return the parameters of the run that a bag is of; None: they are not known.

    They stand beside it in the run's folder, or were attached to its files by the recorder.

    Raises:
        SettingsError: if they are malformed.
    """
    beside = bag.absolute().parent / CONFIGURATION
    if beside.is_file():
        return read_task_file(beside)
    text = attached_configuration(bag)
    return parse_task(text, f"{bag}: {CONFIGURATION}") if text is not None else None


def task_of(bag: Path) -> TaskSettings | None:
    """Return the task's own parameters; see `task_file_of`."""
    file = task_file_of(bag)
    try:
        return None if file is None else build(TaskSettings, file.nodes["**"])
    except SettingsError as error:
        raise SettingsError(f"{bag}: {CONFIGURATION}: {error}") from None


def metadata_of(task: TaskSettings, namespace: str = "") -> dict[str, str]:
    """Return what a bag says of the run that it is of.

    Args:
        task: of the run.
        namespace: of its nodes, which is the name of one robot among several; empty: none.
    """
    of_run = {"task": task.task, "seed": str(task.seed), "mbrl_ros": __version__}
    known = {"robot": namespace.strip("/"), "commit": commit()}
    return of_run | {key: value for key, value in known.items() if value}


def text_for(name: str, period: float, log: Transitions) -> str:
    """Return the text of a parameter file for transitions that come from elsewhere.

    Args:
        name: of the task.
        period: between two steps [s].
        log: the transitions.
    """
    parameters: dict[str, Any] = {"task": name, "period": period}
    for which, space in (("observation", log.observation_space), ("action", log.action_space)):
        parameters[f"{which}.names"] = list(space.names)
        for limit in ("low", "high"):
            values = getattr(space, limit)
            if which == "action" or np.isfinite(values).any():
                parameters[f"{which}.{limit}"] = list(values)
    low, high = (np.array(getattr(log.action_space, limit)) for limit in ("low", "high"))
    if not ((low <= 0) & (high >= 0)).all():
        parameters |= {"safe_command": "values", "safe_values": list(np.clip(0.0, low, high))}
    return write_yaml({"/**": {"ros__parameters": parameters}}, sort_keys=False)
