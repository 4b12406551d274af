"""The parameter file of an environment that nobody has written one for."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from mbrl_ros.core.numbers import shown
from mbrl_ros.core.rcl_yaml import write_yaml
from mbrl_ros.core.settings import SettingsError, build, specs
from mbrl_ros.diagnosis.signals import jumps
from mbrl_ros.simulation.description import Description, describe
from mbrl_ros.simulation.settings import SimulatorSettings
from mbrl_ros.system.schema import EXPLORE, OBJECTIVE, node_settings

# Who decides, in a task that nothing is told about.
_AGENT = "planner"
# Period that the environment's steps are repeated to come near to: a motor can be moved at it, and
# a plan be made in it [s].
_PERIOD = 0.04
# What is planned ahead [s], and the actions that may be.
_AHEAD, _LEAST, _MOST = 1.5, 12, 45
# Of an environment that does not end its episodes [control steps].
_EPISODE = 250
# Standard deviations between members taken off a learned return, and what is paid for their
# disagreement while it is learned.
_CAUTION, _CURIOSITY = 0.3, 1.0
# Of what is countable: the kind of model for up to so many pairs of observation and action, and
# what it pays for those that were seldom tried, over the root of their number.
_TABULAR, _PAIRS, _BONUS = "tabular", 100_000, 0.05
_WIDTH = 100


def derive(environment: str, given: Mapping[str, Any]) -> str:
    """Return the text of a commented parameter file for an environment, found by trying it out.

    Args:
        environment: Gymnasium id or MJCF file.
        given: parameters that say more of it; see `environment_task.parameter_text`.

    Raises:
        SettingsError: one line that names the parameter which must be given.
        ValueError: one line that names the environment and the problem.
    """
    plant = {n: given[n] for n in ("task_module", "time_step") if n in given}
    settings = build(SimulatorSettings, {"environment": environment, **plant})
    found = describe(settings)
    tabular = found.countable and given.get("learner", _TABULAR) == _TABULAR
    if tabular:
        indexed = describe(settings, indices=True)
        sizes = np.concatenate(
            [
                indexed.observation_high - indexed.observation_low,
                indexed.action_high - indexed.action_low,
            ]
        )
        tabular = "learner" in given or bool(np.prod(sizes + 1.0) <= _PAIRS)
        found = indexed if tabular else found
    derived = _Derived(environment, found, given, tabular)
    return "\n".join(derived.lines()) + "\n"


class _Derived:
    """What follows from a description."""

    def __init__(
        self, environment: str, found: Description, told: Mapping[str, Any], tabular: bool
    ) -> None:
        self._environment, self._found, self._told = environment, found, told
        self._tabular = tabular
        self._step = self._time_step()
        period = float(told.get("period", self._step if tabular else _PERIOD))
        self._repeat = int(told.get("action_repeat", max(1, round(period / self._step))))
        self._period = float(told.get("period", _digits(self._repeat * self._step)))
        self._check_limits()

    def _time_step(self) -> float:
        rate = self._found.frame_rate
        step = self._found.time_step or float(self._told.get("time_step", 0.0))
        step = step or (_digits(1.0 / rate) if rate > 0 else 0.0)
        if step <= 0:
            raise self._missing("time_step", "how long a step is [s]")
        return step

    def _missing(self, parameter: str, what: str) -> SettingsError:
        return SettingsError(
            f"{parameter}: environment '{self._environment}' does not say {what}: "
            f"add {parameter}:=VALUE"
        )

    def _check_limits(self) -> None:
        found = self._found
        limits = {"action.low": found.action_low, "action.high": found.action_high}
        asked = [n for n, v in limits.items() if np.isinf(v).any() and n not in self._told]
        if asked:
            none = np.isinf(found.action_low) | np.isinf(found.action_high)
            open_ones = [n for n, no in zip(found.action_names, none, strict=True) if no]
            given = " ".join(f"{name}:=[...]" for name in asked)
            raise SettingsError(
                f"{' and '.join(asked)}: environment '{self._environment}' does not limit "
                f"{', '.join(open_ones)}: add {given} with a value for each of "
                f"{', '.join(found.action_names)}"
            )

    def lines(self) -> Iterator[str]:
        """Return the lines of the file."""
        yield f"# {self._environment}, as mbrl-ros found it. Everything may be edited."
        yield from _section("/**", self._task())
        yield from _section("mujoco_sim", self._plant())
        yield from _section("model_trainer", self._trainer())
        yield from _section("mpc_controller", self._controller())

    def _task(self) -> Iterator[str]:
        found = self._found
        name = re.split("[/:]", self._environment)[-1]
        yield _line("task", name.removesuffix(".xml"))
        if learner := self._told.get("learner", _TABULAR if self._tabular else ""):
            yield _line("learner", learner)
        yield _line("period", self._period, "[s]")
        if self._tabular:
            yield _line("lock_step", True, "nothing moves by itself")
        yield from self._safe_command()
        yield "observation:"
        yield "  # Call them what they are: goals and rewards refer to the names."
        yield from _list("  names", found.observation_names)
        for which, values in (("low", found.observation_low), ("high", found.observation_high)):
            if np.isfinite(values).any():
                yield from _list(f"  {which}", values)
        if angles := self._angles():
            yield "  # They wrap at 2 pi."
            yield from _list("  angles", angles)
        if self._tabular:
            yield from _list("  discrete", found.observation_names)
        yield "action:"
        yield from _list("  names", found.action_names)
        yield from _list("  low", self._told.get("action.low", found.action_low))
        yield from _list("  high", self._told.get("action.high", found.action_high))
        if found.discrete:
            yield from _list("  discrete", found.discrete)

    def _safe_command(self) -> Iterator[str]:
        low = np.asarray(self._told.get("action.low", self._found.action_low), dtype=float)
        high = np.asarray(self._told.get("action.high", self._found.action_high), dtype=float)
        if self._found.positions:
            yield _line("safe_command", "hold", "all actuators are position servos")
        elif low.shape == high.shape and not ((low <= 0) & (high >= 0)).all():
            yield _line("safe_command", "values", "zero is outside of the limits")
            yield from _list("safe_values", np.clip(0.0, low, high))

    def _angles(self) -> list[str]:
        found = self._found
        return [
            name
            for i, name in enumerate(found.observation_names)
            if name in found.angles or jumps(found.before[:, i], found.after[:, i], math.tau)
        ]

    def _plant(self) -> Iterator[str]:
        yield _line("environment", self._environment)
        if module := self._told.get("task_module"):
            yield _line("task_module", module)
        if not self._found.time_step:
            yield _line("time_step", self._step, "[s] of the environment's own step")
        yield _line("action_repeat", self._repeat, f"of {shown(_digits(self._step))} s")
        if "time_limit" in self._told:
            yield _line("time_limit", float(self._told["time_limit"]), "[s]")
        elif not self._found.limited:
            limit = _digits(_EPISODE * self._period)
            yield _line("time_limit", limit, "[s]; it does not end its episodes itself")

    def _trainer(self) -> Iterator[str]:
        if self._tabular:
            yield "model:"
            yield "  # What was never tried may be worth so much; what seldom was, somewhat more."
            yield _line("  optimism", float(np.fmax(1.0, self._found.paid)))
            yield _line("  bonus", _BONUS)
            yield "gate:"
            yield _line("  first_transitions", 1)
            return
        shared = {"learner": self._told["learner"]} if "learner" in self._told else {}
        # Other kinds of models may always learn it.
        if "model.reward_model" in {
            s.name for s in specs(node_settings({"**": shared})["model_trainer"])
        }:
            yield "model:"
            yield _line("  reward_model", True, "the reward, and what ends an episode, are learned")

    def _controller(self) -> Iterator[str]:
        horizon = min(max(round(_AHEAD / self._period), _LEAST), _MOST)
        yield _line("agent", "policy" if self._tabular else _AGENT)
        if self._tabular:
            yield "adaptation: {enabled: false}"
        yield "planner:"
        yield _line("  type", self._planner())
        yield _line("  horizon", horizon, f"{shown(_digits(horizon * self._period))} s")
        if not self._tabular:
            yield from self._curiosity()
        yield from self._objective()

    def _curiosity(self) -> Iterator[str]:
        yield "exploration:"
        yield "  # What the members disagree on is worth seeing, in ranges of the rewards so far."
        yield _line("  curiosity", _CURIOSITY)

    def _objective(self) -> Iterator[str]:
        if any(name.startswith(OBJECTIVE) and name.endswith(".type") for name in self._told):
            return
        yield "objective:"
        if not math.isnan(self._found.paid):
            yield "  # What the environment pays, as far as it is known."
            yield "  name: paid"
            if not self._tabular:
                yield _line("  caution", _CAUTION, "against what only some members promise")
            yield "  terms: [reward, survival]"
            yield "  reward: {type: learned_reward}"
        else:
            yield "  # Nothing is paid here: it explores. Say here what it should do."
            yield f"  name: {EXPLORE}"
            yield "  terms: [survival]"
        yield "  # Nothing is worth anything any more after an episode's end."
        yield "  survival: {type: learned_survival, weight: 0.0}"

    def _planner(self) -> str:
        if "planner.type" in self._told:
            return str(self._told["planner.type"])
        discrete, names = self._found.discrete, self._found.action_names
        if discrete and len(discrete) < len(names):
            raise SettingsError(
                f"planner.type: environment '{self._environment}' takes whole numbers for "
                f"{', '.join(discrete)} only, and no shipped planner plans both: "
                "add planner.type:=MODULE:CLASS of your own"
            )
        return "categorical_cem" if discrete else "icem"


def _section(node: str, lines: Iterable[str]) -> Iterator[str]:
    below = list(lines)
    if not below:
        return
    yield f"{node}:"
    yield "  ros__parameters:"
    for line in below:
        yield f"    {line}"


def _line(name: str, value: Any, comment: str = "") -> str:
    return f"{name}: {_written(value)}" + (f"  # {comment}" if comment else "")


def _list(name: str, values: Any) -> list[str]:
    words = ", ".join(_written(value) for value in np.asarray(values).tolist())
    indent = " " * (len(name) - len(name.lstrip()) + 2)
    return textwrap.wrap(f"{name}: [{words}]", _WIDTH - 6, subsequent_indent=indent)


def _written(value: Any) -> str:
    return write_yaml(value, default_flow_style=True).removesuffix("...\n").strip()


def _digits(value: float) -> float:
    """Return a time as one would write it [s]."""
    return float(f"{value:.7g}")
