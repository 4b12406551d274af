"""The transitions and frames of bags."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from mbrl_ros.core.records import Frame, Transition
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.bags import passed_over, read_messages
from mbrl_ros.data.episodes import EpisodeStore
from mbrl_ros.data.messages import read_frame, read_transition
from mbrl_ros.data.streaming import BagError
from mbrl_ros.data.transitions import Transitions, checked

_TRANSITION = "mbrl_ros/msg/Transition"
_FRAME = "mbrl_ros/msg/Frame"

_Read = TypeVar("_Read")


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
                table = Transitions(*spaces_of(path, m, observation_space, action_space))
            converted(path, m, partial(_append, table))
    if table is None:
        others = [other for path in paths for other in passed_over(path)]
        reason = f"; passed over: {', '.join(others)}" if others else ""
        raise BagError(f"{', '.join(str(p) for p in paths)}: no transitions{reason}")
    return table


def spaces_of(
    path: Path, message: Any, observation_space: Space | None, action_space: Space | None
) -> tuple[Space, Space]:
    """Return the spaces of a bag's transitions; where they are not given, with numbered names.

    Args:
        path: of the bag, in messages.
        message: its first transition.
        observation_space: None: not given.
        action_space: None: not given.

    Raises:
        BagError: if the message has no such fields.
    """
    seen, acted = converted(path, message, lambda m: (len(m.observation), len(m.action)))
    return (
        observation_space or _numbered("observation", seen),
        action_space or _numbered("action", acted),
    )


def read_frames(paths: Collection[Path]) -> Iterator[Frame]:
    """Yield the frames of bags in recorded order, one bag after the other.

    Args:
        paths: folders or files.

    Raises:
        BagError: if a file is corrupt; the images are not checked.
    """
    for path in paths:
        for _, _, m in read_messages(path, types=[_FRAME]):
            yield converted(path, m, read_frame)


def read_records(
    paths: Collection[Path], observation_space: Space, action_space: Space, frames: bool
) -> Iterator[Transition | Frame]:
    """Yield the transitions of bags in recorded order, one bag after the other.

    Args:
        paths: folders or files.
        observation_space: names of the observation.
        action_space: names of the action.
        frames: whether frames come in between.

    Raises:
        BagError: if a file is corrupt, or a transition does not fit the spaces; images are not
            checked.
    """

    def fitting(message: Any) -> Transition:
        return checked(read_transition(message), observation_space, action_space)

    for path in paths:
        kinds = [_TRANSITION, _FRAME] if frames else [_TRANSITION]
        for _, _, m in read_messages(path, types=kinds):
            if m.__msgtype__ == _FRAME:
                yield converted(path, m, read_frame)
            else:
                yield converted(path, m, fitting)


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
            if m.__msgtype__ == _FRAME:
                converted(path, m, partial(_add_frame, store))
            else:
                converted(path, m, partial(_append, store))
        store.end_log()
    return store


def converted(path: Path, message: Any, read: Callable[[Any], _Read]) -> _Read:
    """Return what is read of a message.

    Its fields may have other types than ours, as long as they hold what is needed.

    Args:
        path: of the bag, in messages.
        message: as recorded, perhaps by another version.
        read: raises ValueError if the message does not fit.

    Raises:
        BagError: naming the bag, the message and what is wrong with it.
    """
    try:
        with by_name(path):
            return read(message)
    except BagError:
        raise
    except (ValueError, TypeError) as error:
        name = message.__msgtype__.rpartition("/")[2].lower()
        step, episode = (getattr(message, each, "?") for each in ("step", "episode"))
        raise BagError(f"{path}: {name} of step {step} of episode {episode}: {error}") from None


@contextlib.contextmanager
def by_name(path: Path) -> Iterator[None]:
    """Say it in a line if a bag's message lacks a field that is read.

    Args:
        path: of the bag.

    Raises:
        BagError: naming the bag, the message and the field.
    """
    try:
        yield
    except AttributeError as error:
        kind = getattr(error.obj, "__msgtype__", None)
        if kind is None:
            raise
        fields = [name for name in vars(error.obj) if not name.startswith("_")]
        raise BagError(
            f"{path}: {kind} has no field '{error.name}', only {', '.join(fields)}: "
            "it is of another version"
        ) from None


def _add_frame(store: EpisodeStore, message: Any) -> None:
    store.add_frame(read_frame(message))


def _append(log: Transitions | EpisodeStore, message: Any) -> None:
    log.append(read_transition(message))


def _numbered(what: str, size: int) -> Space:
    return Space.of([f"{what}[{i}]" for i in range(size)])
