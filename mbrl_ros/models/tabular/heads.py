"""Policy and value of a table."""

from __future__ import annotations

import torch
from torch import Tensor

from mbrl_ros.models.heads import Policy, Value


class TabularPolicy(Policy):
    """Chooses the best action of a row; features: the row's number.

    Attributes:
        q: expected return of each pair, shape ``(S, C)``, float64.
        drawn_to: the same as exploration has it.
        epsilon: probability of a random action while exploring.
    """

    # The reward is the plant's own.
    objective = ""

    def __init__(self, q: Tensor, drawn_to: Tensor, actions: Tensor, epsilon: float) -> None:
        """Make a policy.

        Args:
            q: see above.
            drawn_to: see above.
            actions: of each choice, shape ``(C, A)``.
            epsilon: see above.
        """
        self.q, self.drawn_to, self._actions, self.epsilon = q, drawn_to, actions, epsilon

    def __call__(self, features: Tensor) -> Tensor:
        """See `Policy`; the first of those that are equally good."""
        return self._actions[self.q[features[..., 0].long()].argmax(dim=-1)]

    def sample(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """See `Policy`; one of those that are equally good, or with ``epsilon`` any."""
        q = self.drawn_to[features[..., 0].long()]
        lots = torch.rand(*q.shape[:-1], q.shape[-1] + 1, generator=generator)
        lots, adventure = lots[..., :-1], lots[..., -1:] < self.epsilon
        best = (q == q.amax(dim=-1, keepdim=True)) | adventure
        return self._actions[((1 + lots) * best).argmax(dim=-1)]


class TabularValue(Value):
    """Expected return of a row, at its best action."""

    objective = ""

    def __init__(self, q: Tensor) -> None:
        """Make a value; see `TabularPolicy.q`."""
        self._best = q.amax(dim=-1).float()

    def __call__(self, features: Tensor) -> Tensor:
        """See `Value`."""
        return self._best[features[..., 0].long()]
