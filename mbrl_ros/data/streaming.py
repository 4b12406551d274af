"""Sequential reading of an MCAP file, up to the first corruption.

mcap has a reader, too; this one exists because it takes a message apart with one call, and a file
has hundreds of thousands.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import lz4.frame
import zstandard
from mcap.data_stream import ReadDataStream
from mcap.opcode import Opcode
from mcap.reader import SeekingReader
from mcap.records import (
    Attachment,
    Channel,
    Chunk,
    DataEnd,
    Footer,
    McapRecord,
    Message,
    Metadata,
    Schema,
)
from mcap.stream_reader import get_chunk_data_stream
from mcap.summary import Summary

_MAGIC = b"\x89MCAP0\r\n"
# Opcode and length of a record.
_HEAD = struct.Struct("<BQ")
RECORD_HEAD = _HEAD.size
# Bytes that a chunk may unpack to; usual ones have some MB.
_MOST = 2**30
# What stands before a message's data: channel, sequence, log and publish time.
_MESSAGE = struct.Struct("<HIQQ")
# Records whose content is told; the others tell again what these say.
_KINDS: dict[int, Any] = {
    Opcode.ATTACHMENT: Attachment,
    Opcode.CHANNEL: Channel,
    Opcode.DATA_END: DataEnd,
    Opcode.FOOTER: Footer,
    Opcode.METADATA: Metadata,
    Opcode.SCHEMA: Schema,
}


class BagError(ValueError):
    """A bag cannot be read; the message is one line that names the file."""


class LostError(BagError):
    """It never will be: its bytes are damaged, or are no bag's, or the file is gone."""


@contextlib.contextmanager
def unless_gone(file: Path, alone: bool = False) -> Iterator[None]:
    """Go on without a bag's file that its recorder has just removed to make room; tell it once.

    Args:
        file: that is read.
        alone: whether nothing else is.

    Raises:
        LostError: if it was alone.
    """
    try:
        yield
    except FileNotFoundError as error:
        if alone:
            raise LostError(f"{file}: cannot be read: {error.strerror or error}") from error
        _tell_gone(file)


@functools.cache
def _tell_gone(file: Path) -> None:
    text = "warning: %s: is gone, as where a recorder makes room; the rest is read"
    logging.getLogger(__name__).warning(text, file)


class RecordStream:
    """The records of a file that say something of their own, up to its end or the first corruption.

    Attributes:
        path: of the file.
        lost: bytes from the first corruption to the end of the file; 0: none.
    """

    def __init__(self, path: Path, may_be_gone: bool = False) -> None:
        """Read nothing yet.

        Args:
            path: of the file.
            may_be_gone: whether it has no records then, which is told once; see `unless_gone`.
        """
        self.path = path
        self.lost = 0
        self._may_be_gone = may_be_gone

    def __iter__(self) -> Iterator[McapRecord]:
        with unless_gone(self.path) if self._may_be_gone else contextlib.nullcontext():
            yield from self._read()

    def _read(self) -> Iterator[McapRecord]:
        size = self.path.stat().st_size
        good = 0
        with self.path.open("rb") as file:
            try:
                for record, end in _records(file, size):
                    good = end
                    if record is not None:
                        yield record
                    if isinstance(record, Footer):
                        return
            except OSError:
                raise
            except Exception:  # corrupt bytes raise arbitrary exceptions
                pass
        self.lost = size - good


def _records(file: IO[bytes], size: int) -> Iterator[tuple[McapRecord | None, int]]:
    """Yield the records of a file, None for those that tell nothing new, and where each ends."""
    if (checksum := zlib.crc32(_read(file, len(_MAGIC)))) != zlib.crc32(_MAGIC):
        raise ValueError("magic")
    position = len(_MAGIC)
    while True:
        head = _read(file, _HEAD.size)
        opcode, length = _HEAD.unpack(head)
        if length > size - position:
            raise ValueError("length")
        content = _read(file, length)
        position += _HEAD.size + length
        if opcode == Opcode.CHUNK:
            for record in records_of_chunk(content):
                yield record, position
        else:
            told = _record(opcode, content)
            if isinstance(told, DataEnd) and told.data_section_crc not in (0, checksum):
                raise ValueError("checksum")
            if isinstance(told, Footer):
                position += len(_read(file, len(_MAGIC)))
            yield told, position
        checksum = zlib.crc32(content, zlib.crc32(head, checksum))


def _read(file: IO[bytes], length: int) -> bytes:
    data = file.read(length)
    if len(data) < length:
        raise ValueError("too short")
    return data


def records_of_chunk(content: bytes) -> Iterator[McapRecord]:
    """Yield the records in a chunk.

    Args:
        content: of the chunk's own record.

    Raises:
        Exception: of whatever kind, before anything is yielded, if the chunk is corrupt.
    """
    chunk = _bounded(Chunk.read(ReadDataStream(BytesIO(content))))
    stream, length = get_chunk_data_stream(chunk, validate_crc=True)
    data, position = stream.read(length), 0
    found = []
    while position < length:
        opcode, size = _HEAD.unpack_from(data, position)
        position += _HEAD.size
        if size > length - position:
            raise ValueError("length")
        found.append(_record(opcode, data[position : position + size]))
        position += size
    return (record for record in found if record is not None)


def _bounded(chunk: Chunk) -> Chunk:
    """Return a chunk that can be unpacked without filling the memory; it may be a crafted one.

    Raises:
        ValueError: if it unpacks to more than `_MOST` bytes, whatever it says of itself.
    """
    size = chunk.uncompressed_size
    if chunk.compression == "zstd":
        size = max(size, zstandard.frame_content_size(chunk.data))
    elif chunk.compression == "lz4":  # whose frames seldom tell
        data = lz4.frame.LZ4FrameDecompressor().decompress(chunk.data, max_length=_MOST + 1)
        chunk, size = replace(chunk, compression="", data=data), max(size, len(data))
    if size > _MOST:
        raise ValueError(f"a chunk of {size} bytes or more, expected at most {_MOST}")
    return chunk


def _record(opcode: int, content: bytes) -> McapRecord | None:
    if opcode == Opcode.MESSAGE:
        channel, sequence, logged, published = _MESSAGE.unpack_from(content)
        return Message(channel, logged, content[_MESSAGE.size :], published, sequence)
    kind = _KINDS.get(opcode)
    return kind.read(ReadDataStream(BytesIO(content))) if kind else None


def is_mcap(path: Path) -> bool:
    """Return whether a file begins with MCAP's magic bytes."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def index_of(path: Path) -> Summary | None:
    """Return the chunk index that a file ends with; None: it has none, as while it is recorded."""
    try:
        with path.open("rb") as file:
            summary = SeekingReader(file).get_summary()
    except Exception:  # as above; a file too short raises OSError
        return None
    return None if summary is None or summary.statistics is None else summary


def is_finished(path: Path) -> bool:
    """Return whether a file ends with a chunk index."""
    return index_of(path) is not None
