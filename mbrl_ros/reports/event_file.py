"""An event file of TensorBoard: scalars and texts over steps.

The file is a TFRecord: each record is its length, a CRC of that, an ``Event`` in protobuf's wire
format and a CRC of that. Not written with a library: the existing ones import torch into the
monitor's process, and one of them hangs when the disk is full (docs/learning.md).
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path

# Maximum kept in memory while the disk is full [bytes]; further events are dropped.
MAX_PENDING = 2**20
_LARGEST = (2.0 - 2.0**-23) * 2.0**127  # of float32
_DT_STRING = 7


class EventFile:
    """Appends events, each stamped with the wall time at which it was added."""

    def __init__(self, folder: Path) -> None:
        """Create a new file, beside existing ones.

        Raises:
            OSError: if it cannot be created.
        """
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}"
        # Unbuffered: the file and `_pending` together are always whole records.
        self._file = (folder / name).open("ab", buffering=0)
        self._pending = bytearray()
        self._add(0, _bytes(3, b"brain.Event:2"))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Add numbers by tag; those outside float32's range are omitted."""
        shown = {tag: value for tag, value in values.items() if abs(value) <= _LARGEST}
        if shown:
            parts = (
                _bytes(1, tag.encode()) + struct.pack("<Bf", 0x15, value)
                for tag, value in shown.items()
            )
            self._add(step, _summary(*parts))

    def text(self, step: int, tag: str, text: str) -> None:
        """Add a text."""
        metadata = _bytes(1, _bytes(1, b"text"))
        tensor = bytes([0x08, _DT_STRING]) + _bytes(8, text.encode())
        self._add(step, _summary(_bytes(1, tag.encode()) + _bytes(9, metadata) + _bytes(8, tensor)))

    def flush(self) -> None:
        """Write what was added to disk.

        Raises:
            OSError: if the disk is full; the next call continues at the same byte.
        """
        while self._pending:
            del self._pending[: self._file.write(self._pending)]

    def close(self) -> None:
        """Close the file, without data that could not be written."""
        self._file.close()

    def _add(self, step: int, what: bytes) -> None:
        if len(self._pending) < MAX_PENDING:
            event = struct.pack("<Bd", 0x09, time.time()) + b"\x10" + _varint(step) + what
            length = struct.pack("<Q", len(event))
            self._pending += length + _masked_crc(length) + event + _masked_crc(event)


def _summary(*values: bytes) -> bytes:
    return _bytes(5, b"".join(_bytes(1, value) for value in values))


def _bytes(number: int, payload: bytes) -> bytes:
    """Return a length-delimited field of protobuf: text, bytes or a message."""
    return bytes([number << 3 | 2]) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)


def _crc_table() -> list[int]:
    table = list(range(256))
    for _ in range(8):
        table = [crc >> 1 ^ (0x82F63B78 if crc & 1 else 0) for crc in table]
    return table


_CRC_TABLE = _crc_table()


def _masked_crc(data: bytes) -> bytes:
    """Return TFRecord's masked CRC-32C (Castagnoli) of data."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
