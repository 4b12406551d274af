"""The commit of the checkout that this package runs from."""

from __future__ import annotations

import subprocess
from pathlib import Path

# git may have to wait for a slow disk [s].
_PATIENCE = 10.0


def commit(folder: Path | None = None) -> str:
    """Return a checkout's commit, with ``-dirty`` where files differ from it.

    Args:
        folder: of the checkout; None: the one that this package is in.

    Returns:
        its abbreviated name; empty: there is no checkout, as after an installation, or no git.
    """
    folder = folder or Path(__file__).resolve().parents[2]
    if not (folder / ".git").exists():  # one further up is of another project
        return ""
    words = ["git", "--no-optional-locks", "-C", str(folder), "describe"]
    words += ["--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(words, check=True, capture_output=True, text=True, timeout=_PATIENCE)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
