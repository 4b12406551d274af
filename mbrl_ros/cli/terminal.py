"""What commands print with: text is shown as it is, whatever it looks like."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table


class Terminal(Console):
    """Shows text and tables; names and paths in them are no markup, and are never cut."""

    def __init__(self, stderr: bool = False) -> None:
        """Print to standard output, or to standard error."""
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True)

    def print(self, *objects: Any, **how: Any) -> None:
        """Print; a narrow terminal breaks the lines of a table as it breaks those of a text."""
        for table in objects:
            if isinstance(table, Table):
                unlimited = self.options.update(max_width=10_000)
                self.width = max(self.width, Measurement.get(self, unlimited, table).maximum)
        super().print(*objects, **how)

    def on_broken_pipe(self) -> None:
        """Pass it on; rich would exit, with what runs still running."""
        raise BrokenPipeError
