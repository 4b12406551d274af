"""What a learner begins with: the transitions of earlier bags, such as a person's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mbrl_ros.core.records import Frame
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.bag_records import read_records
from mbrl_ros.learning.learner import Learner


def show_bags(learner: Learner, bags: Sequence[Path], observation: Space, action: Space) -> int:
    """Have a learner take in all that bags hold, and return the number of transitions.

    Args:
        learner: takes it in.
        bags: one after the other.
        observation: O dimensions.
        action: A dimensions.

    Raises:
        ValueError: naming a bag that there is not, or that holds what does not fit.
    """
    for bag in bags:
        if not bag.exists():
            raise ValueError(f"{bag}: no such file or folder")
    count = 0
    # Frames must come in between: a restarted plant's have the same numbers again.
    for record in read_records(bags, observation, action, frames=bool(observation.images)):
        if isinstance(record, Frame):
            learner.see(record)
        else:
            learner.take(record)
            count += 1
    return count
