"""The messages of bags: finished, still being recorded, or left by a killed recorder."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mcap.reader import SeekingReader
from mcap.records import Channel, Message, Schema
from rosbags.highlevel import AnyReader
from rosbags.interfaces import Connection
from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from mbrl_ros.data.bag_summary import bag_files, summarize
from mbrl_ros.data.definitions import typestore
from mbrl_ros.data.finishing import mcap_files
from mbrl_ros.data.streaming import (
    RECORD_HEAD,
    BagError,
    LostError,
    RecordStream,
    index_of,
    is_finished,
    is_mcap,
    records_of_chunk,
    unless_gone,
)

# Encodings of messages and of their definitions.
_READABLE = {("cdr", "ros2msg"), ("cdr", "ros2idl")}

# The parser of definitions repeats the whole text [characters].
_REASON = 100

_Entry = tuple[Schema, Channel, Message]
_Wanted = Callable[[Schema | None, Channel], bool]


class Recorded(NamedTuple):
    """One message of a bag.

    Attributes:
        topic: absolute name.
        time: of reception, since 1970 [ns].
        message: with the fields of its type.
    """

    topic: str
    time: int
    message: Any


def read_messages(
    path: Path, topics: Collection[str] = (), types: Collection[str] = ()
) -> Iterator[Recorded]:
    """Yield the messages of a bag in recorded order.

    Args:
        path: a bag's folder or one of its files.
        topics: absolute names wanted; empty: all.
        types: message types wanted; empty: all.

    Raises:
        BagError: naming the file, if it is no bag or is corrupt. A truncated last record of an
            unfinished file is no error: the complete ones are yielded. Messages that are not
            encoded as ROS 2 does are passed over; see `passed_over`. A file that a recorder removes
            in the meantime to make room is passed over, too, which is told once.
    """
    for file in _files(path):
        read = _read_mcap if file.suffix == ".mcap" else _read_other
        try:
            with unless_gone(file, alone=file == path):
                yield from read(file, frozenset(topics), frozenset(types))
        except BagError:
            raise
        except OSError as error:
            raise BagError(f"{file}: cannot be read: {error.strerror or error}") from error
        except Exception as error:  # corrupt bytes raise arbitrary exceptions
            raise LostError(f"{file}: damaged: {' '.join(str(error).split())}") from error


def types_in(path: Path) -> dict[str, str]:
    """Return the type of each topic of a bag.

    Raises:
        BagError: naming the file, if it is no bag or its index is damaged.
    """
    (first, *_) = _files(path)
    if first.suffix == ".mcap":
        return summarize(path).types
    with _other(first) as reader:
        return {connection.topic: connection.msgtype for connection in reader.connections}


def passed_over(path: Path) -> list[str]:
    """Return the topics of a bag's finished files that cannot be read, with their encodings."""
    found = {}
    for file in _files(path):
        if file.suffix != ".mcap" or (summary := index_of(file)) is None:
            continue
        for channel in summary.channels.values():
            schema = summary.schemas.get(channel.schema_id)
            kind = channel.message_encoding, schema.encoding if schema else ""
            if kind not in _READABLE:
                found[channel.topic] = f"{channel.topic} ({channel.message_encoding})"
    return list(found.values())


def _files(path: Path) -> list[Path]:
    """Return the paths to open for a bag: its MCAP files, or a folder with another storage."""
    is_other = path.is_dir() and not mcap_files(path) and (path / "metadata.yaml").is_file()
    return [path] if is_other else bag_files(path)


def _read_mcap(path: Path, topics: frozenset[str], types: frozenset[str]) -> Iterator[Recorded]:
    if path.stat().st_size == 0:
        return
    if not is_mcap(path):
        raise LostError(f"{path}: not an MCAP file")

    def wanted(schema: Schema | None, channel: Channel) -> bool:
        return (
            schema is not None
            and (channel.message_encoding, schema.encoding) in _READABLE
            and (not topics or channel.topic in topics)
            and (not types or schema.name in types)
        )

    store: Typestore = get_typestore(Stores.EMPTY)
    for schema, channel, message in (_finished if is_finished(path) else _unfinished)(path, wanted):
        if schema.name not in store.fielddefs:
            _register(store, schema, path)
        data = store.deserialize_cdr(message.data, schema.name)
        yield Recorded(channel.topic, message.log_time, data)


def _finished(path: Path, wanted: _Wanted) -> Iterator[_Entry]:
    with path.open("rb") as file:
        reader = SeekingReader(file, validate_crcs=True)
        summary = reader.get_summary()
        assert summary is not None  # the file is finished
        channels = {
            channel.id: channel
            for channel in summary.channels.values()
            if wanted(summary.schemas.get(channel.schema_id), channel)
        }
        if not channels:
            return
        # Chunks without them are not even decompressed.
        chunks = [
            chunk
            for chunk in sorted(summary.chunk_indexes, key=lambda c: c.message_start_time)
            if channels.keys() & chunk.message_index_offsets.keys()
            or not chunk.message_index_length
        ]
        if any(a.message_end_time > b.message_start_time for a, b in itertools.pairwise(chunks)):
            names = [channel.topic for channel in channels.values()]
            entries = reader.iter_messages(topics=names)
            yield from ((s, c, m) for s, c, m in entries if c.id in channels and s is not None)
            return
        for chunk in chunks:
            file.seek(chunk.chunk_start_offset + RECORD_HEAD)
            found = records_of_chunk(file.read(chunk.chunk_length - RECORD_HEAD))
            messages = [m for m in found if isinstance(m, Message) and m.channel_id in channels]
            for message in sorted(messages, key=lambda m: m.log_time):
                channel = channels[message.channel_id]
                yield summary.schemas[channel.schema_id], channel, message


def _unfinished(path: Path, wanted: _Wanted) -> Iterator[_Entry]:
    schemas: dict[int, Schema] = {}
    channels: dict[int, Channel] = {}
    for record in RecordStream(path):
        if isinstance(record, Schema):
            schemas[record.id] = record
        elif isinstance(record, Channel) and wanted(schemas.get(record.schema_id), record):
            channels[record.id] = record
        elif isinstance(record, Message) and record.channel_id in channels:
            channel = channels[record.channel_id]
            yield schemas[channel.schema_id], channel, record


def _register(store: Typestore, schema: Schema, path: Path) -> None:
    read = get_types_from_idl if schema.encoding == "ros2idl" else None
    try:
        text = schema.data.decode()
        types = read(text) if read else get_types_from_msg(text, schema.name)
        store.register({n: d for n, d in types.items() if n not in store.fielddefs})
    except Exception as error:  # whatever the grammar's parser raises
        reason = " ".join(str(error).split())[:_REASON]
        raise LostError(
            f"{path}: {schema.name}: its definition cannot be read: {reason}"
        ) from error


def _read_other(path: Path, topics: frozenset[str], types: frozenset[str]) -> Iterator[Recorded]:
    """Read a bag with another storage."""
    with _other(path) as reader:
        wanted: list[Connection] = [
            c
            for c in reader.connections
            if (not topics or c.topic in topics) and (not types or c.msgtype in types)
        ]
        if not wanted:
            return
        for connection, time, data in reader.messages(connections=wanted):
            message = reader.deserialize(data, connection.msgtype)
            yield Recorded(connection.topic, time, message)


def _other(path: Path) -> AnyReader:
    return AnyReader([path], default_typestore=typestore())
