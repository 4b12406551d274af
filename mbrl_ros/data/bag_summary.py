"""What a bag holds, without reading its messages one by one where an index tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mcap.reader import SeekingReader
from mcap.records import Attachment, Channel, Message, Metadata, Schema
from mcap.summary import Summary

from mbrl_ros.data.finishing import mcap_files
from mbrl_ros.data.streaming import (
    BagError,
    LostError,
    RecordStream,
    index_of,
    is_mcap,
    unless_gone,
)


@dataclass
class BagSummary:
    """The content of a bag.

    Attributes:
        files: its MCAP files in recorded order.
        unfinished: those without an index: being recorded, or left by a killed recorder.
        damaged: bytes at the end of each unfinished file that are no complete record.
        size: of all files [bytes].
        counts: topic to messages.
        types: topic to type of message.
        encodings: topic to its messages' encoding.
        start: time of the first message, since 1970 [ns]; 0: there is none.
        end: of the last one.
        metadata: keys to values that the recorder wrote.
        attachments: names to texts that the recorder wrote, the newest of each.
    """

    files: list[Path] = field(default_factory=list)
    unfinished: list[Path] = field(default_factory=list)
    damaged: dict[Path, int] = field(default_factory=dict)
    size: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    types: dict[str, str] = field(default_factory=dict)
    encodings: dict[str, str] = field(default_factory=dict)
    start: int = 0
    end: int = 0
    metadata: dict[str, str] = field(default_factory=dict)
    attachments: dict[str, str] = field(default_factory=dict)

    def messages(self, kind: str) -> int:
        """Return the number of messages of a type."""
        return sum(count for topic, count in self.counts.items() if self.types[topic] == kind)

    def _saw(self, start: int, end: int) -> None:
        self.start = min(self.start or start, start)
        self.end = max(self.end, end)

    def _has(self, channel: Channel, schema: Schema | None, count: int) -> None:
        self.counts[channel.topic] += count
        self.types[channel.topic] = schema.name if schema else ""
        self.encodings[channel.topic] = channel.message_encoding

    def _is_told(self, record: Metadata | Attachment) -> None:
        if isinstance(record, Metadata):
            self.metadata.update(record.metadata)
        else:
            self.attachments[record.name] = record.data.decode(errors="replace")


def summarize(path: Path) -> BagSummary:
    """Return what an MCAP bag, finished or not, holds.

    Args:
        path: a bag's folder or one of its files.

    Raises:
        BagError: naming the file, if it is no MCAP bag or its index is damaged.
    """
    summary = BagSummary()
    for file in bag_files(path):
        with unless_gone(file, alone=file == path):
            _summarize_file(file, summary)
    return summary


def _summarize_file(file: Path, into: BagSummary) -> None:
    size = file.stat().st_size
    if size and not is_mcap(file):
        raise LostError(f"{file}: not an MCAP file")
    if size and (index := index_of(file)) is not None:
        _read_index(file, index, into)
    else:
        _read_through(file, into)
    into.files.append(file)
    into.size += size


def bag_files(path: Path) -> list[Path]:
    """Return the MCAP files of a bag in recorded order.

    Args:
        path: a bag's folder or one of its files.

    Raises:
        BagError: if there are none.
    """
    if not path.exists():
        raise LostError(f"{path}: no such file or folder")
    files = [path] if path.is_file() else mcap_files(path)
    if not files:
        raise BagError(f"{path}: not a bag: no MCAP file in it")
    return files


def _read_index(path: Path, index: Summary, into: BagSummary) -> None:
    assert index.statistics is not None  # the file is finished
    try:
        with path.open("rb") as file:
            for record in _told_in(SeekingReader(file)):
                into._is_told(record)
        counts = index.statistics.channel_message_counts
        for channel in index.channels.values():
            schema = index.schemas.get(channel.schema_id)
            into._has(channel, schema, counts.get(channel.id, 0))
        if index.statistics.message_count:
            into._saw(index.statistics.message_start_time, index.statistics.message_end_time)
    except OSError:
        raise
    except Exception as error:  # corrupt bytes raise arbitrary exceptions
        raise LostError(f"{path}: damaged: {' '.join(str(error).split())}") from error


def _told_in(reader: SeekingReader) -> Iterator[Metadata | Attachment]:
    yield from reader.iter_metadata()
    yield from reader.iter_attachments()


def _read_through(path: Path, into: BagSummary) -> None:
    into.unfinished.append(path)
    schemas: dict[int, Schema] = {}
    channels: dict[int, Channel] = {}
    stream = RecordStream(path)
    for record in stream:
        if isinstance(record, Schema):
            schemas[record.id] = record
        elif isinstance(record, Channel):
            channels[record.id] = record
        elif isinstance(record, Metadata | Attachment):
            into._is_told(record)
        elif isinstance(record, Message) and record.channel_id in channels:
            channel = channels[record.channel_id]
            into._has(channel, schemas.get(channel.schema_id), 1)
            into._saw(record.log_time, record.log_time)
    if stream.lost:
        into.damaged[path] = stream.lost
