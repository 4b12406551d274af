"""Encoder and decoder of images."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from mbrl_ros.models.latent.layers import Layer

# Of red, green and blue in brightness (ITU-R BT.601).
_BRIGHTNESS = (0.299, 0.587, 0.114)
# Sides that the smallest feature map may have [pixels].
_SMALLEST = 6


def read(images: Tensor, grey: bool) -> Tensor:
    """Return images as networks read and tell them, in [-0.5, 0.5].

    Args:
        images: of all cameras, RGB, shape ``(..., cameras, side, side, 3)``, uint8.
        grey: whether brightness is enough.

    Returns:
        shape ``(..., channels, side, side)``, float32.
    """
    light = images.float() / 255 - 0.5
    if grey:
        light = (light @ light.new_tensor(_BRIGHTNESS))[..., None]
    return light.movedim(-1, -3).flatten(-4, -3)


def written(light: Tensor, cameras: int) -> Tensor:
    """Return images that networks tell, as cameras have them: the reverse of `read`.

    Args:
        light: shape ``(..., channels, side, side)``.
        cameras: how many there are.

    Returns:
        RGB, shape ``(..., cameras, side, side, 3)``, uint8.
    """
    colors = light.unflatten(-3, (cameras, -1)).movedim(-3, -1)
    bright = (255 * (colors + 0.5)).nan_to_num().round().clamp(0, 255)
    return bright.to(torch.uint8).expand(*colors.shape[:-1], 3)


def shifted(images: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Return images moved at random, their edges repeated (Yarats et al. 2021).

    Args:
        images: B sequences, shape ``(B, L, channels, side, side)``; all steps of a sequence are
            moved alike.
        most: pixels, in each direction.
        generator: of the shifts.
    """
    batch, length, channels, side, _ = images.shape
    padded = functional.pad(images.flatten(1, 2), (most,) * 4, mode="replicate")
    padded = padded.unflatten(1, (length, channels))
    places = torch.randint(2 * most + 1, (batch, 2), generator=generator).tolist()
    moved = [
        one[..., top : top + side, left : left + side]
        for one, (top, left) in zip(padded, places, strict=True)
    ]
    return torch.stack(moved)


def _channels(channels: int, side: int, width: int) -> tuple[list[int], int]:
    """Return the channels of each feature map, the image's first, and the last one's side."""
    sizes = [channels]
    while side > _SMALLEST:
        sizes.append(width * 2 ** (len(sizes) - 1))
        side //= 2
    return sizes, side


class ImageEncoder(nn.Module):
    """Convolutions that halve the image's side, with layer normalisation over the channels."""

    def __init__(self, channels: int, side: int, width: int, outputs: int) -> None:
        """Create layers.

        Args:
            channels: of the image.
            side: of the image [pixels].
            width: channels of the first feature map.
            outputs: numbers told of an image.
        """
        super().__init__()
        sizes, least = _channels(channels, side, width)
        self.layers = nn.Sequential()
        for before, after in itertools.pairwise(sizes):
            self.layers.append(nn.Conv2d(before, after, 4, 2, 1, bias=False))
            self.layers.append(nn.GroupNorm(1, after))
            self.layers.append(nn.SiLU())
        self.last = nn.Linear(sizes[-1] * least * least, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Return ``(..., outputs)`` of images ``(..., channels, side, side)``."""
        flat = images.flatten(0, -4).contiguous(memory_format=torch.channels_last)
        told: Tensor = self.last(self.layers(flat).flatten(1))
        return told.view(*images.shape[:-3], -1)


class ImageDecoder(nn.Module):
    """Transposed convolutions that double the side, up to the image."""

    def __init__(self, inputs: int, channels: int, side: int, width: int) -> None:
        """Create layers; arguments as for `ImageEncoder`."""
        super().__init__()
        sizes, self._least = _channels(channels, side, width)
        self.first = Layer(inputs, sizes[-1] * self._least**2)
        self.layers = nn.Sequential()
        *pairs, (before, after) = itertools.pairwise(reversed(sizes))
        for larger, fewer in pairs:
            self.layers.append(nn.ConvTranspose2d(larger, fewer, 4, 2, 1, bias=False))
            self.layers.append(nn.GroupNorm(1, fewer))
            self.layers.append(nn.SiLU())
        self.layers.append(nn.ConvTranspose2d(before, after, 4, 2, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Return images ``(..., channels, side, side)`` of features ``(..., inputs)``."""
        first = self.first(features).flatten(0, -2)
        small = first.view(len(first), -1, self._least, self._least)
        images: Tensor = self.layers(small.contiguous(memory_format=torch.channels_last))
        return images.view(*features.shape[:-1], *images.shape[1:])
