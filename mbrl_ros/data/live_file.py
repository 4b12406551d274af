"""The MCAP file being recorded: survives a kill and a full disk."""

from __future__ import annotations

import math
import os
import struct
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from mcap.opcode import Opcode
from mcap.writer import IndexType, Writer

from mbrl_ros.data.definitions import Topic, offered_qos

# Maximum kept in memory while the disk is full [bytes].
MAX_PENDING = 256 * 2**20

# Retry interval after a failed write [s].
_RETRY_AFTER = 1.0
# A message's record: opcode, length of the rest, channel, sequence, log and publish time, data.
_MESSAGE = struct.Struct("<BQHIQQ")
_OPCODE_AND_LENGTH = 9
# Largest single write [bytes]: a long queue is written in pieces.
_WRITE_SIZE = 2**20


class _Tail:
    """The append-only stream below the MCAP writer.

    Its writes never fail: data that the disk does not accept stays in memory and is written later
    in order, so the file's offsets remain correct.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None
        self._position = 0
        self._retry_at = 0.0
        # Since it was last synced.
        self._written = False
        self._lock = threading.Lock()
        self._syncing_since = math.inf
        self.pending = bytearray()
        self.error = ""

    def write(self, data: bytes) -> None:
        self.pending += data
        self._position += len(data)

    def tell(self) -> int:
        return self._position

    def drain(self, now: bool = False) -> None:
        if self.error and not now and time.monotonic() < self._retry_at:
            return
        try:
            if self._fd is None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
                self._fd = os.open(self._path, flags, 0o644)
            while self.pending:
                written = os.write(self._fd, self.pending[:_WRITE_SIZE])
                self._written = True
                del self.pending[:written]
            self.error = ""
        except OSError as error:
            self.error = error.strerror or str(error)
            self._retry_at = time.monotonic() + _RETRY_AFTER

    def sync(self) -> None:
        with self._lock:
            if self._fd is None or not self._written:
                return
            fd = os.dup(self._fd)
        self._written, self._syncing_since = False, time.monotonic()
        try:
            os.fsync(fd)
        except OSError:
            self._written = True  # it is still to be held
            raise
        finally:
            self._syncing_since = math.inf
            os.close(fd)

    @property
    def syncing(self) -> float:
        """For how long the disk has not taken what it was given [s]."""
        return max(0.0, time.monotonic() - self._syncing_since)

    def close(self) -> None:
        with self._lock:
            if self._fd is not None:
                os.close(self._fd)
            self._fd = None


class LiveFile:
    """An MCAP file to which each message is appended immediately, without chunks or index.

    The operating system has a message before `write` returns, so a killed process loses none. In
    exchange, the file can only be read sequentially until `mbrl_ros.data.finishing.finish` adds an
    index.

    Attributes:
        path: the file.
        messages: number written.
        lost: number lost because the disk was full for too long.
    """

    def __init__(
        self, path: Path, attachments: Mapping[str, str], metadata: Mapping[str, str]
    ) -> None:
        """Create the file, as soon as the disk allows it; see `error`.

        Args:
            path: must not exist.
            attachments: names to texts, such as the run's configuration.
            metadata: keys to values.
        """
        self.path = path
        self.messages = 0
        self.lost = 0
        self._tail = _Tail(path)
        self._channels: dict[Topic, int] = {}
        self._schemas: dict[str, int] = {}
        self._writer = Writer(
            self._tail,  # type: ignore[arg-type]  # what the writer needs of a stream
            use_chunking=False,
            index_types=IndexType.NONE,
            repeat_channels=False,
            repeat_schemas=False,
            use_statistics=False,
            use_summary_offsets=False,
        )
        self._writer.start(profile="ros2")
        self._writer.add_metadata("mbrl_ros", dict(metadata))
        for name, text in attachments.items():
            now = time.time_ns()
            self._writer.add_attachment(now, now, name, "application/yaml", text.encode())
        self._tail.drain()

    @property
    def size(self) -> int:
        """Length of the file including pending data [bytes]."""
        return self._tail.tell()

    @property
    def pending(self) -> int:
        """Data not written to disk yet [bytes]."""
        return len(self._tail.pending)

    @property
    def error(self) -> str:
        """Reason of the last failed write; empty: none."""
        return self._tail.error

    @property
    def syncing(self) -> float:
        """For how long the disk has not taken what it was given [s]; 0: it is not asked to."""
        return self._tail.syncing

    def sync(self) -> None:
        """Have the disk itself hold what was written; from another thread, for it takes long.

        Raises:
            OSError: if it cannot.
        """
        self._tail.sync()

    def write(self, topic: Topic, stamp: int, data: bytes) -> None:
        """Append one message.

        Args:
            topic: of the message.
            stamp: of reception, since 1970 [ns].
            data: CDR with its header, as received.
        """
        if self.pending > MAX_PENDING:
            self.lost += 1
        elif channel := self._channels.get(topic):
            # As the writer does, which takes ten times as long.
            length = _MESSAGE.size - _OPCODE_AND_LENGTH + len(data)
            self._tail.write(_MESSAGE.pack(Opcode.MESSAGE, length, channel, 0, stamp, stamp) + data)
            self.messages += 1
        else:
            channel = self._register(topic)
            self._writer.add_message(channel, log_time=stamp, publish_time=stamp, data=data)
            self.messages += 1
        self._tail.drain()

    def retry(self) -> None:
        """Try to write pending data."""
        self._tail.drain(now=True)

    def close(self) -> int:
        """Close the file and return the number of bytes that could not be written.

        They are lost.
        """
        self._writer.finish()
        self._tail.drain(now=True)
        self._tail.close()
        return self.pending

    def _register(self, topic: Topic) -> int:
        if topic.type not in self._schemas:
            text = topic.definition.encode()
            self._schemas[topic.type] = self._writer.register_schema(topic.type, "ros2msg", text)
        self._channels[topic] = self._writer.register_channel(
            topic.name,
            "cdr",
            self._schemas[topic.type],
            {
                "offered_qos_profiles": offered_qos(topic.latched),
                "topic_type_hash": topic.hash,
            },
        )
        return self._channels[topic]
