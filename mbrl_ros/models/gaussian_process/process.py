"""A Gaussian process, as functions sampled from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mbrl_ros.models.gaussian_process.settings import GaussianProcessSettings
from mbrl_ros.models.predictor import Predictor

# Number of cosine features of a function sampled from the prior.
_FEATURES = 128
# Far below it, an exponential is negligible but ten times as slow (denormals).
LEAST_EXPONENT = -80.0
# Initial standard deviation of the noise, normalised.
_FIRST_NOISE = 0.1


@dataclass(frozen=True)
class Functions:
    """M functions of several outputs, in a form evaluated by a few matrix products.

    Each is a sum of K squared exponentials, F cosines and a linear function. Exponents are linear
    in the inputs and their squares.

    Attributes:
        exponents: shape ``(O, 2 * I, K)``.
        exponent_offsets: shape ``(O, 1, K)``.
        exponential_weights: shape ``(O * M, 1, K)``.
        angles: shape ``(O, I, F)``.
        phases: shape ``(O, 1, F)``.
        cosine_weights: shape ``(O * M, 1, F)``.
        linear: shape ``(M, I, O)``.
        offsets: shape ``(M, 1, O)``.
    """

    exponents: Tensor
    exponent_offsets: Tensor
    exponential_weights: Tensor
    angles: Tensor
    phases: Tensor
    cosine_weights: Tensor
    linear: Tensor
    offsets: Tensor

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return their values, from shape ``(M, B, I)`` to ``(M, B, O)``; differentiable."""
        (members, batch, _), outputs = inputs.shape, len(self.angles)
        rows = inputs.reshape(members * batch, -1)
        both = torch.cat([rows, rows.square()], dim=-1).expand(outputs, -1, -1)
        exponent = torch.baddbmm(self.exponent_offsets, both, self.exponents)
        one = exponent.clamp_min(LEAST_EXPONENT).exp()
        other = torch.baddbmm(self.phases, rows.expand(outputs, -1, -1), self.angles).cos()
        # Weights on the left: a product with one column on the right takes ten times as long.
        value = torch.bmm(
            self.exponential_weights, one.view(outputs * members, batch, -1).transpose(1, 2)
        )
        value = value + torch.bmm(
            self.cosine_weights, other.view(outputs * members, batch, -1).transpose(1, 2)
        )
        curved = value.view(outputs, members, batch).permute(1, 2, 0)
        return curved + torch.baddbmm(self.offsets, inputs, self.linear)


class GaussianProcess(Predictor):
    """M functions sampled from the posterior of one Gaussian process per output.

    The kernel is the sum of a squared exponential with one lengthscale per input and a linear
    kernel of variance 1. A function is a sample from the prior, corrected by a sum of kernels so
    that it agrees with the data (pathwise conditioning, Wilson et al. 2020): functions differ where
    there is no data, and each is as cheap to evaluate as a network. Their mean is the posterior
    mean. `posterior.condition` writes the posterior that this class evaluates.

    Attributes:
        settings: of the process.
        log_lengthscale: shape ``(O, 1, I)``; ``log_*`` are the learned hyperparameters.
        log_outputscale: log of the squared exponential's variance, shape ``(O,)``.
        log_noise: log of the noise variance, shape ``(O, 1)``.
        directions: of the cosines, standard normal, shape ``(I, F)``.
        turns: their phases, shape ``(F,)``.
        draws: weights of the functions sampled from the prior, standard normal, ``(M, O, F + I)``.
        inducing: centres of the correction's kernels, shape ``(K, I)``.
        scaling: inverse lengthscales at the last conditioning, shape ``(O, I)``.
        exponential_weights: of the correction, shape ``(M, O, K)``.
        phases: shape ``(O, F)``.
        amplitudes: of the cosines, shape ``(O,)``.
        linear: slopes, shape ``(M, O, I)``.
        offsets: shape ``(M, O)``.
    """

    directions: Tensor
    turns: Tensor
    draws: Tensor
    inducing: Tensor
    scaling: Tensor
    exponential_weights: Tensor
    phases: Tensor
    amplitudes: Tensor
    linear: Tensor
    offsets: Tensor

    def __init__(
        self, input_dim: int, output_dim: int, members: int, settings: GaussianProcessSettings
    ) -> None:
        """Create a process, not initialised yet.

        Args:
            input_dim: I.
            output_dim: O.
            members: M.
            settings: of the process.
        """
        super().__init__()
        self.members = members
        self.output_dim = output_dim
        self.settings = settings
        m, o, i, f = members, output_dim, input_dim, _FEATURES
        self.log_lengthscale = nn.Parameter(torch.empty(o, 1, i))
        self.log_outputscale = nn.Parameter(torch.empty(o))
        self.log_noise = nn.Parameter(torch.empty(o, 1))
        for name, shape in (
            ("directions", (i, f)),
            ("turns", (f,)),
            ("draws", (m, o, f + i)),
            ("inducing", (0, i)),
            ("scaling", (o, i)),
            ("exponential_weights", (m, o, 0)),
            ("phases", (o, f)),
            ("amplitudes", (o,)),
            ("linear", (m, o, i)),
            ("offsets", (m, o)),
        ):
            self.register_buffer(name, torch.empty(shape))

    @torch.no_grad()
    def initialize(self, generator: torch.Generator | None = None) -> None:
        """See `Predictor.initialize`; without data, it predicts 0 for every target."""
        self.log_lengthscale.fill_(0.5 * math.log(self.log_lengthscale.shape[-1]))
        self.log_outputscale.zero_()
        self.log_noise.fill_(2 * math.log(_FIRST_NOISE))
        for drawn in (self.directions, self.draws):
            # Practically normal. For a model on the meta device, as a received one is, `normal_`
            # would make torch import modules for about a second, on the control path.
            nn.init.trunc_normal_(drawn, a=-6.0, b=6.0, generator=generator)
        self.turns.uniform_(0.0, 2 * math.pi, generator=generator)
        self.resize(0)
        self.scaling.fill_(1.0)
        for tensor in (self.phases, self.amplitudes, self.linear, self.offsets):
            tensor.zero_()

    def make_room(self, shapes: Mapping[str, torch.Size]) -> None:
        """See `Predictor.make_room`.

        Raises:
            ValueError: if there are more inducing inputs than the settings allow.
        """
        points = shapes.get("inducing", torch.Size(()))
        most = max(self.settings.exact, self.settings.inducing)
        if len(points) == 2:
            if points[0] > most:
                raise ValueError(f"expected at most {most} inducing inputs, got {points[0]}")
            self.resize(points[0])

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """See `Predictor.forward`; the log-variance is that of the noise, and the same everywhere.

        Epistemic uncertainty is the spread of the members.
        """
        mean = self.functions()(inputs)
        return mean, self.log_noise[:, 0].expand_as(mean)

    def functions(self, members: int | None = None) -> Functions:
        """Return the members, ready to be evaluated.

        Args:
            members: number of members to use, the first ones; None: all.
        """
        square = self.scaling.square()
        weighted = self.inducing * square[:, None]
        weights = self.exponential_weights[:members].transpose(0, 1)
        draws = centered(self.draws)[:members, :, : len(self.turns)]
        cosines = draws.transpose(0, 1) * self.amplitudes[:, None, None]
        curved = -0.5 * square[..., None].expand(-1, -1, len(self.inducing))
        return Functions(
            torch.cat([weighted.transpose(1, 2), curved], dim=1),
            -0.5 * (weighted * self.inducing).sum(dim=-1)[:, None],
            weights.flatten(0, 1)[:, None].contiguous(),
            self.directions * self.scaling[..., None],
            self.phases[:, None],
            cosines.flatten(0, 1)[:, None].contiguous(),
            self.linear[:members].transpose(1, 2),
            self.offsets[:members, None],
        )

    def change_inputs(self, shift: Tensor, ratio: Tensor) -> None:
        """See `Predictor.change_inputs`."""
        self.offsets += self.linear @ shift
        self.linear *= ratio
        self.phases += ((shift * self.scaling) @ self.directions) % (2 * math.pi)
        self.scaling *= ratio
        self.log_lengthscale.sub_(ratio.log())
        self.inducing.copy_((self.inducing - shift) / ratio)

    def rescale(self, shift: Tensor, ratio: Tensor) -> None:
        """See `Predictor.rescale`."""
        self.offsets.copy_(self.offsets * ratio + shift)
        self.linear *= ratio[:, None]
        self.exponential_weights *= ratio[:, None]
        self.amplitudes *= ratio
        self.log_outputscale.add_(2 * ratio.log())
        self.log_noise.add_(2 * ratio.log()[:, None])

    def resize(self, points: int) -> None:
        """Resize to ``points`` inducing inputs, with weights of 0."""
        self.inducing = self.inducing.new_zeros(points, self.inducing.shape[1])
        shape = (self.members, self.output_dim, points)
        self.exponential_weights = self.exponential_weights.new_zeros(shape)


def centered(draws: Tensor) -> Tensor:
    """Return draws (one per row) shifted to zero mean, at the same variance.

    So the members' mean is the posterior mean; a single member is the mean itself.
    """
    count = len(draws)
    if count == 1:
        return torch.zeros_like(draws)
    return (draws - draws.mean(dim=0)) * math.sqrt(count / (count - 1))


def make_network(
    input_dim: int, output_dim: int, settings: GaussianProcessSettings
) -> GaussianProcess:
    """Return the process of the settings, not initialised yet."""
    return GaussianProcess(input_dim, output_dim, settings.members, settings)
