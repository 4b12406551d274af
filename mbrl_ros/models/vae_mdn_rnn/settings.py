"""Settings of a VAE with a mixture density RNN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mbrl_ros.core.settings import setting
from mbrl_ros.models.latent.settings import LatentSettings


@dataclass(frozen=True)
class Size:
    """Sizes of a model's networks.

    Attributes:
        latent: numbers in the latent state z.
        units: of the LSTM.
        hidden: units of the other layers.
        width: channels of the first feature map of an image.
    """

    latent: int
    units: int
    hidden: int
    width: int


#: The largest is that of the paper, but for the convolutions.
SIZES = {
    "nano": Size(8, 64, 64, 12),
    "small": Size(16, 128, 128, 24),
    "medium": Size(32, 256, 256, 32),
}


@dataclass(frozen=True)
class VaeMdnRnnSettings(LatentSettings):
    """A VAE with a mixture density RNN."""

    kind: ClassVar[str] = "vae_mdn_rnn"

    mixtures: int = setting(5, "Gaussians over the next latent state", low=1, high=50)
