"""What a guard that is started again in the same run must still know."""

from __future__ import annotations

import json
from pathlib import Path

from mbrl_ros.core.limits import LIVE
from mbrl_ros.core.whole_file import write_whole

_NAME = "guard_state.json"


class GuardMemory:
    """A file in a run's folder that survives the process.

    Attributes:
        limits: parameters of the limits that were changed while it ran, by name.
    """

    def __init__(self, run_dir: Path | None) -> None:
        """Make a memory.

        Args:
            run_dir: None: nothing is kept.
        """
        self._path = run_dir / _NAME if run_dir is not None else None
        self._written = ""
        self.limits: dict[str, list[float] | list[str]] = {}

    def begin(self, hold: bool) -> str:
        """Return why a guard begins stopped; empty if it does not.

        Args:
            hold: whether it does after an end without notice.
        """
        if self._path is None:
            return ""
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            estopped, running = kept["estopped"], kept["running"]
            if not isinstance(estopped, str) or not isinstance(running, bool):
                raise ValueError("expected text and true or false")
            self.limits = _checked(kept.get("limits", {}))
        except FileNotFoundError:
            return ""
        except (OSError, ValueError, TypeError, LookupError) as error:
            return f"{self._path}: {type(error).__name__}: {error}"
        if estopped:
            return estopped
        return "after a crash" if running and hold else ""

    def keep(self, estopped: str, running: bool) -> str:
        """Write what is to be known; return why it could not be, empty if it was.

        Args:
            estopped: why it is stopped; empty: it is not.
            running: whether it goes on.
        """
        told = {"estopped": estopped, "running": running, "limits": self.limits}
        text = json.dumps(told)
        if self._path is None or self._written == text:
            return ""
        try:
            write_whole(self._path, text)
        except OSError as error:
            return f"{self._path}: {error.strerror}: forgotten if this process ends"
        self._written = text
        return ""


def _checked(limits: object) -> dict[str, list[float] | list[str]]:
    """Return parameters of limits as they were written.

    Raises:
        ValueError: if they are not.
    """
    known = {f"limits.{name}" for name in LIVE}
    if not isinstance(limits, dict) or not set(limits) <= known:
        raise ValueError(f"limits: expected {', '.join(sorted(known))}, got {limits!r}")
    for name, values in limits.items():
        kinds = {type(value) for value in values} if isinstance(values, list) else {None}
        if kinds - {float} and kinds - {str}:
            raise ValueError(f"{name}: expected a list of numbers or of texts, got {values!r}")
    return limits
