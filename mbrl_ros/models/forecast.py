"""What a one-step model expected of the newest steps, at the cost of one step."""

from __future__ import annotations

import torch
from torch import Tensor

from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.world_model import Step


class CarriedForecast:
    """Carries along what was predicted from each of the newest steps on.

    All these predictions advance by one step at a time, as one batch: to predict from the oldest
    step anew would take as many passes through the network as there are steps in between.
    """

    def __init__(self, dynamics: DynamicsModel, steps: int) -> None:
        """Predict nothing yet.

        Args:
            dynamics: predicts; a correction may change it between two steps.
            steps: of the longest prediction.
        """
        self._dynamics, self._steps = dynamics, steps
        # Of the predictions from the oldest step to the newest.
        self._states = dynamics.low.new_empty(dynamics.members, 0, dynamics.encoding.state_dim)
        self._noise = dynamics.low.new_empty(0, dynamics.observation.dim)

    @torch.no_grad()
    def observe(self, step: Step) -> tuple[Tensor, Tensor | None]:
        """See `Forecast.observe`."""
        dynamics, encoding = self._dynamics, self._dynamics.encoding
        state, pending = step.belief
        begun = state[:1].to(self._states).expand(dynamics.members, 1, -1)
        states = torch.cat([self._states, begun], dim=1)
        acting = torch.cat([pending, step.action[None]])[:1].to(states)
        acted = acting.expand(*states.shape[:2], -1)
        (predicted,) = dynamics.unroll(states, [acted])
        noise = torch.cat([self._noise, torch.zeros_like(dynamics.low)[None]]) + predicted.noise
        mean, apart = encoding.pooled(predicted.next_observation)
        seen = dynamics.relative(step.observation).to(mean)
        z = encoding.difference(mean, seen.expand_as(mean)) / (apart + noise).sqrt()
        whole = states.shape[1] == self._steps
        # The oldest has come to its end.
        self._states = encoding.advance(states, acted, predicted.next_observation)[:, whole:]
        self._noise = noise[whole:]
        return z[-1] / dynamics.one_step_z, z[0] / dynamics.open_loop_z if whole else None
