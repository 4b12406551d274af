"""Action sequences with fewer degrees of freedom than actions."""

from __future__ import annotations

import torch
from torch import Tensor


class Knots:
    """Knots along the horizon, and the interpolation between them.

    Knot i of K is at action ``i (H - 1) / (K - 1)``; with ``zero`` it is held for ``H / K``
    actions. Between them the sequence is constant (``zero``), linear, or a natural cubic spline, as
    in MJPC (Howell et al. 2022, section 3.2).

    Attributes:
        count: K; if equal to the horizon, every action is free.
    """

    def __init__(self, horizon: int, count: int, interpolation: str) -> None:
        """Create knots.

        Args:
            horizon: H actions.
            count: K knots; 0, or more than H: one per action.
            interpolation: ``zero``, ``linear`` or ``cubic``.
        """
        self.count = count if 0 < count < horizon else horizon
        self._basis: Tensor | None = None
        if self.count < horizon:
            self._basis = _basis(horizon, self.count, interpolation)
            self._projection = self._basis @ torch.linalg.pinv(self._basis)
            self._at = _positions(horizon, self.count, interpolation).round().long()

    def expand(self, values: Tensor) -> Tensor:
        """Return the sequences ``(..., H, A)`` through values ``(..., K, A)`` at the knots."""
        return values if self._basis is None else self._basis @ values

    def project(self, sequences: Tensor) -> Tensor:
        """Return the least-squares approximation of sequences by the knots.

        Args:
            sequences: shape ``(..., H, A)``.
        """
        return sequences if self._basis is None else self._projection @ sequences

    def at(self, sequences: Tensor) -> Tensor:
        """Return the actions next to the knots, ``(..., K, A)``, of ``(..., H, A)``."""
        return sequences if self._basis is None else sequences[..., self._at, :]


def _positions(horizon: int, count: int, interpolation: str) -> Tensor:
    if interpolation == "zero":
        # The first action at which each is held.
        return torch.ceil(torch.arange(count) * horizon / count)
    return torch.linspace(0, horizon - 1, count)


def _basis(horizon: int, count: int, interpolation: str) -> Tensor:
    """Return the matrix ``(H, K)`` from knot values to actions."""
    if interpolation == "zero" or count == 1:
        held = torch.floor(torch.arange(horizon) * count / horizon).long()
        return torch.eye(count)[held]
    place = torch.arange(horizon, dtype=torch.float64) * (count - 1) / (horizon - 1)
    left = place.floor().long().clamp(max=count - 2)
    u = (place - left)[:, None]
    unit = torch.eye(count, dtype=torch.float64)
    linear = (1 - u) * unit[left] + u * unit[left + 1]
    if interpolation == "linear" or count == 2:
        return linear.float()
    curvature = _natural_curvature(count)
    bend = ((1 - u) ** 3 - (1 - u)) * curvature[left] + (u**3 - u) * curvature[left + 1]
    return (linear + bend / 6).float()


def _natural_curvature(count: int) -> Tensor:
    """Return the matrix ``(K, K)`` from a natural spline's values to its second derivatives."""
    n = count - 2
    tridiagonal = (
        torch.diag(torch.full((n,), 4.0))
        + torch.diag(torch.ones(n - 1), 1)
        + torch.diag(torch.ones(n - 1), -1)
    ).double()
    second = torch.zeros(n, count, dtype=torch.float64)
    for i in range(n):
        second[i, i : i + 3] = torch.tensor([1.0, -2.0, 1.0])
    curvature = torch.zeros(count, count, dtype=torch.float64)
    curvature[1:-1] = torch.linalg.solve(tridiagonal, 6 * second)
    return curvature
