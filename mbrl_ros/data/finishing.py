"""Finishing of recorded bags: chunks, indexes and metadata.yaml."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from mcap.reader import SeekingReader
from mcap.records import Attachment, Channel, Message, Metadata, Schema
from mcap.writer import Writer

from mbrl_ros.core.whole_file import write_whole
from mbrl_ros.core.yaml_text import DUMPER, UNREADABLE
from mbrl_ros.data.streaming import RecordStream, index_of, is_finished, is_mcap, unless_gone


def mcap_files(folder: Path) -> list[Path]:
    """Return the MCAP files of a bag in recorded order."""
    return sorted(folder.glob("*.mcap"), key=lambda path: (file_number(path), path.name))


def file_number(path: Path) -> int:
    """Return the number in the name of a bag's file; -1: it has none."""
    digits = re.search(r"_(\d+)$", path.stem)
    return int(digits.group(1)) if digits else -1


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """Lock a bag; yields False if another process holds the lock.

    It is an operating-system lock, released whenever its holder ends.
    """
    fd = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(fd)


def recover(folder: Path) -> list[str]:
    """Finish the files that a killed recorder left in a bag; does nothing while one is running.

    Args:
        folder: the bag.

    Returns:
        one sentence per file changed.
    """
    with locked(folder) as mine:
        return recover_locked(folder) if mine else []


def recover_locked(folder: Path) -> list[str]:
    """As `recover`; the caller must hold the lock."""
    for left in folder.glob("*.partial"):
        left.unlink()
    notes = []
    for path in mcap_files(folder):
        if is_finished(path):
            continue
        if path.stat().st_size == 0:
            path.unlink()
        elif not is_mcap(path):
            aside = path.with_name(f"{path.name}.damaged")
            path.rename(aside)
            notes.append(f"{path}: not an MCAP file, set aside as {aside.name}")
        else:
            try:
                notes.append(finish(path))
            except OSError as error:
                # The file stays readable, without an index.
                notes.append(f"{path}: could not be finished: {error.strerror}")
    try:
        write_metadata(folder)
    except OSError as error:
        notes.append(f"{folder}/metadata.yaml: could not be written: {error.strerror}")
    return notes


def finish(path: Path) -> str:
    """Atomically rewrite a live or truncated file with chunks and an index.

    Returns:
        a description of the result.

    Raises:
        OSError: if it cannot be written; the file is then unchanged.
    """
    temporary = path.with_name(f"{path.name}.partial")
    stream = RecordStream(path)
    try:
        messages = _written([stream], temporary, Part())
        if messages:
            temporary.replace(path)
        else:
            path.unlink()
    finally:
        temporary.unlink(missing_ok=True)
    lost = f", {stream.lost} damaged bytes at its end left out" if stream.lost else ""
    return f"{path}: finished with {messages} messages{lost}"


@dataclass(frozen=True)
class Part:
    """A stretch of time.

    Attributes:
        start: since 1970 [ns].
        end: included.
    """

    start: int = 0
    end: int = 2**64 - 1


def copy_records(sources: Sequence[Path], path: Path, part: Part | None = None) -> int:
    """Write one file with chunks and an index of what others hold, finished or not.

    Args:
        sources: to read, one after the other.
        path: to write.
        part: to keep; None: all. Then what was latched when it begins is kept, too, as of then.

    Returns:
        the number of messages.

    Raises:
        OSError: if it cannot be written.
    """
    return _written(
        [RecordStream(source, may_be_gone=True) for source in sources], path, part or Part()
    )


def _written(streams: Sequence[RecordStream], path: Path, part: Part) -> int:
    with path.open("wb") as file:
        copy = _Copy(Writer(file), part)
        for stream in streams:
            copy.add(stream)
        copy.finish()
        file.flush()
        # Otherwise a power failure could leave an empty file under the new name.
        os.fsync(file.fileno())
    return copy.messages


class _Copy:
    """Messages, definitions, attachments and metadata on their way to another file."""

    def __init__(self, writer: Writer, part: Part) -> None:
        self.messages = 0
        self._writer, self._part = writer, part
        self._told: set[tuple[str, bytes]] = set()
        # What was latched before the part begins: by topic, its channel and its last message.
        self._latched: dict[str, tuple[int, Message]] = {}
        writer.start(profile="ros2")

    def add(self, stream: RecordStream) -> None:
        """Copy the records of a file."""
        schemas: dict[int, int] = {0: 0}
        channels: dict[int, int] = {}
        latched: dict[int, str] = {}
        for record in stream:
            if isinstance(record, Message) and record.channel_id in channels:
                self._take(record, channels[record.channel_id], latched.get(record.channel_id))
            elif isinstance(record, Schema) and record.id not in schemas:
                schemas[record.id] = self._writer.register_schema(
                    record.name, record.encoding, record.data
                )
            elif isinstance(record, Channel) and record.id not in channels:
                channels[record.id] = self._writer.register_channel(
                    record.topic,
                    record.message_encoding,
                    schemas.get(record.schema_id, 0),
                    record.metadata,
                )
                if "transient_local" in record.metadata.get("offered_qos_profiles", ""):
                    latched[record.id] = record.topic
            elif isinstance(record, Metadata):
                if self._is_new(record.name, repr(record.metadata).encode()):
                    self._writer.add_metadata(record.name, record.metadata)
            elif isinstance(record, Attachment) and self._is_new(record.name, record.data):
                self._writer.add_attachment(
                    record.create_time, record.log_time, record.name, record.media_type, record.data
                )

    def finish(self) -> None:
        """End the file."""
        self._writer.finish()

    def _take(self, message: Message, channel: int, latched: str | None) -> None:
        if message.log_time > self._part.end:
            return
        if message.log_time >= self._part.start:
            for before, known in self._latched.values():
                self._write(known, before, self._part.start)
            self._latched.clear()
            self._write(message, channel, message.log_time)
        elif latched is not None:
            self._latched[latched] = channel, message

    def _write(self, message: Message, channel: int, time: int) -> None:
        self._writer.add_message(
            channel, time, message.data, message.publish_time, message.sequence
        )
        self.messages += 1

    def _is_new(self, name: str, data: bytes) -> bool:
        known = (name, data) in self._told
        self._told.add((name, data))
        return not known


def write_metadata(folder: Path) -> None:
    """Write the metadata.yaml of a bag from the indexes of its finished files.

    Raises:
        OSError: if it cannot be written; the old one is then unchanged.
    """
    files: list[dict[str, Any]] = []
    topics: dict[tuple[str, str, str], dict[str, Any]] = {}
    custom: dict[str, str] = {}
    for path in mcap_files(folder):
        with unless_gone(path):
            found = path.stat()
            if contents := _contents(path, found.st_mtime_ns, found.st_size):
                files.append(_describe(path, contents, topics, custom))
    if not files:
        return
    starts = [f["starting_time"]["nanoseconds_since_epoch"] for f in files]
    ends = [s + f["duration"]["nanoseconds"] for s, f in zip(starts, files, strict=True)]
    information = {
        "version": 9,
        "storage_identifier": "mcap",
        "relative_file_paths": [f["path"] for f in files],
        "duration": {"nanoseconds": max(ends) - min(starts)},
        "starting_time": {"nanoseconds_since_epoch": min(starts)},
        "message_count": sum(f["message_count"] for f in files),
        "topics_with_message_count": list(topics.values()),
        "compression_format": "",
        "compression_mode": "",
        "files": files,
        "custom_data": custom or None,
        "ros_distro": os.environ.get("ROS_DISTRO", "none"),
    }
    # Of a run of a day, this is thousands of files, beside the thread that records.
    told = {"rosbag2_bagfile_information": information}
    write_whole(folder / "metadata.yaml", yaml.dump(told, Dumper=DUMPER, sort_keys=False))


def _describe(
    path: Path,
    contents: _Contents,
    topics: dict[tuple[str, str, str], dict[str, Any]],
    custom: dict[str, str],
) -> dict[str, Any]:
    """Return a file's entry, and add to the bag's topics and custom data."""
    custom.update(contents.custom)
    for name, type_name, encoding, qos, digest, count in contents.topics:
        key = name, type_name, qos
        if key not in topics:
            told = {
                "name": name,
                "type": type_name,
                "serialization_format": encoding,
                "offered_qos_profiles": _profiles(qos),
                "type_description_hash": digest,
            }
            topics[key] = {"topic_metadata": told, "message_count": 0}
        topics[key]["message_count"] += count
    return {
        "path": path.name,
        "starting_time": {"nanoseconds_since_epoch": contents.start},
        "duration": {"nanoseconds": contents.end - contents.start},
        "message_count": contents.messages,
    }


class _Contents(NamedTuple):
    """What a file's index says; of topics: name, type, encoding, offered QoS, hash and messages."""

    start: int
    end: int
    messages: int
    topics: list[tuple[str, str, str, str, str, int]]
    custom: dict[str, str]


# Of all files: beyond a limit, each round through them would read all of them anew.
@functools.cache
def _contents(path: Path, changed: int, size: int) -> _Contents | None:
    """Read a file's index, once: a recorder asks for all of its files whenever one is full."""
    if (summary := index_of(path)) is None:
        return None
    assert summary.statistics is not None  # the file is finished
    custom: dict[str, str] = {}
    # Corrupt bytes raise arbitrary exceptions.
    with contextlib.suppress(Exception), path.open("rb") as file:
        for metadata in SeekingReader(file).iter_metadata():
            if metadata.name == "mbrl_ros":
                custom.update(metadata.metadata)
    statistics, topics = summary.statistics, []
    for channel in summary.channels.values():
        schema = summary.schemas.get(channel.schema_id)
        topics.append((
            sys.intern(channel.topic),  # the same in every file
            sys.intern(schema.name if schema else ""),
            sys.intern(channel.message_encoding),
            sys.intern(channel.metadata.get("offered_qos_profiles", "")),
            sys.intern(channel.metadata.get("topic_type_hash", "")),
            statistics.channel_message_counts.get(channel.id, 0),
        ))  # fmt: skip
    start, end = statistics.message_start_time, statistics.message_end_time
    return _Contents(start, end, statistics.message_count, topics, custom)


def _profiles(text: str) -> list[Any]:
    """Return the quality of service that a channel was recorded with; none, if it is damaged."""
    try:
        found = yaml.safe_load(text)
    except UNREADABLE:
        return []
    return found if isinstance(found, list) else []
