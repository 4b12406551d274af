"""Settings of a recurrent state-space model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mbrl_ros.models.latent.settings import LatentSettings


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
class RssmSettings(LatentSettings):
    """A recurrent state-space model."""

    kind: ClassVar[str] = "rssm"
