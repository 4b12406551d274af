"""The dynamics model: encoding, normalisation and ensemble as one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mbrl_ros.dynamics.encoding import Encoding
from mbrl_ros.dynamics.network import GaussianEnsemble
from mbrl_ros.dynamics.settings import ModelSettings
from mbrl_ros.spaces import Space

# A constant dimension has no deviation to divide by (mbrl-lib issue 110).
_SMALLEST_DEVIATION = 1e-3


class EnsembleModel(nn.Module):
    """Predicts the next observation from an observation and an action.

    Its inputs are normalised, its targets are normalised differences.

    Attributes:
        observation: the space of observations, O dimensions.
        action: the space of actions, A dimensions.
        network: M members.
    """

    input_mean: Tensor
    input_std: Tensor
    delta_mean: Tensor
    delta_std: Tensor
    observation_mean: Tensor
    observation_std: Tensor
    low: Tensor
    high: Tensor

    def __init__(
        self,
        observation: Space,
        action: Space,
        settings: ModelSettings,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.observation = observation
        self.action = action
        self.settings = settings
        self.encoding = Encoding(observation, action)
        self.network = GaussianEnsemble(
            self.encoding.input_dim,
            observation.dim,
            settings.members,
            settings.hidden,
            (settings.log_variance_low, settings.log_variance_high),
            generator,
        )
        o, i = observation.dim, self.encoding.input_dim
        for name, size, value in (
            ("input_mean", i, 0.0),
            ("input_std", i, 1.0),
            ("delta_mean", o, 0.0),
            ("delta_std", o, 1.0),
            ("observation_mean", o, 0.0),
            ("observation_std", o, 1.0),
            ("low", o, -torch.inf),
            ("high", o, torch.inf),
        ):
            self.register_buffer(name, torch.full((size,), value))

    @property
    def members(self) -> int:
        """Number of members M."""
        return self.network.members

    def check_spaces(self, observation: Space, action: Space) -> None:
        """Check that the model is of these dimensions.

        Raises:
            ValueError: naming what it has instead.
        """
        for what, expected, own in (
            ("observation", observation, self.observation),
            ("action", action, self.action),
        ):
            if expected.names != own.names:
                raise ValueError(
                    f"{what}: expected {', '.join(expected.names)}, got {', '.join(own.names)}"
                )

    @torch.no_grad()
    def normalize_from(self, observation: Tensor, action: Tensor, next_observation: Tensor) -> None:
        """Take means, deviations and the range of the data from transitions.

        The first and last layer are rescaled in turn, so that the model predicts what it
        did before: with data that keeps growing, a jump at every refresh would undo much
        of the training in between.

        Args:
            observation: shape ``(N, O)``.
            action: shape ``(N, A)``.
            next_observation: shape ``(N, O)``.
        """
        inputs = self.encoding.encode(observation, action)
        delta = self.encoding.delta(observation, next_observation)
        old = [
            t.clone() for t in (self.input_mean, self.input_std, self.delta_mean, self.delta_std)
        ]
        for mean, std, data in (
            (self.input_mean, self.input_std, inputs),
            (self.delta_mean, self.delta_std, delta),
            (self.observation_mean, self.observation_std, observation),
        ):
            mean.copy_(data.mean(dim=0))
            std.copy_(data.std(dim=0, correction=0).clamp_min(_SMALLEST_DEVIATION))
        self._compensate(*old)
        low, high = next_observation.amin(dim=0), next_observation.amax(dim=0)
        # Long rollouts of a young model run away; nothing is known far outside the data.
        margin = high - low
        self.low.copy_(low - margin)
        self.high.copy_(high + margin)
        if self.encoding.angles:
            self.low[self.encoding.angles] = -torch.inf
            self.high[self.encoding.angles] = torch.inf

    def _compensate(
        self, input_mean: Tensor, input_std: Tensor, delta_mean: Tensor, delta_std: Tensor
    ) -> None:
        """Rescale the outer layers from the given old normalisation to the present one."""
        weights, biases = self.network.weights, self.network.biases
        shift = (self.input_mean - input_mean) / input_std
        biases[0] += (shift @ weights[0])[:, None]
        weights[0] *= (self.input_std / input_std)[:, None]
        o = self.observation.dim
        ratio = delta_std / self.delta_std
        weights[-1][..., :o] *= ratio
        biases[-1][..., :o] *= ratio
        biases[-1][..., :o] += (delta_mean - self.delta_mean) / self.delta_std
        biases[-1][..., o:] += 2 * torch.log(ratio)

    def forward(self, observation: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Predict normalised differences.

        Args:
            observation: shape ``(M, B, O)``.
            action: shape ``(M, B, A)``.

        Returns:
            mean and log-variance, each ``(M, B, O)``, in units of ``delta_std``.
        """
        inputs = (self.encoding.encode(observation, action) - self.input_mean) / self.input_std
        return self.network(inputs)

    def normalized_delta(self, observation: Tensor, next_observation: Tensor) -> Tensor:
        """Return the training target, shape ``(..., O)``, in units of ``delta_std``."""
        delta = self.encoding.delta(observation, next_observation)
        return (delta - self.delta_mean) / self.delta_std

    def predict(self, observation: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Predict the next observation.

        Args:
            observation: shape ``(M, B, O)``, SI units.
            action: shape ``(M, B, A)``, SI units.

        Returns:
            mean and standard deviation, each ``(M, B, O)``, SI units.
        """
        mean, log_variance = self(observation, action)
        following = observation + mean * self.delta_std + self.delta_mean
        return following.clamp(self.low, self.high), torch.exp(0.5 * log_variance) * self.delta_std
