"""What a guard that is started again in the same run must still know."""

from __future__ import annotations

import json
import os
from pathlib import Path

_NAME = "guard_state.json"


class GuardMemory:
    """A file in a run's folder that survives the process."""

    def __init__(self, run_dir: Path | None) -> None:
        """Make a memory.

        Args:
            run_dir: None: nothing is kept.
        """
        self._path = run_dir / _NAME if run_dir is not None else None
        self._written: tuple[str, bool] | None = None

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
        if self._path is None or self._written == (estopped, running):
            return ""
        partial = self._path.with_suffix(".partial")
        try:
            partial.write_text(
                json.dumps({"estopped": estopped, "running": running}), encoding="utf-8"
            )
            os.replace(partial, self._path)
        except OSError as error:
            return f"{self._path}: {error.strerror}: forgotten if this process ends"
        self._written = (estopped, running)
        return ""
