"""A linear controller of features."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mbrl_ros.core.spaces import Space
from mbrl_ros.models.latent.behaviour import LatentBehaviour
from mbrl_ros.models.latent.shares import Shares

# Deviation of explored actions, as a share of half their range.
_EXPLORED = 0.3


class Controller(LatentBehaviour):
    """C: actions are linear in z and h, squashed (Ha and Schmidhuber 2018, section 2.3).

    Attributes:
        action: A dimensions; discrete ones are rounded.
        weights: of the features and, last, the bias; shape ``(A, F + 1)``.
    """

    def __init__(self, features: int, action: Space) -> None:
        """Create a controller that does what is in the middle.

        Args:
            features: F.
            action: A dimensions.
        """
        super().__init__()
        self.action = action
        self.weights = nn.Parameter(torch.zeros(action.dim, features + 1), requires_grad=False)
        self._shares = Shares(action)

    @torch.no_grad()
    def initialize(self, generator: torch.Generator) -> None:
        """Set all weights to zero."""
        self.weights.zero_()

    def shares(self, features: Tensor, weights: Tensor, noise: Tensor | None = None) -> Tensor:
        """Return actions as shares of half their range, shape ``(..., A)``.

        Args:
            features: shape ``(..., F)``.
            weights: of one or many controllers, shape ``(..., A, F + 1)`` without the batch's last
                dimension, if they are many: ``(P, A, F + 1)`` for features ``(P, N, F)``.
            noise: what is added, of the result's shape; None: nothing.
        """
        told = torch.tanh(features @ weights[..., :-1].mT + weights[..., None, :, -1])
        if noise is not None:
            told = (told + noise).clamp(-1.0, 1.0)
        return self._shares.rounded(told)

    def in_units(self, shares: Tensor) -> Tensor:
        """Return actions ``(..., A)`` within their limits, SI units."""
        return self._shares.in_units(shares)

    def heads(self) -> tuple[ControllerPolicy, None]:
        """See `LatentBehaviour.heads`."""
        return ControllerPolicy(self), None


class ControllerPolicy:
    """A controller as a `Policy`."""

    def __init__(self, controller: Controller) -> None:
        self._controller, self.objective = controller, controller.objective

    @torch.no_grad()
    def __call__(self, features: Tensor) -> Tensor:
        """See `Policy`."""
        c = self._controller
        return c.in_units(c.shares(features, c.weights))

    @torch.no_grad()
    def sample(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """See `Policy`."""
        c = self._controller
        shape = (*features.shape[:-1], c.action.dim)
        noise = _EXPLORED * torch.randn(shape, generator=generator).to(features.device)
        return c.in_units(c.shares(features, c.weights, noise))
