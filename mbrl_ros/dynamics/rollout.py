"""Rolling many action sequences through a model, fast."""

from __future__ import annotations

import torch
from torch import Tensor

from mbrl_ros.dynamics.inference import MeanNetwork, Scratch
from mbrl_ros.dynamics.model import EnsembleModel


class Rollout:
    """Predicts trajectories with a fixed model, for planning.

    Each member rolls out on its own from its own states, as a particle that
    never changes its member (PETS' TS-infinity); the predicted noise is left out.

    Not for two threads at once: they would share its memory.

    Attributes:
        model: predicts.
        members: M, how many of the model's members it uses.
        device: where it computes, and where the trajectories are.
    """

    def __init__(self, model: EnsembleModel, members: int | None = None) -> None:
        """Take over a model.

        Args:
            model: must not change any more.
            members: how many of its members to use, the first ones; None: all.
        """
        self.model = model
        self._network = MeanNetwork(model, members)
        self.members = self._network.members
        self.device = self._network.device
        self._scratch = Scratch(self.device)

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
        start, actions = start.to(self.device), actions.to(self.device)
        encoding, low, high = self.model.encoding, self.model.low, self.model.high
        members, o = self.members, self.model.observation.dim
        inputs = self._scratch.take("inputs", horizon + 1, members, n, encoding.input_dim)
        encoding.write_action(actions.transpose(0, 1)[:, None], inputs[:-1])
        # Without angles, an observation stands in the input as it is.
        plain = not encoding.angles
        states = inputs[..., :o] if plain else self._scratch.take("states", *inputs.shape[:3], o)
        predict = self._network.for_rows(n)
        states[0] = start
        for k in range(horizon):
            if not plain:
                encoding.write_observation(states[k], inputs[k])
            following = torch.add(states[k], predict(inputs[k]), out=states[k + 1])
            torch.clamp(following, low, high, out=following)
        return states.permute(1, 2, 0, 3)
