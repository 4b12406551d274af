"""Ensembles of small networks, evaluated as one."""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional

from mbrl_ros.models.ensemble.settings import EnsembleSettings
from mbrl_ros.models.predictor import Predictor

# Averaging window of a deterministic network's errors [gradient steps].
_MEMORY = 200


class Ensemble(Predictor):
    """M independent multi-layer perceptrons.

    Their weights are stacked so that one batched matrix product serves all
    members (PETS, Chua et al. 2018, section 4).

    Attributes:
        layers: sizes ``(input, hidden ..., output)``.
    """

    def __init__(self, layers: tuple[int, ...], output_dim: int, members: int) -> None:
        super().__init__()
        self.members = members
        self.output_dim = output_dim
        self.layers = layers
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        for fan_in, fan_out in itertools.pairwise(layers):
            self.weights.append(nn.Parameter(torch.empty(members, fan_in, fan_out)))
            self.biases.append(nn.Parameter(torch.empty(members, 1, fan_out)))

    @torch.no_grad()
    def initialize(self, generator: torch.Generator | None = None) -> None:
        """Draw new weights."""
        for weight, bias in zip(self.weights, self.biases, strict=True):
            # Truncated normal of 1 / (2 sqrt(fan_in)), as in PETS' published code.
            deviation = 0.5 / math.sqrt(weight.shape[1])
            nn.init.trunc_normal_(
                weight, std=deviation, a=-2 * deviation, b=2 * deviation, generator=generator
            )
            bias.zero_()

    def change_inputs(self, shift: Tensor, ratio: Tensor) -> None:
        """See `Predictor.change_inputs`."""
        self.biases[0] += (shift @ self.weights[0])[:, None]
        self.weights[0] *= ratio[:, None]

    @abstractmethod
    def loss(self, mean: Tensor, log_variance: Tensor, target: Tensor) -> Tensor:
        """Return the training loss of each predicted number.

        Args:
            mean: as `forward` returns it, shape ``(M, B, O)``.
            log_variance: the same.
            target: shape ``(M, B, O)``.

        Returns:
            shape ``(M, B, O)``.
        """

    def note_errors(self, mean: Tensor, target: Tensor) -> None:
        """Record one-step errors; arguments as for `loss`."""

    def features(self, inputs: Tensor) -> Tensor:
        """Return the input of the last layer, shape ``(M, B, F)``; inputs as for `forward`.

        Inputs of fewer members are those of the first ones.
        """
        x, n = inputs, len(inputs)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = functional.silu(torch.baddbmm(bias[:n], x, weight[:n]))
        return x

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """See `Predictor.forward`."""
        return self.told(self.features(inputs))

    @abstractmethod
    def told(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the last layer makes of features: mean and log-variance, as `forward`."""

    def _last(self, features: Tensor) -> Tensor:
        n = len(features)
        return torch.baddbmm(self.biases[-1][:n], features, self.weights[-1][:n])


class GaussianEnsemble(Ensemble):
    """Members that predict mean and log-variance."""

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        members: int,
        hidden: list[int],
        log_variance_bounds: tuple[float, float],
        beta: float = 0.5,
    ) -> None:
        """Create members, not initialised yet.

        Args:
            input_dim: input size.
            output_dim: O.
            members: M.
            hidden: units of each hidden layer.
            log_variance_bounds: soft bounds, normalised.
            beta: weight of the variance in the loss.
        """
        super().__init__((input_dim, *hidden, 2 * output_dim), output_dim, members)
        self.log_variance_bounds = log_variance_bounds
        self.beta = beta

    def told(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """See `Ensemble.told`."""
        mean, raw = self._last(features).split(self.output_dim, dim=-1)
        low, high = self.log_variance_bounds
        # Soft bounds keep a gradient at both ends (PETS, appendix A.1).
        log_variance = high - functional.softplus(high - raw)
        log_variance = low + functional.softplus(log_variance - low)
        return mean, log_variance

    def loss(self, mean: Tensor, log_variance: Tensor, target: Tensor) -> Tensor:
        """Return the beta-weighted Gaussian negative log-likelihood.

        Weighting each term by ``variance ** beta`` keeps a network from neglecting what it predicts
        badly (Seitzer et al. 2022, equation 5): 0 is the plain likelihood, 1 weights errors like
        the mean squared error.
        """
        loss = 0.5 * ((target - mean) ** 2 * torch.exp(-log_variance) + log_variance)
        if self.beta > 0:
            loss = loss * torch.exp(self.beta * log_variance.detach())
        return loss

    def rescale(self, shift: Tensor, ratio: Tensor) -> None:
        """See `Predictor.rescale`."""
        o = self.output_dim
        self.weights[-1][..., :o] *= ratio
        self.biases[-1][..., :o] *= ratio
        self.biases[-1][..., :o] += shift
        self.biases[-1][..., o:] += 2 * torch.log(ratio)


class DeterministicEnsemble(Ensemble):
    """Members that predict the mean; the variance is the same everywhere.

    Attributes:
        mean_square: of recent training errors, shape ``(O,)``, normalised.
    """

    mean_square: Tensor

    def __init__(self, input_dim: int, output_dim: int, members: int, hidden: list[int]) -> None:
        """Create members, not initialised yet; arguments as for `GaussianEnsemble`."""
        super().__init__((input_dim, *hidden, output_dim), output_dim, members)
        self.register_buffer("mean_square", torch.ones(output_dim))
        self._noted = 0

    def told(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """See `Ensemble.told`."""
        mean = self._last(features)
        return mean, self.mean_square.log().expand_as(mean)

    def loss(self, mean: Tensor, log_variance: Tensor, target: Tensor) -> Tensor:
        """Return half the squared error."""
        return 0.5 * (target - mean) ** 2

    @torch.no_grad()
    def note_errors(self, mean: Tensor, target: Tensor) -> None:
        """See `Ensemble.note_errors`: they determine the variance, which is not trained."""
        square = ((target - mean) ** 2).mean(dim=(0, 1)).clamp_min(1e-12)
        self._noted += 1
        # A plain mean at first, so that the initial value, which is no error, has no weight.
        self.mean_square.lerp_(square, 1 / min(self._noted, _MEMORY))

    def rescale(self, shift: Tensor, ratio: Tensor) -> None:
        """See `Predictor.rescale`."""
        self.weights[-1] *= ratio
        self.biases[-1] *= ratio
        self.biases[-1] += shift
        self.mean_square *= ratio**2


def make_network(input_dim: int, output_dim: int, settings: EnsembleSettings) -> Ensemble:
    """Return the networks of the settings, not initialised yet."""
    if settings.likelihood == "deterministic":
        return DeterministicEnsemble(input_dim, output_dim, settings.members, settings.hidden)
    bounds = (settings.log_variance_low, settings.log_variance_high)
    return GaussianEnsemble(
        input_dim, output_dim, settings.members, settings.hidden, bounds, settings.beta
    )
