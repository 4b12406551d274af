"""Actions as shares of half their range."""

from __future__ import annotations

import torch
from torch import Tensor

from mbrl_ros.core.spaces import Space


class Shares:
    """Actions as networks read and tell them: -1 and 1 are the limits.

    A dimension without limits is read in its SI unit, and told between -1 and 1 of it.
    """

    def __init__(self, action: Space) -> None:
        low, high = (torch.tensor(limits, device="cpu") for limits in (action.low, action.high))
        bounded = low.isfinite() & high.isfinite()
        self._middle = ((low + high) / 2).where(bounded, torch.zeros_like(low))
        self._half = ((high - low) / 2).where(bounded, torch.ones_like(low))
        self._low = low.where(bounded, -torch.ones_like(low))
        self._high = high.where(bounded, torch.ones_like(low))
        self._discrete = list(action.discrete_indices)

    def of(self, actions: Tensor) -> Tensor:
        """Return the shares of actions ``(..., A)``, SI units."""
        device = actions.device
        return (actions - self._middle.to(device)) / self._half.to(device)

    def in_units(self, shares: Tensor) -> Tensor:
        """Return the actions of shares ``(..., A)``, within their limits, SI units."""
        low, high = self._low.to(shares.device), self._high.to(shares.device)
        return low + (shares.clamp(-1.0, 1.0) + 1) / 2 * (high - low)

    def rounded(self, shares: Tensor) -> Tensor:
        """Return the nearest shares that there are where an action is discrete."""
        if not self._discrete:
            return shares
        actions = self.in_units(shares)
        actions[..., self._discrete] = actions[..., self._discrete].round()
        return self.of(actions)
