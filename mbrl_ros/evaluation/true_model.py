"""A plant's true dynamics as a world model: an upper bound for learned models."""

from __future__ import annotations

import torch
from torch import Tensor

from mbrl_ros.core.spaces import Space
from mbrl_ros.models.heads import Policy
from mbrl_ros.models.imagined import Imagined
from mbrl_ros.models.world_model import Belief, Images, UnlearnedError, WorldModel
from mbrl_ros.simulation.true_dynamics import TrueDynamics


class TrueModel(WorldModel):
    """Imagines from the plant's present state; belief: the newest observation, ``(1, 1, O)``."""

    members = 1

    def __init__(self, observation: Space, action: Space, dynamics: TrueDynamics) -> None:
        """Wrap a plant's dynamics.

        Args:
            observation: O dimensions.
            action: A dimensions.
            dynamics: of the plant, from its state at the time of a call.
        """
        self.observation, self.action = observation, action
        self._dynamics = dynamics

    def initial(self, batch: int) -> Belief:
        """See `WorldModel.initial`."""
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
        """See `WorldModel.features`: the observation."""
        return belief[0]

    def ahead(self, belief: Belief, actions: Tensor) -> Belief:
        """See `WorldModel.ahead`.

        Raises:
            UnlearnedError: always: pending commands are not supported.
        """
        raise UnlearnedError("true dynamics: pending commands are not supported")

    def imagine(self, belief: Belief, actions: Tensor) -> Imagined:
        """See `WorldModel.imagine`."""
        after = torch.from_numpy(self._dynamics(actions.double().numpy())).float()
        first = belief[0][0].expand(len(actions), 1, -1)
        observations = torch.cat([first, after], dim=1)[None]
        return Imagined(actions, observations, observations)

    def imagine_policy(self, belief: Belief, policy: Policy, horizon: int) -> Imagined:
        """See `WorldModel.imagine_policy`; each step repeats all previous ones."""
        actions = torch.empty(1, 0, self.action.dim)
        seen = belief[0][:, :, None]
        for _ in range(horizon):
            actions = torch.cat([actions, policy(seen[0, :, -1])[:, None]], dim=1)
            imagined = self.imagine(belief, actions)
            assert imagined.observations is not None
            seen = imagined.observations
        return Imagined(actions, seen, seen)

    def surprise(self, belief: Belief, actions: Tensor, observation: Tensor) -> Tensor:
        """See `WorldModel.surprise`: zero."""
        return torch.zeros(self.observation.dim)

    def fork(self, members: int | None = None) -> TrueModel:
        """See `WorldModel.fork`."""
        made = TrueModel(self.observation, self.action, self._dynamics)
        made.policy, made.value = self.policy, self.value
        return made
