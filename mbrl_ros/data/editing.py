"""Bags made of bags: several in one, or a part of one. Messages stay as they were recorded."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

from mbrl_ros.data.bag_summary import summarize
from mbrl_ros.data.bags import read_messages
from mbrl_ros.data.finishing import Part, copy_records, write_metadata
from mbrl_ros.data.streaming import BagError

# What has an episode.
_OF_EPISODES = ("mbrl_ros/msg/Observation", "mbrl_ros/msg/Transition")


def merge(bags: Sequence[Path], out: Path) -> int:
    """Write the files of several bags as one, one bag after the other in order of time.

    Args:
        bags: at least one.
        out: a new or empty folder.

    Returns:
        the number of messages.

    Raises:
        BagError: if one cannot be read, or two were recorded at the same time: their steps would
            be taken for those of one plant.
        OSError: if it cannot be written.
    """
    known = sorted(((summarize(bag), bag) for bag in bags), key=lambda each: each[0].start)
    for (before, one), (after, other) in itertools.pairwise(known):
        if before.counts and after.counts and after.start <= before.end:
            raise BagError(
                f"{one} and {other} were recorded at the same time: expected bags that follow each "
                "other; train and export read several, too"
            )
    out.mkdir(parents=True, exist_ok=True)
    messages = number = 0
    for summary, _ in known:
        for file in summary.files:
            path = out / f"{out.name}_{number}.mcap"
            if copied := copy_records([file], path):
                number, messages = number + 1, messages + copied
            else:
                path.unlink()
    write_metadata(out)
    return messages


def cut(bag: Path, out: Path, part: Part) -> int:
    """Write a part of a bag, with what was latched when it begins.

    Args:
        bag: to read.
        out: a new or empty folder.
        part: to keep.

    Returns:
        the number of messages.

    Raises:
        BagError: if it cannot be read, or holds nothing of that part.
        OSError: if it cannot be written.
    """
    summary = summarize(bag)
    if part.start > summary.end or part.end < summary.start:
        raise BagError(f"{bag}: holds nothing of that time")
    out.mkdir(parents=True, exist_ok=True)
    messages = copy_records(summary.files, out / f"{out.name}_0.mcap", part)
    write_metadata(out)
    return messages


def episodes_part(bag: Path, first: int, last: int) -> Part:
    """Return the part of a bag in which some episodes were played.

    Args:
        bag: to read.
        first: number of the first episode.
        last: number of the last one, included.

    Raises:
        BagError: if it cannot be read, or holds none of them.
    """
    times: list[int] = []
    before = 0
    for _, time, message in read_messages(bag, types=_OF_EPISODES):
        if first <= message.episode <= last:
            if not times and before:
                times.append(before + 1)  # a transition is recorded after its step
            times.append(time)
        before = time
    if not times:
        raise BagError(f"{bag}: holds no episode from {first} to {last}")
    return Part(min(times), max(times))
