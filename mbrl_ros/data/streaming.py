"""Sequential reading of an MCAP file, up to the first corruption."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mcap.reader import SeekingReader
from mcap.records import Footer, McapRecord
from mcap.stream_reader import StreamReader

_MAGIC = b"\x89MCAP0\r\n"


class BagError(ValueError):
    """A bag cannot be read; the message is one line that names the file."""


class RecordStream:
    """The records of a file, up to its end or the first corruption.

    Attributes:
        lost: bytes from the first corruption to the end of the file; 0: none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lost = 0

    def __iter__(self) -> Iterator[McapRecord]:
        size = self._path.stat().st_size
        good = 0
        with self._path.open("rb") as file:
            try:
                records = StreamReader(
                    file, validate_crcs=True, emit_chunks=False, record_size_limit=size
                ).records
                for record in records:
                    good = file.tell()
                    yield record
                    if isinstance(record, Footer):
                        return
            except OSError:
                raise
            except Exception:  # corrupt bytes raise arbitrary exceptions
                pass
        self.lost = size - good


def is_mcap(path: Path) -> bool:
    """Return whether a file begins with MCAP's magic bytes."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def is_finished(path: Path) -> bool:
    """Return whether a file ends with a chunk index."""
    try:
        with path.open("rb") as file:
            summary = SeekingReader(file).get_summary()
    except Exception:  # as above; a file too short raises OSError
        return False
    return summary is not None and summary.statistics is not None
