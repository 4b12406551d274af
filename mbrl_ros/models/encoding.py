"""Encoding of states and actions as network inputs, and of outputs as next states."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from mbrl_ros.core.spaces import Space


class Encoding:
    """Maps states and actions to network inputs, and outputs to next observations.

    Angles are encoded as sine and cosine; targets are differences, wrapped for angles. Otherwise a
    model would see a jump where an angle wraps, and would have to learn the identity before the
    motion.

    The state is the observation and, with a history, the previous observations (newest first) and
    actions (newest first): ``S = history * O + (history - 1) * A``.

    Attributes:
        observation_dim: O.
        action_dim: A.
        history: observations in a state; 1: the newest only.
        state_dim: S.
        input_dim: size of the input.
        absolute: indices of dimensions whose target is their next value, not their change.
        plain: whether the input contains the observation unchanged.
    """

    def __init__(
        self,
        observation: Space,
        action: Space,
        history: int = 1,
        ignored: Sequence[str] = (),
        absolute: Sequence[str] = (),
    ) -> None:
        """Create an encoding.

        Args:
            observation: O dimensions.
            action: A dimensions.
            history: observations in a state.
            ignored: observation dimensions left out of the input.
            absolute: observation dimensions whose next value is predicted, not their change.

        Raises:
            ValueError: naming an unknown dimension.
        """
        for what, names in (("ignored", ignored), ("absolute", absolute)):
            for name in names:
                if name not in observation.names:
                    raise ValueError(
                        f"model.{what}: '{name}' is not one of {', '.join(observation.names)}"
                    )
        self.observation_dim = observation.dim
        self.action_dim = action.dim
        self.history = history
        self.angles = list(observation.angle_indices)
        self.absolute = [observation.index(name) for name in absolute]
        told = [i for i, name in enumerate(observation.names) if name not in ignored]
        self._straight = _indices([i for i in told if i not in self.angles])
        self._round = _indices([i for i in self.angles if i in told])
        self.plain = len(self._straight) == observation.dim
        self._width = len(self._straight) + 2 * len(self._round)
        self.state_dim = history * observation.dim + (history - 1) * action.dim
        self.input_dim = history * (self._width + action.dim)

    def write_observation(self, observation: Tensor, out: Tensor) -> None:
        """Write the newest observation into a model's input.

        Args:
            observation: shape ``(..., O)``; of the batch of ``out``.
            out: written in its first columns; shape ``(..., input_dim)``.
        """
        if self.plain:
            out[..., : self.observation_dim] = observation
            return
        p, k = len(self._straight), len(self._round)
        # An index in brackets takes twice as long.
        straight, turned = (i.to(observation.device) for i in (self._straight, self._round))
        torch.index_select(observation, -1, straight, out=out[..., :p])
        if k:
            angle = observation.index_select(-1, turned)
            torch.sin(angle, out=out[..., p : p + k])
            torch.cos(angle, out=out[..., p + k : p + 2 * k])

    def write_action(self, action: Tensor, out: Tensor) -> None:
        """Write the action into a model's input.

        Args:
            action: shape ``(..., A)``; broadcasts against the batch of ``out``.
            out: written in the columns after the observations; shape ``(..., input_dim)``.
        """
        first = self.history * self._width
        out[..., first : first + self.action_dim] = action

    def write_past(self, state: Tensor, out: Tensor) -> None:
        """Write the history of a state (all but the newest observation) into a model's input.

        Args:
            state: shape ``(..., S)``; broadcasts against the batch of ``out``.
            out: shape ``(..., input_dim)``.
        """
        w, o = self._width, self.observation_dim
        for i in range(1, self.history):
            # Expanded, since ``out=`` does not broadcast: it would write to a copy.
            seen = state[..., i * o : (i + 1) * o].expand(*out.shape[:-1], -1)
            self.write_observation(seen, out[..., i * w :])
        out[..., self.history * w + self.action_dim :] = state[..., self.history * o :]

    def carry_past(self, before: Tensor, out: Tensor) -> None:
        """Write the history into a model's input, from the previous step's input.

        Args:
            before: shape ``(..., input_dim)``.
            out: same shape.
        """
        w, a, n = self._width, self.action_dim, self.history - 1
        first = self.history * w
        out[..., w:first] = before[..., : n * w]
        out[..., first + a :] = before[..., first : first + n * a]

    def encode(self, state: Tensor, action: Tensor) -> Tensor:
        """Return a model's input, shape ``(..., input_dim)``; differentiable.

        Args:
            state: shape ``(..., S)``.
            action: shape ``(..., A)``.
        """
        o = self.observation_dim
        observations = [
            self.encode_observation(state[..., i * o : (i + 1) * o]) for i in range(self.history)
        ]
        return torch.cat([*observations, action, state[..., self.history * o :]], dim=-1)

    def encode_observation(self, observation: Tensor) -> Tensor:
        """Return an observation's part of a model's input; differentiable.

        Args:
            observation: shape ``(..., O)``.
        """
        if self.plain:
            return observation
        angle = observation[..., self._round]
        straight = observation[..., self._straight]
        return torch.cat([straight, torch.sin(angle), torch.cos(angle)], dim=-1)

    def advance(self, state: Tensor, action: Tensor, next_observation: Tensor) -> Tensor:
        """Return the next state, shape ``(..., S)``.

        Args:
            state: shape ``(..., S)``.
            action: shape ``(..., A)``.
            next_observation: shape ``(..., O)``.
        """
        if self.history == 1:
            return next_observation
        seen = (self.history - 1) * self.observation_dim
        done = (self.history - 2) * self.action_dim
        first = self.history * self.observation_dim
        past = [state[..., :seen], action, state[..., first : first + done]]
        return torch.cat([next_observation, *past], dim=-1)

    def difference(self, observation: Tensor, other: Tensor) -> Tensor:
        """Return ``other - observation``, shape ``(..., O)``; angles in [-pi, pi)."""
        delta = other - observation
        if self.angles:
            wrapped = (delta[..., self.angles] + math.pi) % (2 * math.pi) - math.pi
            delta[..., self.angles] = wrapped
        return delta

    def pooled(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and variance of observations over members.

        Args:
            seen: shape ``(M, B, O)``.

        Returns:
            each ``(B, O)``; of angles that lie on either side of the wrap, too.
        """
        mean = seen.mean(dim=0)
        return mean, self.difference(mean.expand_as(seen), seen).square().mean(dim=0)

    def target(self, observation: Tensor, next_observation: Tensor) -> Tensor:
        """Return the prediction target, shape ``(..., O)``: changes, or next values.

        Args:
            observation: shape ``(..., O)``.
            next_observation: shape ``(..., O)``.
        """
        target = self.difference(observation, next_observation)
        if self.absolute:
            target[..., self.absolute] = next_observation[..., self.absolute]
        return target

    def next_observation(self, observation: Tensor, target: Tensor) -> Tensor:
        """Return the next observation, shape ``(..., O)``: the inverse of `target`."""
        if not self.absolute:
            return observation + target
        base = observation.clone()
        base[..., self.absolute] = 0.0
        return base + target


def _indices(which: list[int]) -> Tensor:
    """Return indices as a tensor: a list is converted anew at every use."""
    # Even where a model is made without memory, to take over its tensors.
    return torch.tensor(which, dtype=torch.long, device="cpu")
