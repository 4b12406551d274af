"""Mirror symmetry of the plant, for data augmentation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mbrl_ros.core.spaces import Space
from mbrl_ros.data.segments import Batch


class Mirror:
    """A mirror symmetry: the dynamics stay the same if some dimensions change sign together."""

    def __init__(
        self, observation: Space, action: Space, history: int, names: Sequence[str]
    ) -> None:
        """Create a mirror.

        Args:
            observation: O dimensions.
            action: A dimensions.
            history: observations in a state.
            names: of the observation and action dimensions that change sign; empty: no symmetry.

        Raises:
            ValueError: naming an unknown dimension, or an action with asymmetric limits: its mirror
                image could not be sent.
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
        # No tensors: a received model is first built on the meta device, where the first operation
        # makes torch import modules for about a second, on the control path.
        self._observation, self._action = (
            [-1.0 if name in names else 1.0 for name in space.names]
            for space in (observation, action)
        )
        self._state = history * self._observation + (history - 1) * self._action

    def every_other(self, batch: Batch) -> Batch:
        """Return a batch with every other row replaced by its mirror image.

        Args:
            batch: rows of shape ``(..., N)``; rewards and terminations are not mirrored, since they
                may be asymmetric.
        """
        if min(self._observation + self._action) > 0:
            return batch
        before, foreseen = batch.before, batch.foreseen
        return Batch(
            _mirrored(batch.state, self._state),
            _mirrored(batch.action, self._action),
            _mirrored(batch.next_observation, self._observation),
            batch.reward,
            batch.terminated,
            None if before is None else _mirrored(before, self._action),
            None if foreseen is None else _mirrored(foreseen, self._observation),
        )

    def every_other_sequence(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Return sequences ``(B, L, O)`` and ``(B, L, A)``, every other one as its mirror image."""
        if min(self._observation + self._action) > 0:
            return observations, actions
        pairs = ((observations, self._observation), (actions, self._action))
        seen, acted = (_mirrored(v.transpose(0, 1), signs).transpose(0, 1) for v, signs in pairs)
        return seen, acted


def _mirrored(values: Tensor, signs: list[float]) -> Tensor:
    values = values.clone()
    values[..., 1::2, :] *= torch.tensor(signs)
    return values
