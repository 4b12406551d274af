"""One thing that makes learning or control bad, in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """What was found, where, and what to do.

    Attributes:
        kind: one word or two, such as ``dead actuator``; with ``name`` it says which finding it is.
        name: the dimension, or several as one text.
        text: a line with the figure and the remedy.
    """

    kind: str
    name: str
    text: str

    @property
    def key(self) -> tuple[str, str]:
        """What stays the same while figures change."""
        return self.kind, self.name
