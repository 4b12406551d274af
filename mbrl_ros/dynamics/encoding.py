"""How observations enter a model and how its output becomes the next observation."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mbrl_ros.spaces import Space


class Encoding:
    """Angles enter as sine and cosine; targets are differences, wrapped for angles.

    Without it a model sees a jump where an angle wraps, and has to learn the
    identity before it can learn the motion.

    Attributes:
        observation_dim: O.
        action_dim: A.
        input_dim: O + A, plus one for each angle.
    """

    def __init__(self, observation: Space, action: Space) -> None:
        self.observation_dim = observation.dim
        self.action_dim = action.dim
        self.angles = list(observation.angle_indices)
        self.plain = [i for i in range(observation.dim) if i not in self.angles]
        self.input_dim = observation.dim + action.dim + len(self.angles)

    def write_observation(self, observation: Tensor, out: Tensor) -> None:
        """Write plain dimensions, sines and cosines into a model's input.

        Args:
            observation: shape ``(..., O)``.
            out: its first columns are written; shape ``(..., input_dim)``.
        """
        if not self.angles:
            out[..., : self.observation_dim] = observation
            return
        p, k = len(self.plain), len(self.angles)
        angle = observation[..., self.angles]
        out[..., :p] = observation[..., self.plain]
        torch.sin(angle, out=out[..., p : p + k])
        torch.cos(angle, out=out[..., p + k : p + 2 * k])

    def write_action(self, action: Tensor, out: Tensor) -> None:
        """Write the action into a model's input.

        Args:
            action: shape ``(..., A)``; broadcasts against the batch of ``out``.
            out: its last columns are written; shape ``(..., input_dim)``.
        """
        out[..., out.shape[-1] - self.action_dim :] = action

    def encode(self, observation: Tensor, action: Tensor) -> Tensor:
        """Return a model's input, shape ``(..., input_dim)``; differentiable."""
        if not self.angles:
            return torch.cat([observation, action], dim=-1)
        angle = observation[..., self.angles]
        plain = observation[..., self.plain]
        return torch.cat([plain, torch.sin(angle), torch.cos(angle), action], dim=-1)

    def delta(self, observation: Tensor, next_observation: Tensor) -> Tensor:
        """Return the change between two observations, shape ``(..., O)``; angles in [-pi, pi)."""
        delta = next_observation - observation
        if self.angles:
            wrapped = (delta[..., self.angles] + math.pi) % (2 * math.pi) - math.pi
            delta[..., self.angles] = wrapped
        return delta
