"""Inverse and backward models."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mbrl_ros.core.spaces import Space
from mbrl_ros.data.segments import Batch
from mbrl_ros.models.encoding import Encoding
from mbrl_ros.models.normalizing import take_inputs
from mbrl_ros.models.regression import HeadsTrainer, Regression

_HIDDEN = [128, 128]


class Inverses(nn.Module):
    """An inverse model (s, s' -> a) and a backward model (s', a -> s), beside the dynamics.

    Both take observations without history, whatever the input of the dynamics, and predict the
    mean.

    Attributes:
        action_head: predicts the action from the observation and its change.
        change_head: predicts the change from the action and the next observation.
    """

    # Of the dynamics' observations, whose batches they are trained on; None: 0.
    origin: Tensor | None = None

    def __init__(
        self, observation: Space, action: Space, generator: torch.Generator | None = None
    ) -> None:
        """Create models with random weights.

        Args:
            observation: O dimensions.
            action: A dimensions.
            generator: of the weights.
        """
        super().__init__()
        self._encoding = Encoding(observation, action)
        o, a, told = observation.dim, action.dim, self._encoding.input_dim
        self.action_head = Regression(told - a + o, a, _HIDDEN, generator)
        self.change_head = Regression(told, o, _HIDDEN, generator)

    def action(self, before: Tensor, after: Tensor) -> Tensor:
        """Predict the actions that lead from one observation to another; differentiable.

        Args:
            before: shape ``(..., O)``, SI units.
            after: same shape.

        Returns:
            shape ``(..., A)``, SI units; not clipped to the limits.
        """
        if self.origin is not None:
            before, after = (before - self.origin).float(), (after - self.origin).float()
        return self.action_head(self.between(before, after))

    def before(self, action: Tensor, after: Tensor) -> Tensor:
        """Predict the observations before actions; differentiable.

        Args:
            action: shape ``(..., A)``, SI units.
            after: shape ``(..., O)``, as in the training data: told from `origin`.

        Returns:
            shape ``(..., O)``, the same.
        """
        return after - self.change_head(self._encoding.encode(after, action))

    def between(self, before: Tensor, after: Tensor) -> Tensor:
        """Return the input of the inverse model, shape ``(..., I)``."""
        nothing = before.new_empty(*before.shape[:-1], 0)
        change = self._encoding.difference(before, after)
        return torch.cat([self._encoding.encode(before, nothing), change], dim=-1)

    def changes(self, data: Batch) -> tuple[Tensor, Tensor]:
        """Return the input and the target of the backward model.

        Returns:
            shapes ``(..., I)`` and ``(..., O)``.
        """
        before = data.state[..., : data.next_observation.shape[-1]]
        told = self._encoding.encode(data.next_observation, data.action)
        return told, self._encoding.difference(before, data.next_observation)


class InversesTrainer(HeadsTrainer):
    """Trains both."""

    def __init__(self, inverses: Inverses) -> None:
        super().__init__(inverses.action_head, inverses.change_head)
        self._inverses = inverses

    def normalize_from(self, data: Batch) -> None:
        """See `HeadsTrainer.normalize_from`."""
        inverses, before = self._inverses, data.state[..., : data.next_observation.shape[-1]]
        inverses.action_head.normalize_from(
            inverses.between(before, data.next_observation), data.action
        )
        mean, unit = torch.empty_like(before[0]), torch.empty_like(before[0])
        take_inputs(mean, unit, before)
        inverses.change_head.normalize_from(*inverses.changes(data), unit)

    def update(self, data: Batch) -> None:
        """See `HeadsTrainer.update`."""
        inverses, before = self._inverses, data.state[..., : data.next_observation.shape[-1]]
        told = inverses.between(before, data.next_observation)
        inverses.action_head.update(self.optimizers[0], told, data.action)
        inverses.change_head.update(self.optimizers[1], *inverses.changes(data))
