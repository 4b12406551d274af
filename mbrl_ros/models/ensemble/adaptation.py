"""Fast online adaptation of the last layer, between two models of the trainer.

A Kalman filter on the last layer's weights (ALPaCA, Harrison et al. 2018, arXiv 1807.08912, section
3; with random features, arXiv 2510.15626), that is, recursive least squares on the network's
features. The weights' deviation from the trained ones is modelled as a random walk that decays to
zero, so that directions without excitation are forgotten.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.ensemble.networks import Ensemble

# Random inputs that measure the size of a network's features.
_PROBES = 256
# An overconfident member would follow every rounding error.
_LEAST_NOISE = 1e-3
# In the targets' standard deviations; larger errors are sensor glitches.
_MOST_ERROR = 10.0

#: States before N steps ``(N, S)``, actions in effect ``(N, A)``, next observations ``(N, O)``.
Taken = tuple[Tensor, Tensor, Tensor]


class Adaptation:
    """Corrects a model's last layer, in place.

    Attributes:
        model: its last layer is the trained one plus `correction`.
        correction: of weights and biases, shape ``(M, F + 1, O)``, for normalised targets.
    """

    @torch.no_grad()
    def __init__(
        self, model: DynamicsModel, strength: float, memory: int, past: Taken | None = None
    ) -> None:
        """Start to correct a trained model.

        Args:
            model: to be corrected; an ensemble.
            strength: prior standard deviation of the change of a prediction, in the targets'
                standard deviations.
            memory: forgetting time constant [control steps].
            past: the newest steps to start from, oldest first; on CPU.
        """
        self.model = model
        self._decay = math.exp(-1.0 / memory)
        assert isinstance(model.network, Ensemble)
        network, o = model.network, model.observation.dim
        self._network = network
        self._weight = network.weights[-1][..., :o].clone()
        self._bias = network.biases[-1][..., :o].clone()
        generator = torch.Generator().manual_seed(0)
        probes = torch.randn(_PROBES, model.encoding.input_dim, generator=generator)
        features = _with_one(network.features(probes.to(model.low).expand(model.members, -1, -1)))
        # Weight variance that makes the standard deviation of predictions equal `strength`.
        self._prior = strength**2 / features.square().sum(dim=-1).mean(dim=1)[:, None, None]
        self._identity = torch.eye(features.shape[-1], device=features.device)
        self._covariance = self._prior * self._identity
        self.correction = torch.zeros(*self._covariance.shape[:2], o, device=features.device)
        if past is not None:
            self._begin_with(*past)

    @property
    def size(self) -> float:
        """RMS of the correction, relative to the last layer's weights."""
        return float(self.correction.norm() / self._weight.norm().clamp_min(1e-12))

    @torch.no_grad()
    def observe(self, state: Tensor, action: Tensor, next_observation: Tensor) -> None:
        """Update from one step; steps with non-finite or implausible errors are ignored.

        Args:
            state: before the step, shape ``(S,)``.
            action: in effect, shape ``(A,)``.
            next_observation: shape ``(O,)``.
        """
        features, error, noise = self._errors(state[None], action[None], next_observation[None])
        if not error.isfinite().all():
            return
        phi, error = features[:, 0, :, None], error[:, 0]
        decay = self._decay
        prior = decay**2 * self._covariance + (1 - decay**2) * self._prior * self._identity
        spread = prior @ phi
        gain = spread / (noise + phi.transpose(1, 2) @ spread)
        # The decay towards zero changes the prediction, and so its error.
        pulled = decay * self.correction
        error = error + ((self.correction - pulled) * phi).sum(dim=1)
        self.correction = pulled + gain * error[:, None]
        self._covariance = prior - gain @ spread.transpose(1, 2)
        self._write()

    def _begin_with(self, state: Tensor, action: Tensor, next_observation: Tensor) -> None:
        """Solve for the correction after N steps in batch, as if observed one by one."""
        features, error, noise = self._errors(state, action, next_observation)
        usable = error.isfinite().all(dim=-1).all(dim=0)
        age = torch.arange(len(state) - 1, -1, -1, device=error.device)[usable]
        weight = self._decay ** (2.0 * age)[:, None]
        phi, error = features[:, usable], error[:, usable]
        precision = (phi * weight).transpose(1, 2) @ phi / noise + self._identity / self._prior
        self._covariance = torch.linalg.inv(precision)
        self.correction = self._covariance @ ((phi * weight).transpose(1, 2) @ error) / noise
        self._write()

    def _errors(
        self, state: Tensor, action: Tensor, next_observation: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return features ``(M, N, F + 1)``, errors ``(M, N, O)`` and noise ``(M, 1, 1)``.

        Implausible errors are NaN.
        """
        model, device = self.model, self.correction.device
        state = state.to(device).expand(model.members, -1, -1)
        action = action.to(device).expand(model.members, -1, -1)
        next_observation = next_observation.to(device)
        features = self._network.features(model.inputs(state, action))
        mean, log_variance = self._network.told(features)
        target = model.normalized_target(model.base(state, action), next_observation)
        noise = log_variance.exp().mean(dim=(1, 2))[:, None, None].clamp_min(_LEAST_NOISE)
        error = target - mean
        believable = torch.where(error.abs() <= _MOST_ERROR, error, torch.nan)
        return _with_one(features), believable, noise

    def _write(self) -> None:
        network, o = self._network, self.model.observation.dim
        network.weights[-1][..., :o] = self._weight + self.correction[:, :-1]
        network.biases[-1][..., :o] = self._bias + self.correction[:, -1:]


def _with_one(features: Tensor) -> Tensor:
    """Append a feature that is always one, for the bias."""
    return torch.cat([features, torch.ones_like(features[..., :1])], dim=-1)
