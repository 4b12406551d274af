"""Whether a bag can be learned from: every byte is read, every gap is counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mbrl_ros.core.records import Transition
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.bag_summary import BagSummary, summarize
from mbrl_ros.data.bags import converted, passed_over, read_messages, read_transitions
from mbrl_ros.data.episodes import EpisodeStore
from mbrl_ros.data.messages import read_frame, read_transition
from mbrl_ros.data.streaming import BagError, RecordStream
from mbrl_ros.data.transitions import Transitions

_TRANSITION, _FRAME = "mbrl_ros/msg/Transition", "mbrl_ros/msg/Frame"


@dataclass
class BagCheck:
    """What was found in a bag.

    Attributes:
        summary: its content.
        transitions: all of them; None: there are none, or they cannot be read.
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
    transitions: Transitions | None = None
    episodes: int = 0
    missing: int = 0
    repeated: int = 0
    broken: int = 0
    lost: int = 0
    frames: int = 0
    frames_alone: int = 0
    problems: list[str] = field(default_factory=list)


def check_bag(
    path: Path, observation_space: Space | None = None, action_space: Space | None = None
) -> BagCheck:
    """Read a whole bag.

    Args:
        path: its folder or one of its files.
        observation_space: of its transitions; None: as they are.
        action_space: the same.

    Raises:
        BagError: naming the file, if it is no MCAP bag.
    """
    check = BagCheck(summarize(path))
    tell = check.problems.append
    for file in check.summary.files:
        stream = RecordStream(file)
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
            check.transitions = read_transitions([path], observation_space, action_space)
            _follow(path, check)
    except BagError as error:
        tell(str(error))
    _tell_counts(check)
    return check


def _follow(path: Path, check: BagCheck) -> None:
    """Count what is missing, told twice or in disorder."""
    assert check.transitions is not None
    log = check.transitions
    store = EpisodeStore(log.observation_space, log.action_space, 2 * len(log) + 2)
    before: Transition | None = None
    index: int | None = None
    for _, _, m in read_messages(path, types=[_TRANSITION, _FRAME]):
        if m.__msgtype__ == _FRAME:
            check.frames += 1
            store.add_frame(converted(path, m, read_frame))
            continue
        transition = converted(path, m, read_transition)
        store.append(transition)
        index = _count_index(m, index, check)
        _count_step(before, transition, check)
        before = transition
    store.end_log()
    check.frames_alone = store.frames_dropped


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
