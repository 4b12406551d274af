"""Reading of bags: finished, still being recorded, or left by a killed recorder."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mcap.records import Channel, Message, Schema
from rosbags.highlevel import AnyReader
from rosbags.interfaces import Connection
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from mbrl_ros.core.records import Frame
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.definitions import typestore
from mbrl_ros.data.episodes import EpisodeStore
from mbrl_ros.data.finishing import mcap_files
from mbrl_ros.data.messages import read_frame, read_transition
from mbrl_ros.data.streaming import BagError, RecordStream, is_finished, is_mcap
from mbrl_ros.data.transitions import Transitions

_TRANSITION = "mbrl_ros/msg/Transition"
_FRAME = "mbrl_ros/msg/Frame"


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
            unfinished file is no error: the complete ones are yielded.
    """
    for file in _files(path):
        unfinished = file.suffix == ".mcap" and not is_finished(file)
        read = _read_unfinished if unfinished else _read_finished
        try:
            yield from read(file, frozenset(topics), frozenset(types))
        except BagError:
            raise
        except OSError as error:
            raise BagError(f"{file}: cannot be read: {error.strerror or error}") from error
        except Exception as error:  # corrupt bytes raise arbitrary exceptions
            raise BagError(f"{file}: damaged: {' '.join(str(error).split())}") from error


def read_transitions(
    paths: Collection[Path],
    observation_space: Space | None = None,
    action_space: Space | None = None,
) -> Transitions:
    """Read the transitions of bags, one bag after the other.

    Args:
        paths: folders or files.
        observation_space: None: numbered names.
        action_space: None: numbered names.

    Raises:
        BagError: if a file is corrupt, a transition does not fit the spaces, or neither spaces nor
            transitions are available.
    """
    table: Transitions | None = None
    if observation_space is not None and action_space is not None:
        table = Transitions(observation_space, action_space)
    for path in paths:
        for _, _, m in read_messages(path, types=[_TRANSITION]):
            if table is None:
                table = Transitions(
                    observation_space or _numbered("observation", len(m.observation)),
                    action_space or _numbered("action", len(m.action)),
                )
            try:
                table.append(read_transition(m))
            except ValueError as error:
                raise BagError(f"{path}: transition {m.index}: {error}") from None
    if table is None:
        raise BagError(f"{', '.join(str(p) for p in paths)}: no transitions")
    return table


def read_frames(paths: Collection[Path]) -> Iterator[Frame]:
    """Yield the frames of bags in recorded order, one bag after the other.

    Args:
        paths: folders or files.

    Raises:
        BagError: if a file is corrupt; the images are not checked.
    """
    for path in paths:
        for _, _, m in read_messages(path, types=[_FRAME]):
            yield read_frame(m)


def read_episodes(
    paths: Collection[Path], observation_space: Space, action_space: Space, capacity: int
) -> EpisodeStore:
    """Read the transitions and frames of bags, one bag after the other.

    Args:
        paths: folders or files.
        observation_space: names of the observation.
        action_space: names of the action.
        capacity: maximum number of observations kept, the newest ones.

    Raises:
        BagError: if a file is corrupt, a transition does not fit the spaces, or a frame is no image
            of its stated size.
        ValueError: if ``capacity`` is less than 2.
    """
    store = EpisodeStore(observation_space, action_space, capacity)
    for path in paths:
        for _, _, m in read_messages(path, types=[_TRANSITION, _FRAME]):
            is_frame = m.__msgtype__ == _FRAME
            try:
                if is_frame:
                    store.add_frame(read_frame(m))
                else:
                    store.append(read_transition(m))
            except ValueError as error:
                name = "frame" if is_frame else "transition"
                where = f"{name} of step {m.step} of episode {m.episode}"
                raise BagError(f"{path}: {where}: {error}") from None
        store.end_log()
    return store


def _files(path: Path) -> list[Path]:
    """Return the paths to open for a bag: its MCAP files, or a folder with another storage."""
    if not path.exists():
        raise BagError(f"{path}: no such file or folder")
    if path.is_file():
        return [path]
    files = mcap_files(path)
    if not files and not (path / "metadata.yaml").is_file():
        raise BagError(f"{path}: not a bag: neither an MCAP file nor metadata.yaml in it")
    return files or [path]


def _read_finished(path: Path, topics: frozenset[str], types: frozenset[str]) -> Iterator[Recorded]:
    with AnyReader([path], default_typestore=typestore()) as reader:
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


def _read_unfinished(
    path: Path, topics: frozenset[str], types: frozenset[str]
) -> Iterator[Recorded]:
    if path.stat().st_size == 0:
        return
    if not is_mcap(path):
        raise BagError(f"{path}: not an MCAP file")
    store: Typestore = get_typestore(Stores.EMPTY)
    names: dict[int, str] = {}
    channels: dict[int, tuple[str, str]] = {}
    for record in RecordStream(path):
        if isinstance(record, Schema):
            names[record.id] = record.name
            definitions = get_types_from_msg(record.data.decode(), record.name)
            store.register({n: d for n, d in definitions.items() if n not in store.fielddefs})
        elif isinstance(record, Channel) and record.schema_id in names:
            name = names[record.schema_id]
            if (not topics or record.topic in topics) and (not types or name in types):
                channels[record.id] = (record.topic, name)
        elif isinstance(record, Message) and record.channel_id in channels:
            topic, name = channels[record.channel_id]
            yield Recorded(topic, record.log_time, store.deserialize_cdr(record.data, name))


def _numbered(what: str, size: int) -> Space:
    return Space.of([f"{what}[{i}]" for i in range(size)])
