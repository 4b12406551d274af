"""Numbers in messages."""

from __future__ import annotations


def shown(value: float) -> str:
    """Return the shortest text that reads back as the same number.

    Numbers that differ look different, and what a message expects may be written as it stands.
    """
    return repr(float(value)).removesuffix(".0")
