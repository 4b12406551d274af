"""The posterior of a Gaussian process, in closed form."""

from __future__ import annotations

import torch
from torch import Tensor

from mbrl_ros.models.gaussian_process.process import GaussianProcess, centered

# Relative jitter on the variance of inducing values: about float32's resolution.
_JITTER = 1e-5
# Maximum number of candidates for inducing inputs.
_MOST_CANDIDATES = 1500


@torch.no_grad()
def condition(
    process: GaussianProcess, inputs: Tensor, targets: Tensor, generator: torch.Generator
) -> None:
    """Write the posterior into a process, with its present hyperparameters.

    It is exact up to ``settings.exact`` transitions; beyond, it is Titsias' (2009) sparse posterior
    on ``settings.inducing`` of the inputs.

    Args:
        process: is modified.
        inputs: normalised, shape ``(N, I)``.
        targets: normalised, shape ``(N, O)``.
        generator: of the target noise that the sampled functions assume.
    """
    process.scaling.copy_(torch.exp(-process.log_lengthscale[:, 0]))
    exact = len(inputs) <= process.settings.exact
    chosen = inputs if exact else inputs[_spread(process, inputs)]
    process.resize(len(chosen))
    process.inducing.copy_(chosen)
    # In double: a kernel matrix with little noise is nearly singular.
    x, y, z = inputs.double(), targets.double(), chosen.double()
    noise = torch.randn(process.members, len(x), dtype=torch.double, generator=generator)
    noise = centered(noise).T
    process.offsets.zero_()
    for o in range(process.output_dim):
        prior = _Prior(process, o)
        errors = y[:, o, None] - prior.deviation * noise
        weights = _exact(prior, x, errors) if exact else _sparse(prior, x, errors, z)
        process.exponential_weights[:, o] = prior.signal * weights.T
        process.linear[:, o] = prior.slopes + weights.T @ z
        process.amplitudes[o] = prior.amplitude
        process.phases[o] = process.turns


class _Prior:
    """The prior of one output, in double.

    Attributes:
        signal: variance of the squared exponential.
        deviation: standard deviation of the noise.
        amplitude: of the cosines.
        slopes: of the sampled functions, shape ``(M, I)``.
    """

    def __init__(self, process: GaussianProcess, output: int) -> None:
        self.signal = process.log_outputscale[output].double().exp()
        self.deviation = torch.exp(0.5 * process.log_noise[output, 0].double())
        features = len(process.turns)
        self.amplitude = (2 * self.signal / features).sqrt()
        draws = centered(process.draws)[:, output].double()
        self._heights, self.slopes = draws[:, :features], draws[:, features:]
        self._scaling = process.scaling[output].double()
        self._angles = process.directions.double() * self._scaling[:, None]
        self._turns = process.turns.double()

    def drawn(self, at: Tensor) -> Tensor:
        """Return the values of the sampled functions at N inputs, shape ``(N, M)``."""
        cosines = torch.cos(at @ self._angles + self._turns)
        return self.amplitude * cosines @ self._heights.T + at @ self.slopes.T

    def kernel(self, one: Tensor, other: Tensor) -> Tensor:
        """Return covariances, shape ``(N, K)``."""
        distance = torch.cdist(one * self._scaling, other * self._scaling)
        return self.signal * torch.exp(-0.5 * distance.square()) + one @ other.T


def _exact(prior: _Prior, x: Tensor, targets: Tensor) -> Tensor:
    """Return the weights of kernels at all inputs that correct functions of the prior.

    Args:
        prior: of the output.
        x: shape ``(N, I)``.
        targets: of each function, shape ``(N, M)``.
    """
    kernel = prior.kernel(x, x)
    kernel.diagonal().add_(prior.deviation**2)
    return torch.cholesky_solve(targets - prior.drawn(x), torch.linalg.cholesky(kernel))


def _sparse(prior: _Prior, x: Tensor, targets: Tensor, z: Tensor) -> Tensor:
    """Return the same for kernels at inducing inputs only, shape ``(K, M)``.

    Args:
        prior: of the output.
        x: shape ``(N, I)``.
        targets: of each function, shape ``(N, M)``.
        z: inducing inputs, shape ``(K, I)``.
    """
    within = prior.kernel(z, z)
    within.diagonal().add_(_JITTER * prior.signal)
    root = torch.linalg.cholesky(within)
    across = torch.linalg.solve_triangular(root, prior.kernel(z, x), upper=False)
    # Targets implied by a function's inducing values.
    told = across.T @ torch.linalg.solve_triangular(root, prior.drawn(z), upper=False)
    inner = across @ across.T
    inner.diagonal().add_(prior.deviation**2)
    solved = torch.cholesky_solve(across @ (targets - told), torch.linalg.cholesky(inner))
    return torch.linalg.solve_triangular(root.T, solved, upper=True)


def _spread(process: GaussianProcess, inputs: Tensor) -> Tensor:
    """Return the indices of the most informative inputs: the pivots of a pivoted Cholesky.

    The kernel is the mean of the outputs' squared exponentials (Burt et al. 2020, greedy).
    """
    candidates = min(_MOST_CANDIDATES, len(inputs))
    rows = torch.linspace(0, len(inputs) - 1, candidates).long()
    at = inputs[rows]
    kernel = torch.zeros(candidates, candidates)
    for scaling in process.scaling:
        kernel += torch.exp(-0.5 * torch.cdist(at * scaling, at * scaling).square())
    kernel /= process.output_dim
    unexplained = kernel.diagonal().clone()
    count = min(process.settings.inducing, candidates)
    columns = torch.zeros(count, candidates)
    chosen = torch.zeros(count, dtype=torch.long)
    for k in range(count):
        pivot = chosen[k] = unexplained.argmax()
        column = kernel[pivot] - columns[:k, pivot] @ columns[:k]
        columns[k] = column / unexplained[pivot].clamp_min(1e-12).sqrt()
        unexplained -= columns[k].square()
        unexplained[pivot] = -torch.inf
    return rows[chosen]
