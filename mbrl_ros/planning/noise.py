"""Temporally correlated noise."""

from __future__ import annotations

import torch
from torch import Tensor


def coloured_noise(
    shape: tuple[int, ...], beta: float, generator: torch.Generator | None = None
) -> Tensor:
    """Draw Gaussian noise whose power falls as ``1 / f ** beta`` along the last axis.

    Timmer and König (1995), as iCEM (Pinneri et al. 2020) uses it: 0 is white, 1 pink, 2 a
    random walk.

    Args:
        shape: ``(..., length)``.
        beta: the exponent.
        generator: source of randomness.

    Returns:
        noise of the given shape with zero mean and unit variance.
    """
    length = shape[-1]
    if length == 1 or beta == 0.0:
        return torch.randn(shape, generator=generator)
    frequencies = torch.fft.rfftfreq(length)
    frequencies[0] = 1.0 / length
    scale = frequencies ** (-beta / 2.0)
    spectrum = torch.randn((*shape[:-1], len(frequencies), 2), generator=generator)
    spectrum = spectrum * scale[:, None]
    # The constant and, for even lengths, the Nyquist component are real.
    spectrum[..., 0, 1] = 0.0
    spectrum[..., 0, 0] *= 2.0**0.5
    power = 4.0 * scale**2
    power[0] /= 2.0
    if length % 2 == 0:
        spectrum[..., -1, 1] = 0.0
        spectrum[..., -1, 0] *= 2.0**0.5
        power[-1] /= 2.0
    sigma = torch.sqrt(power.sum()) / length
    return torch.fft.irfft(torch.view_as_complex(spectrum), n=length) / sigma
