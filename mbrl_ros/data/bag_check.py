"""Whether a bag can be learned from: every byte is read, every gap is counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mbrl_ros.core.records import Transition
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.bag_records import converted, read_episodes, spaces_of
from mbrl_ros.data.bag_summary import BagSummary, summarize
from mbrl_ros.data.bags import passed_over, read_messages
from mbrl_ros.data.messages import read_transition
from mbrl_ros.data.streaming import BagError, RecordStream
from mbrl_ros.data.transitions import Transitions, checked

_TRANSITION, _FRAME = "mbrl_ros/msg/Transition", "mbrl_ros/msg/Frame"
# Transitions that are examined together, and steps between a frame and its observation at most.
_PART, _NEAR = 100_000, 1000


@dataclass
class BagCheck:
    """What was found in a bag.

    Attributes:
        summary: its content.
        transitions: those that could be read.
        episodes: episodes that they are of.
        missing: steps missing in the midst of episodes.
        repeated: transitions of a step that the log has already.
        broken: places where an episode's step does not begin where the one before ended.
        lost: transitions that the logger made and the bag does not hold.
        frames: frames that it holds.
        frames_alone: those whose observation it does not hold.
        problems: in words, each a line.
    """

    summary: BagSummary
    transitions: int = 0
    episodes: int = 0
    missing: int = 0
    repeated: int = 0
    broken: int = 0
    lost: int = 0
    frames: int = 0
    frames_alone: int = 0
    problems: list[str] = field(default_factory=list)


def check_bag(
    path: Path,
    spaces: tuple[Space, Space] | None = None,
    examine: Callable[[Transitions], object] = lambda part: None,
) -> BagCheck:
    """Read a whole bag, however large.

    Args:
        path: its folder or one of its files.
        spaces: observation and action of its transitions; None: as they are.
        examine: is given the transitions, in parts that follow each other.

    Raises:
        BagError: naming the file, if it is no MCAP bag.
    """
    check = BagCheck(summarize(path))
    tell = check.problems.append
    for file in check.summary.files:
        stream = RecordStream(file, may_be_gone=True)
        for _ in stream:
            pass
        if stream.lost:
            tell(f"{file}: the last {stream.lost} bytes are damaged")
        elif file in check.summary.unfinished:
            tell(f"{file}: not finished: it is being recorded, or was left by a killed recorder")
    try:
        for topic in passed_over(path):
            tell(f"{topic}: cannot be read, in another encoding than ROS 2's; passed over")
        if _TRANSITION in check.summary.types.values():
            found = _follow(path, check, spaces or (None, None), examine)
            check.frames = check.summary.messages(_FRAME)
            if check.frames and found is not None:
                check.frames_alone = read_episodes([path], *found, _NEAR).frames_dropped
    except BagError as error:
        tell(str(error))
    _tell_counts(check)
    return check


def _follow(
    path: Path,
    check: BagCheck,
    spaces: tuple[Space | None, Space | None],
    examine: Callable[[Transitions], object],
) -> tuple[Space, Space] | None:
    """Count what is missing, told twice or in disorder; return the spaces, if there is anything."""
    part: Transitions | None = None
    before: Transition | None = None
    index: int | None = None

    def fitting(message: Any) -> Transition:
        assert part is not None
        return checked(read_transition(message), part.observation_space, part.action_space)

    for _, _, m in read_messages(path, types=[_TRANSITION]):
        if part is None:
            part = Transitions(*spaces_of(path, m, *spaces))
        elif len(part) == _PART:
            examine(part)
            part = Transitions(part.observation_space, part.action_space)
        transition = converted(path, m, fitting)
        part.add(transition)
        index = _count_index(m, index, check)
        _count_step(before, transition, check)
        check.transitions += 1
        before = transition
    if part is None:
        return None
    examine(part)
    return part.observation_space, part.action_space


def _count_index(message: Any, before: int | None, check: BagCheck) -> int | None:
    """Count the transitions between two positions in a log.

    A new log begins at 0, a part of one anywhere.
    """
    position: int | None = getattr(message, "index", None)
    if position is not None and before is not None and position > before + 1:
        check.lost += int(position) - before - 1
    return None if position is None else int(position)


def _count_step(before: Transition | None, now: Transition, check: BagCheck) -> None:
    if before is None or now.episode != before.episode:
        check.episodes += 1
        return
    skipped = now.step - before.step - 1
    if skipped > 0:
        check.missing += skipped
    elif now.step == before.step:
        check.repeated += 1
    elif skipped < 0:
        check.episodes += 1  # of a plant that was started anew
    elif not np.array_equal(now.observation, before.next_observation):
        check.broken += 1


def _tell_counts(check: BagCheck) -> None:
    for count, text in (
        (check.lost, "transitions that the logger made are not in the bag"),
        (check.missing, "steps are missing in the midst of episodes"),
        (check.repeated, "transitions are of a step that the bag has already"),
        (check.broken, "steps do not begin where the step before ended"),
        (check.frames_alone, f"of {check.frames} frames have no observation in the bag"),
    ):
        if count:
            check.problems.append(f"{count} {text}")
