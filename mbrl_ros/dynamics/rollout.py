"""Rolling many action sequences through a model, fast."""

from __future__ import annotations

import torch
from torch import Tensor

from mbrl_ros.dynamics.inference import MeanNetwork, Scratch, make_mean
from mbrl_ros.dynamics.model import DynamicsModel


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

    def __init__(self, model: DynamicsModel, members: int | None = None) -> None:
        """Take over a model.

        Args:
            model: must not change any more, but for its last layer (`renew_last_layer`).
            members: how many of its members to use, the first ones; None: all.
        """
        self.model = model
        self._network = make_mean(model, members)
        self.members = self._network.members
        self.device = self._network.device
        self._scratch = Scratch(self.device)
        # What the predicted target is added to: the observation, or nothing.
        self._base = torch.ones(model.observation.dim, device=self.device)
        self._base[model.encoding.absolute] = 0.0

    def renew_last_layer(self) -> None:
        """Take over the model's last layer, the only one that may have changed."""
        assert isinstance(self._network, MeanNetwork)
        self._network.renew_last_layer(self.model)

    @torch.inference_mode()
    def __call__(self, start: Tensor, actions: Tensor) -> Tensor:
        """Predict trajectories.

        Args:
            start: first states, shape ``(S,)``, or ``(M, 1, S)`` with one per member.
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
        # Where an observation stands in the input as it is, no other copy of it is needed.
        plain = encoding.plain
        seen = inputs[..., :o] if plain else self._scratch.take("seen", *inputs.shape[:3], o)
        predict = self._network.for_rows(n)
        seen[0] = start[..., :o]
        if encoding.history > 1:
            encoding.write_past(start, inputs[0])
        for k in range(horizon):
            if not plain:
                encoding.write_observation(seen[k], inputs[k])
            if k and encoding.history > 1:
                encoding.carry_past(inputs[k - 1], inputs[k])
            target, following = predict(inputs[k]), seen[k + 1]
            if encoding.absolute:
                torch.addcmul(target, seen[k], self._base, out=following)
            else:
                torch.add(seen[k], target, out=following)
            torch.clamp(following, low, high, out=following)
        return seen.permute(1, 2, 0, 3)

    @torch.inference_mode()
    def ahead(self, start: Tensor, actions: Tensor) -> Tensor:
        """Predict where one sequence of actions leads.

        Args:
            start: first states, as for a call.
            actions: shape ``(H, A)``, H at least 1.

        Returns:
            the states after it, shape ``(M, 1, S)``.
        """
        seen = self(start, actions[None]).clone()
        state = start.to(self.device).expand(self.members, 1, -1)
        for k, action in enumerate(actions.to(self.device)):
            acted = action.expand(self.members, 1, -1)
            state = self.model.encoding.advance(state, acted, seen[:, :, k + 1])
        return state
