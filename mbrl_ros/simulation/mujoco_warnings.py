"""MuJoCo's warnings on standard error, each once, and not in the working folder."""

from __future__ import annotations

import re
import sys

import mujoco

_told: set[str] = set()


def quieten() -> None:
    """Have MuJoCo tell its warnings here; by itself it appends them to ``MUJOCO_LOG.TXT``."""
    mujoco.set_mju_user_warning(_tell)


def _tell(message: str) -> None:
    # In every episode the same, with other places and times.
    kind = re.sub(r"[\d.]+", "", message)
    if kind not in _told:
        _told.add(kind)
        print(f"MuJoCo: {' '.join(message.split())}", file=sys.stderr, flush=True)
