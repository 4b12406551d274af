"""Settings of a recurrent state-space model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mbrl_ros.core.settings import setting


@dataclass(frozen=True)
class Size:
    """Sizes of a model's networks.

    Attributes:
        deter: units of the recurrent state.
        latents: categorical variables.
        classes: of each.
        hidden: units of the other layers.
        width: channels of the first feature map of an image.
    """

    deter: int
    latents: int
    classes: int
    hidden: int
    width: int


SIZES = {
    "nano": Size(64, 8, 8, 64, 12),
    "small": Size(200, 16, 16, 128, 24),
    "medium": Size(512, 24, 24, 256, 32),
}


@dataclass(frozen=True)
class RssmSettings:
    """A recurrent state-space model."""

    kind: ClassVar[str] = "rssm"

    size: str = setting("nano", "of the networks", choices=tuple(SIZES))
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
