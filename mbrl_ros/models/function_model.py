"""A function as a world model: analytic dynamics, or a model of your own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import jacrev, vmap

from mbrl_ros.core.spaces import Space
from mbrl_ros.models.encoding import Encoding
from mbrl_ros.models.heads import Policy
from mbrl_ros.models.imagined import Imagined
from mbrl_ros.models.stepping import step_through
from mbrl_ros.models.world_model import Belief, Images, UnlearnedError, WorldModel


class FunctionModel(WorldModel):
    """A function ``next = step(observation, action)``: one member, the observation as belief."""

    members = 1

    def __init__(
        self,
        observation: Space,
        action: Space,
        step: Callable[[Tensor, Tensor], Tensor],
        std: float = 1.0,
        differentiable: bool = True,
    ) -> None:
        """Create a model.

        Args:
            observation: O dimensions.
            action: A dimensions.
            step: from observations ``(..., O)`` and actions ``(..., A)`` to the next observations
                ``(..., O)``, SI units; torch operations only, so that it is differentiable.
            std: standard deviation of its errors, for trust [SI units]; infinite: it is trusted.
            differentiable: whether derivatives pass through it.
        """
        self.observation, self.action = observation, action
        self._step, self._std = step, std
        self.differentiable = differentiable
        self._encoding = Encoding(observation, action)

    def initial(self, batch: int) -> Belief:
        """See `WorldModel.initial`: zeros."""
        return (torch.zeros(1, batch, self.observation.dim),)

    def observe(
        self,
        belief: Belief | None,
        action: Tensor,
        observation: Tensor,
        is_first: bool,
        images: Images | None = None,
    ) -> Belief:
        """See `WorldModel.observe`."""
        return (observation[None, None],)

    def features(self, belief: Belief) -> Tensor:
        """See `WorldModel.features`: the observations."""
        return belief[0]

    def ahead(self, belief: Belief, actions: Tensor) -> Belief:
        """See `WorldModel.ahead`."""
        observations = self._rolled_out(belief, actions[None])
        return (observations[:, :, -1],)

    @torch.no_grad()
    def imagine(self, belief: Belief, actions: Tensor) -> Imagined:
        """See `WorldModel.imagine`."""
        return self._imagined(belief, actions)

    def imagine_gradients(self, belief: Belief, actions: Tensor) -> Imagined:
        """See `WorldModel.imagine_gradients`."""
        self._check_derivatives()
        return self._imagined(belief, actions)

    def _imagined(self, belief: Belief, actions: Tensor) -> Imagined:
        observations = self._rolled_out(belief, actions)
        return Imagined(actions, observations, observations)

    def imagine_policy(self, belief: Belief, policy: Policy, horizon: int) -> Imagined:
        """See `WorldModel.imagine_policy`."""
        seen, chosen = step_through(self._step, belief[0], lambda _, s: policy(s), horizon)
        observations = torch.stack(seen, dim=2)
        return Imagined(torch.stack(chosen, dim=2), observations, observations)

    def linearized(self, belief: Belief) -> tuple[Tensor, FunctionModel]:
        """See `WorldModel.linearized`."""
        self._check_derivatives()
        return belief[0].reshape(-1, self.observation.dim).mean(dim=0), self

    def mean_step(self, state: Tensor, action: Tensor) -> Tensor:
        """See `Linearization.mean_step`."""
        return self._step(state, action)

    def mean_jacobians(self, state: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """See `Linearization.mean_jacobians`."""
        by_state, by_action = vmap(jacrev(self._step, argnums=(0, 1)))(state, action)
        return by_state, by_action

    def surprise(self, belief: Belief, actions: Tensor, observation: Tensor) -> Tensor:
        """See `WorldModel.surprise`."""
        expected = self.ahead(belief, actions)[0][0, 0]
        return self._encoding.difference(expected, observation) / self._std

    def fork(self, members: int | None = None) -> FunctionModel:
        """See `WorldModel.fork`."""
        made = FunctionModel(
            self.observation, self.action, self._step, self._std, self.differentiable
        )
        made.policy, made.value = self.policy, self.value
        return made

    def _check_derivatives(self) -> None:
        if not self.differentiable:
            raise UnlearnedError("this function has no derivatives")

    def _rolled_out(self, belief: Belief, actions: Tensor) -> Tensor:
        """Return observations ``(1, N, H + 1, O)``."""
        start, each = belief[0].expand(1, len(actions), -1), actions.unbind(dim=1)
        seen, _ = step_through(self._step, start, lambda k, _: each[k][None], len(each))
        return torch.stack(seen, dim=2)
