"""Settings common to models that imagine in a latent state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mbrl_ros.core.settings import setting


@dataclass(frozen=True)
class LatentSettings:
    """A model that imagines in a latent state.

    Attributes:
        kind: name in the parameter ``learner``.
    """

    kind: ClassVar[str]

    size: str = setting("nano", "of the networks", choices=("nano", "small", "medium"))
    members: int = setting(
        1,
        "particles that are followed; the first takes the likeliest latent state at each step, the "
        "others draw theirs",
        low=1,
        high=50,
    )
    sequence: int = setting(32, "control steps of a training sequence", low=2, high=512)
    grey: bool = setting(False, "whether only the brightness of images is read")
    shift: int = setting(
        0, "pixels by which images are moved at random while training", low=0, high=16
    )
    mirrored: list[str] = setting(
        [],
        "observation and action dimensions that change sign together under the plant's mirror "
        "symmetry; every other sequence is learned as its mirror image",
    )
    unseen: list[str] = setting(
        [],
        "observation dimensions that the model does not read, but predicts all the same, so that "
        "objectives may name them; '*': all",
    )
