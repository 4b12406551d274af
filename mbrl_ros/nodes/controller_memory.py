"""What a controller that is started again in the same run does as before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from mbrl_ros.control.kept_state import KeptState, StateFile
from mbrl_ros.nodes.parameters import overridden
from mbrl_ros.ros import Node, Parameter
from mbrl_ros.system.schema import OBJECTIVE

# Minimum time between two identical complaints [s].
_COMPLAINT_PERIOD = 5.0


class ControllerMemory:
    """Keeps a `KeptState` in the run's folder, if there is one.

    Attributes:
        kept: what is to be known.
    """

    def __init__(self, node: Node) -> None:
        """Recall what an earlier process in this run was asked for, with its parameters in force.

        In doubt, it was stopped.

        Args:
            node: whose parameters are not declared yet.
        """
        self._log = node.get_logger()
        run_dir = overridden(node, "run_dir", "")
        self._file = StateFile(Path(run_dir)) if run_dir else None
        self.kept = self._written = self._recall()
        overrides = node._parameter_overrides
        if self.kept.objective:
            for name in [name for name in overrides if name.startswith(OBJECTIVE)]:
                del overrides[name]
        objective = {OBJECTIVE + name: value for name, value in self.kept.objective.items()}
        for name, value in {**self.kept.planner, **objective}.items():
            overrides[name] = Parameter(name, value=value)

    def note(self, **changes: Any) -> None:
        """Note changes of what is to be known; `write` keeps them."""
        self.kept = replace(self.kept, **changes)

    def keep(self, **changes: Any) -> None:
        """Note changes, and keep them at once."""
        self.note(**changes)
        self.write()

    def write(self) -> None:
        """Keep what was noted, if anything was."""
        kept = self.kept
        if self._file is None or kept == self._written:
            return
        try:
            self._file.write(kept)
            self._written = kept
        except OSError as error:
            self._log.error(
                f"{self._file.path}: {error.strerror}: forgotten if this process ends",
                throttle_duration_sec=_COMPLAINT_PERIOD,
            )

    def _recall(self) -> KeptState:
        if self._file is None:
            return KeptState()
        try:
            return self._file.read()
        except ValueError as error:
            self._log.error(f"{error}: only the safe command until ~/arm is called")
            return KeptState(estopped=True)
