"""Fast rollouts of many action sequences through a model."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.inference import Mean, Scratch


class Rollout:
    """Predicts trajectories with a fixed model, for planning.

    Each member rolls out its own states, as a particle that keeps its member (PETS' TS-infinity);
    the predicted noise is omitted.

    Not thread-safe: buffers are reused.

    Attributes:
        members: M, number of the model's members used.
        device: of the computation and of the trajectories.
    """

    def __init__(self, mean: Mean, model: DynamicsModel) -> None:
        """Wrap a model.

        Args:
            mean: mean predictor of ``model``.
            model: must not change any more, except through ``mean``.
        """
        self._mean, self._model = mean, model
        self.members = mean.members
        self.device = mean.device
        self._scratch = Scratch(self.device)
        # The predicted target is added to the observation, or to 0.
        self._kept = torch.ones(model.observation.dim, device=self.device)
        self._kept[model.encoding.absolute] = 0.0

    @torch.inference_mode()
    def __call__(self, start: Tensor, actions: Tensor) -> Tensor:
        """Predict trajectories.

        Args:
            start: first states, shape ``(M or 1, N or 1, S)``.
            actions: shape ``(N, H, A)``.

        Returns:
            observations of shape ``(M, N, H + 1, O)``; overwritten by the next call.
        """
        n, horizon, _ = actions.shape
        inputs, seen = self._buffers(start.to(self.device), n, horizon)
        acted = actions.to(self.device).transpose(0, 1)[:, None]
        self._model.encoding.write_action(acted, inputs[:-1])
        predict = self._mean.for_rows(n)
        for k in range(horizon):
            self._step(k, inputs, seen, acted[k], predict)
        return seen.permute(1, 2, 0, 3)

    @torch.inference_mode()
    def follow(
        self, start: Tensor, act: Callable[[Tensor], Tensor], horizon: int
    ) -> tuple[Tensor, Tensor]:
        """Predict the trajectories that a policy leads to.

        Args:
            start: first states, shape ``(M or 1, N, S)``.
            act: actions ``(M, N, A)`` of observations ``(M, N, O)``.
            horizon: H.

        Returns:
            actions of shape ``(M, N, H, A)``, and observations as for a call.
        """
        n, encoding = start.shape[1], self._model.encoding
        inputs, seen = self._buffers(start.to(self.device), n, horizon)
        predict = self._mean.for_rows(n)
        actions = []
        for k in range(horizon):
            actions.append(act(seen[k]))
            encoding.write_action(actions[-1], inputs[k])
            self._step(k, inputs, seen, actions[-1], predict)
        return torch.stack(actions, dim=2), seen.permute(1, 2, 0, 3)

    def _buffers(self, start: Tensor, n: int, horizon: int) -> tuple[Tensor, Tensor]:
        """Return the network's inputs and the observations of each step; the first begin."""
        encoding, o = self._model.encoding, self._model.observation.dim
        inputs = self._scratch.take("inputs", horizon + 1, self.members, n, encoding.input_dim)
        # Where the input contains the observation unchanged, no other copy of it is needed.
        plain = encoding.plain
        seen = inputs[..., :o] if plain else self._scratch.take("seen", *inputs.shape[:3], o)
        seen[0] = start[..., :o]
        if encoding.history > 1:
            encoding.write_past(start, inputs[0])
        return inputs, seen

    def _step(
        self,
        k: int,
        inputs: Tensor,
        seen: Tensor,
        acted: Tensor,
        predict: Callable[[Tensor], Tensor],
    ) -> None:
        """Predict what is seen after step k, whose action is written: ``(M or 1, N, A)``."""
        encoding = self._model.encoding
        if not encoding.plain:
            encoding.write_observation(seen[k], inputs[k])
        if k and encoding.history > 1:
            encoding.carry_past(inputs[k - 1], inputs[k])
        target, next_observation = predict(inputs[k]), seen[k + 1]
        if self._model.prior is not None:
            base = self._model.base(seen[k], acted.expand(*seen.shape[1:3], -1))
            torch.add(base, self._model.bounded(target), out=next_observation)
        elif encoding.absolute:
            torch.addcmul(target, seen[k], self._kept, out=next_observation)
        else:
            torch.add(seen[k], target, out=next_observation)
        torch.clamp(next_observation, self._model.low, self._model.high, out=next_observation)

    @torch.inference_mode()
    def ahead(self, start: Tensor, actions: Tensor) -> Tensor:
        """Predict the states after one action sequence.

        Args:
            start: first states, as for a call.
            actions: shape ``(H, A)``, H at least 1.

        Returns:
            shape ``(M, 1, S)``.
        """
        seen = self(start, actions[None]).clone()
        state = start.to(self.device).expand(self.members, 1, -1)
        for k, action in enumerate(actions.to(self.device)):
            acted = action.expand(self.members, 1, -1)
            state = self._model.encoding.advance(state, acted, seen[:, :, k + 1])
        return state
