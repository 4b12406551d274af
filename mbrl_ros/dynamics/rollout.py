"""Rolling many action sequences through a model, fast."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from mbrl_ros.dynamics.model import EnsembleModel


class Rollout:
    """Predicts trajectories with a fixed model, for planning.

    Everything constant is folded into the first and last layer when the model
    arrives, and every buffer is allocated once per size, so that a step costs
    a few calls on data that stays in the cache.

    Each member rolls out on its own from its own states, as a particle that
    never changes its member (PETS' TS-infinity); the predicted noise is left out.
    """

    def __init__(self, model: EnsembleModel, members: int | None = None) -> None:
        """Take over a model.

        Args:
            model: must not change any more.
            members: how many of its members to use, the first ones; None: all.
        """
        self.model = model
        network, o = model.network, model.observation.dim
        self._weights = [w.detach()[:members].clone() for w in network.weights]
        self._biases = [b.detach()[:members].clone() for b in network.biases]
        self._biases[0] -= ((model.input_mean / model.input_std) @ self._weights[0])[:, None]
        self._weights[0] /= model.input_std[:, None]
        # Without hidden layers, the last one is the first.
        self._weights[-1] = (self._weights[-1][..., :o] * model.delta_std).contiguous()
        self._biases[-1] = self._biases[-1][..., :o] * model.delta_std + model.delta_mean
        self._buffers: dict[tuple[int, int], tuple[Tensor, Tensor, list[Tensor]]] = {}

    @torch.inference_mode()
    def __call__(self, start: Tensor, actions: Tensor) -> Tensor:
        """Predict trajectories.

        Args:
            start: first observations, shape ``(O,)``, or ``(M, 1, O)`` with one per member.
            actions: shape ``(N, H, A)``.

        Returns:
            observations of shape ``(M, N, H + 1, O)``; overwritten by the next call.
        """
        n, horizon, _ = actions.shape
        states, inputs, activations = self._buffer(n, horizon)
        encoding, model = self.model.encoding, self.model
        states[0] = start
        for k in range(horizon):
            encoding.write(states[k], actions[:, k], inputs)
            x = inputs
            for weight, bias, out in zip(
                self._weights[:-1], self._biases[:-1], activations[:-1], strict=True
            ):
                x = functional.silu(torch.baddbmm(bias, x, weight, out=out), inplace=True)
            torch.baddbmm(self._biases[-1], x, self._weights[-1], out=activations[-1])
            following = torch.add(states[k], activations[-1], out=states[k + 1])
            torch.clamp(following, model.low, model.high, out=following)
        return states.permute(1, 2, 0, 3)

    def _buffer(self, n: int, horizon: int) -> tuple[Tensor, Tensor, list[Tensor]]:
        key = (n, horizon)
        if key not in self._buffers:
            members, o = len(self._weights[0]), self.model.observation.dim
            self._buffers[key] = (
                torch.empty(horizon + 1, members, n, o),
                torch.empty(members, n, self.model.encoding.input_dim),
                [torch.empty(members, n, w.shape[-1]) for w in self._weights],
            )
        return self._buffers[key]
