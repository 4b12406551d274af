"""Mirror images: what is declared to be the same with signs changed need not be seen twice."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mbrl_ros.core.spaces import Space
from mbrl_ros.data.segments import Batch


class Mirror:
    """A plant that behaves the same in a mirror: some of its dimensions change sign together."""

    def __init__(
        self, observation: Space, action: Space, history: int, names: Sequence[str]
    ) -> None:
        """Make a mirror.

        Args:
            observation: O dimensions.
            action: A dimensions.
            history: observations in a state.
            names: of the observation's and the action's dimensions that change sign; none: there
                is no mirror.

        Raises:
            ValueError: naming a dimension that is unknown, or an action whose limits are not the
                same on both sides: its mirror image could not be sent.
        """
        for name in names:
            if name not in (*observation.names, *action.names):
                expected = ", ".join([*observation.names, *action.names])
                raise ValueError(f"model.mirrored: '{name}' is not one of {expected}")
        for name, low, high in zip(action.names, action.low, action.high, strict=True):
            if name in names and low != -high:
                raise ValueError(
                    f"model.mirrored: '{name}': expected limits that are the same on both sides, "
                    f"got {low} and {high}"
                )
        # No tensors: a model that is received is made without memory at first, where the first
        # operation on one has torch load a second's worth of modules, on the control path.
        self._observation, self._action = (
            [-1.0 if name in names else 1.0 for name in space.names]
            for space in (observation, action)
        )
        self._state = history * self._observation + (history - 1) * self._action

    def every_other(self, batch: Batch) -> Batch:
        """Return a batch with every other of its rows replaced by their mirror images.

        Args:
            batch: the rows of shape ``(..., N)``; their dynamics are mirrored, and not their
                rewards and ends, which a mirror may well change.
        """
        if min(self._observation + self._action) > 0:
            return batch
        state, action, next_observation = (
            _mirrored(values, signs)
            for values, signs in (
                (batch.state, self._state),
                (batch.action, self._action),
                (batch.next_observation, self._observation),
            )
        )
        return Batch(state, action, next_observation, batch.reward, batch.terminated)


def _mirrored(values: Tensor, signs: list[float]) -> Tensor:
    values = values.clone()
    values[..., 1::2, :] *= torch.tensor(signs)
    return values
