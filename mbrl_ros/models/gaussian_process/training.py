"""Training of a Gaussian process's hyperparameters, with gpytorch."""

from __future__ import annotations

import math

import gpytorch
import numpy as np
import torch
from gpytorch.constraints import Positive
from linear_operator import to_linear_operator
from torch import Tensor

from mbrl_ros.data.row_replay import RowReplay
from mbrl_ros.data.segments import Indices, Segments
from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.gaussian_process.posterior import condition
from mbrl_ros.models.gaussian_process.process import GaussianProcess
from mbrl_ros.models.settings import OptimizerSettings
from mbrl_ros.models.trainer import Trainer

# A few dozen log-hyperparameters need larger and fewer steps than network weights; each step takes
# ten times as long.
_PACE, _SHARE = 30.0, 1 / 12
# A gradient step's time is cubic in the number of its transitions.
_MOST_IN_BATCH = 1000
# Maximum number of transitions in the posterior, spread over all.
_MOST_IN_POSTERIOR = 5000
# Ranges of lengthscale, variance and noise variance, normalised, that float32 can represent.
_LENGTHS, _VARIANCES, _NOISES = (0.05, 100.0), (1e-3, 1e2), (1e-4, 1e2)


class GaussianProcessTrainer(Trainer):
    """Learns hyperparameters by the marginal likelihood of random subsets of the data.

    A step's cost does not depend on the amount of data (Chen et al. 2020), and the likelihood is
    exact, whereas a sparse one would attribute to noise what its inducing inputs miss.
    """

    _pace, _share = _PACE, _SHARE

    def __init__(self, model: DynamicsModel, settings: OptimizerSettings) -> None:
        """Create a trainer.

        Args:
            model: with a Gaussian process.
            settings: of the training.

        Raises:
            ValueError: if ``settings.steps`` is not 1.
        """
        super().__init__(model, settings)
        if settings.steps != 1:
            raise ValueError(
                f"optimizer.steps: expected 1 for a gaussian_process, got {settings.steps}"
            )
        assert isinstance(model.network, GaussianProcess)
        self._process = model.network
        self._prior = _Prior(self._process)
        self._likelihood = gpytorch.mlls.ExactMarginalLogLikelihood(
            self._prior.likelihood, self._prior
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """See `Trainer.shape`: ``(B,)``."""
        return (min(self._settings.batch_size, _MOST_IN_BATCH),)

    def update(self, data: Segments, rows: Indices) -> float:
        """See `Trainer.update`."""
        loss = super().update(data, rows)
        process = self._process
        with torch.no_grad():
            for parameter, bounds in (
                (process.log_lengthscale, _LENGTHS),
                (process.log_outputscale, _VARIANCES),
                (process.log_noise, _NOISES),
            ):
                parameter.clamp_(*map(math.log, bounds))
        return loss

    @torch.no_grad()
    def finalize(self, replay: RowReplay) -> None:
        """See `Trainer.finalize`."""
        inputs, targets = self._pairs(replay.rows, replay.spread(_MOST_IN_POSTERIOR))
        # The same noise every time: a member should change with the data only.
        condition(self._process, inputs, targets, torch.Generator().manual_seed(0))

    def _loss(self, data: Segments, rows: Indices) -> Tensor:
        # A row drawn twice would look like a second measurement without noise.
        inputs, targets = self._pairs(data, np.unique(rows))
        # In double: with little noise, the kernel matrix is nearly singular.
        inputs, targets = inputs.double(), targets.double().T
        self._prior.set_train_data(inputs, targets, strict=False)
        with gpytorch.settings.max_cholesky_size(_MOST_IN_BATCH + 1):
            return -self._likelihood(self._prior(inputs), targets).mean()

    def _pairs(self, data: Segments, rows: Indices) -> tuple[Tensor, Tensor]:
        """Return inputs ``(N, I)`` and targets ``(N, O)``, normalised."""
        model = self.model
        b = model.mirror.every_other(data.batch(rows, model.delay, model.origin))
        base = model.base(b.state, b.action, b.foreseen)
        return model.inputs(b.state, b.action), model.normalized_target(base, b.next_observation)


class _Prior(gpytorch.models.ExactGP):
    """The gpytorch equivalent of a process, sharing its parameters; one per output."""

    def __init__(self, process: GaussianProcess) -> None:
        outputs, inputs = len(process.log_lengthscale), process.log_lengthscale.shape[-1]
        batch = torch.Size([outputs])
        positive = Positive(transform=torch.exp, inv_transform=torch.log)
        likelihood = gpytorch.likelihoods.GaussianLikelihood(
            noise_constraint=positive, batch_shape=batch
        )
        super().__init__(None, None, likelihood)
        curved = gpytorch.kernels.RBFKernel(
            ard_num_dims=inputs, batch_shape=batch, lengthscale_constraint=positive
        )
        self.curved = gpytorch.kernels.ScaleKernel(
            curved, batch_shape=batch, outputscale_constraint=positive
        )
        curved.raw_lengthscale = process.log_lengthscale
        self.curved.raw_outputscale = process.log_outputscale
        likelihood.noise_covar.raw_noise = process.log_noise

    def forward(self, inputs: Tensor) -> gpytorch.distributions.MultivariateNormal:
        """Return the joint distribution of the targets at inputs ``(..., N, I)``."""
        # With its own LinearKernel, gpytorch would decompose each summand separately.
        covariance = self.curved(inputs).to_dense() + inputs @ inputs.mT
        zero = torch.zeros_like(covariance[..., 0])
        return gpytorch.distributions.MultivariateNormal(zero, to_linear_operator(covariance))
