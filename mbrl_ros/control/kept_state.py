"""What a controller that is started again in the same run must still know."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from mbrl_ros.core.whole_file import write_whole
from mbrl_ros.objectives.sequence import Waypoint

_NAME = "controller_state.json"


@dataclass(frozen=True)
class KeptState:
    """What was asked of a controller since its run began.

    Attributes:
        estopped: whether only the safe command may be sent.
        lifecycle: the state it was last put into: active, inactive, unconfigured or finalized;
            empty if it never was active, or has ended cleanly while it was.
        planner: parameters ``planner.*`` that were changed, by name.
        objective: all parameters of the objective, by name without prefix; empty: never changed.
        goal: of the objective: dimension to target.
        waypoints: of the sequence of goals that is followed; empty: none.
        index: of the present one.
    """

    estopped: bool = False
    lifecycle: str = ""
    planner: Mapping[str, Any] = field(default_factory=dict)
    objective: Mapping[str, Any] = field(default_factory=dict)
    goal: Mapping[str, float] = field(default_factory=dict)
    waypoints: Sequence[Waypoint] = ()
    index: int = 0

    def begin(self, after_crash: str) -> tuple[KeptState, tuple[str, ...]]:
        """Return what a process that is started again begins with, and what its user must know.

        Args:
            after_crash: resume, hold or inactive: what follows an end without notice while active.
        """
        begun, told = self, []
        crashed = self.lifecycle == "active"
        if crashed and after_crash == "inactive":
            begun = replace(begun, lifecycle="inactive")
        if crashed and after_crash == "hold" and not self.estopped:
            begun = replace(begun, estopped=True)
            told.append("after a crash: only the safe command until ~/arm is called")
        if self.estopped:
            told.append("still e-stopped: only the safe command until ~/arm is called")
        if begun.lifecycle not in ("", "active"):
            told.append(f"started again: {begun.lifecycle}, as before its end or as configured")
        return begun, tuple(told)


class StateFile:
    """A `KeptState` in a run's folder, which survives the process.

    Attributes:
        path: of the file.
    """

    def __init__(self, run_dir: Path) -> None:
        self.path = run_dir / _NAME

    def read(self) -> KeptState:
        """Return what an earlier process has kept; the defaults if there was none.

        Raises:
            ValueError: if the file cannot be read.
        """
        try:
            values = json.loads(self.path.read_text(encoding="utf-8"))
            waypoints = tuple(Waypoint(**waypoint) for waypoint in values.pop("waypoints"))
            return _checked(KeptState(**values, waypoints=waypoints))
        except FileNotFoundError:
            return KeptState()
        except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
            raise ValueError(f"{self.path}: {type(error).__name__}: {error}") from None

    def write(self, state: KeptState) -> None:
        """Replace the file, so that there is a whole one at any moment.

        Raises:
            OSError: if it cannot be written.
        """
        write_whole(self.path, json.dumps(asdict(state)))


def _checked(state: KeptState) -> KeptState:
    blank = KeptState()
    for each in fields(state):
        value, expected = getattr(state, each.name), type(getattr(blank, each.name))
        if type(value) is not expected:
            raise ValueError(f"{each.name}: expected {expected.__name__}, got {value!r}")
    return state
