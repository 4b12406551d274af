"""Files that are whole at any moment."""

from __future__ import annotations

import contextlib
from pathlib import Path


def write_whole(path: Path, content: str | bytes) -> None:
    """Replace a file at once, so that whoever reads it, or starts after a kill, finds a whole one.

    A crash of the process loses nothing that was written; a power cut may, for the disk is not
    waited for.

    Args:
        path: of the file; what is none, such as a pipe or ``/dev/stdout``, is written to.
        content: text is written as UTF-8.

    Raises:
        OSError: if it cannot be written; the file is unchanged then, and no part is left.
    """
    data = content.encode() if isinstance(content, str) else content
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
