"""Learning what to do in imagination."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mbrl_ros.models.imagined import Imagined
from mbrl_ros.models.latent.behaviour import LatentBehaviour
from mbrl_ros.models.latent.network import LatentNetwork
from mbrl_ros.objectives.objective import Objective


class Dreamer(ABC):
    """Trains what to do on trajectories that a model imagines.

    Attributes:
        learned: trained.
        updates: made so far.
    """

    learned: LatentBehaviour
    updates: int

    @abstractmethod
    def update(
        self, network: LatentNetwork, memory: Tensor, z: Tensor, seen: Tensor, objective: Objective
    ) -> None:
        """Make one update.

        Args:
            network: imagines.
            memory: recurrent memories to begin with, shape ``(N, D)``, detached.
            z: latent states there, shape ``(N, C)``, detached.
            seen: named observations there, shape ``(N, O)``.
            objective: judges.

        Raises:
            UnlearnedError: if the objective asks for what the model does not predict.
        """

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """Return the state needed to resume training, beside the networks."""

    @abstractmethod
    def check(self, state: dict[str, Tensor] | None) -> None:
        """Check that `load` will take a state; None: nothing is known of it.

        Raises:
            ValueError: if it does not fit.
        """

    @abstractmethod
    def load(self, learned: Any, state: dict[str, Tensor] | None) -> None:
        """Resume with networks and, if known, the state that belongs to them.

        Raises:
            ValueError: if they do not fit; nothing is changed then.
        """


@dataclass(frozen=True)
class Dream:
    """What N trajectories of H steps come to.

    Attributes:
        features: shape ``(H + 1, N, F)``.
        shares: actions, see `Shares`; shape ``(H, N, A)``.
        rewards: of each step, shape ``(H, N)``.
        continues: probability that it goes on after each step, shape ``(H, N)``.
    """

    features: Tensor
    shares: Tensor
    rewards: Tensor
    continues: Tensor


@torch.no_grad()
def dream(
    network: LatentNetwork,
    memory: Tensor,
    z: Tensor,
    seen: Tensor,
    luck: Tensor,
    choose: Callable[[Tensor], Tensor],
    objective: Objective,
) -> Dream:
    """Imagine what a policy leads to, and judge it.

    Args:
        network: imagines.
        memory: as for `Dreamer.update`.
        z: the same.
        seen: the same.
        luck: of each step, as `LatentNetwork.luck` has it; shape ``(H, N or 1, ...)``.
        choose: shares of actions ``(N, A)`` from features ``(N, F)``.
        objective: judges.

    Raises:
        UnlearnedError: if the objective asks for what the model does not predict.
    """
    features, shares = [torch.cat([network.read(memory), z], dim=-1)], []
    told = [seen]
    for noise in luck:
        shares.append(choose(features[-1]))
        memory = network.advance(memory, z, shares[-1].clamp(-1.0, 1.0))
        h = network.read(memory)
        z = network.foresee(h, noise)
        features.append(torch.cat([h, z], dim=-1))
        told.append(network.expected(told[-1], network.change_head(h)))
    walked, acted, seen = torch.stack(features), torch.stack(shares), torch.stack(told)
    reached = walked[1:]
    goes_on = network.continues(reached)
    paid = network.reward_head(reached).view(1, -1, 1) if network.paid else None
    one_step = Imagined(
        network.shares.in_units(acted).flatten(0, 1)[:, None],
        torch.stack([seen[:-1], seen[1:]], dim=2).flatten(0, 1)[None],
        torch.stack([walked[:-1], reached], dim=2).flatten(0, 1)[None],
        paid,
        goes_on.view(1, -1, 1),
    )
    reward, alive = (judged[0].view_as(goes_on) for judged in objective.steps(one_step))
    return Dream(walked, acted, reward.float(), alive.float() * goes_on)
