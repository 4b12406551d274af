"""Evolution of a controller in the dream."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from cmaes import CMA
from torch import Tensor

from mbrl_ros.learning.latent.dreamer import Dreamer, dream
from mbrl_ros.learning.vae_mdn_rnn.settings import EvolutionSettings
from mbrl_ros.models.latent.network import LatentNetwork
from mbrl_ros.models.learner_state import count
from mbrl_ros.models.vae_mdn_rnn.controller import Controller
from mbrl_ros.models.vae_mdn_rnn.mixture import tempered
from mbrl_ros.models.vae_mdn_rnn.network import VaeMdnRnn
from mbrl_ros.objectives.objective import Objective

# The return of who is not judged by a finite number.
_WORST = -1e30


class Evolution(Dreamer):
    """CMA-ES of a controller's weights (Ha and Schmidhuber 2018, section 2.3; Hansen 2016).

    All controllers of a generation dream from the same states with the same luck. The model changes
    under the search, so it begins anew around its mean wherever it has come to its end.

    Attributes:
        learned: the mean of the search.
        updates: gradient steps of the model so far, of which each owes generations.
        dreamed: mean discounted return of the last generation; NaN before the first.
    """

    learned: Controller

    def __init__(self, learned: Controller, settings: EvolutionSettings, seed: int) -> None:
        """Begin with a controller that does nothing.

        Args:
            learned: to evolve.
            settings: of evolution.
            seed: of controllers and dreams.
        """
        self.learned, self.updates, self.dreamed = learned, 0, float("nan")
        self._settings, self._made = settings, 0
        self._generator = torch.Generator().manual_seed(seed)
        learned.initialize(self._generator)
        self._search = self._begin()

    def _begin(self) -> CMA:
        seed = int(torch.randint(2**31, (), generator=self._generator))
        mean = self.learned.weights.flatten().double().numpy()
        s = self._settings
        return CMA(mean, s.deviation, seed=seed, population_size=s.population)

    def update(
        self, network: LatentNetwork, memory: Tensor, z: Tensor, seen: Tensor, objective: Objective
    ) -> None:
        """See `Dreamer.update`: as many generations as are owed."""
        while self._made < int((self.updates + 1) * self._settings.generations):
            self._generation(network, memory, z, seen, objective)
            self._made += 1
        # What could not be judged is not owed later, all at once.
        self.updates += 1

    def _generation(
        self, network: LatentNetwork, memory: Tensor, z: Tensor, seen: Tensor, objective: Objective
    ) -> None:
        if self._search.should_stop():
            self._search = self._begin()
        asked = [self._search.ask() for _ in range(self._settings.population)]
        weights = torch.from_numpy(np.stack(asked)).float().view(-1, *self.learned.weights.shape)
        worth = self._returns(weights, network, memory, z, seen, objective)
        told = worth.nan_to_num(_WORST, _WORST, _WORST).tolist()
        self._search.tell([(x, -value) for x, value in zip(asked, told, strict=True)])
        self.dreamed = float(worth.mean())
        mean = torch.from_numpy(self._search.mean).to(self.learned.weights)
        self.learned.weights.copy_(mean.view_as(self.learned.weights))

    def _returns(
        self,
        weights: Tensor,
        network: LatentNetwork,
        memory: Tensor,
        z: Tensor,
        seen: Tensor,
        objective: Objective,
    ) -> Tensor:
        """Return the mean discounted return of each controller ``(P, A, F + 1)``, shape ``(P,)``.

        The other arguments are those of `update`.
        """
        s, controllers, starts = self._settings, len(weights), len(z)
        assert isinstance(network, VaeMdnRnn)
        luck = network.luck((s.imagined_steps, starts), self._generator)
        luck = tempered(luck, s.temperature, network.mixtures)
        memory, z, seen = (part.repeat(controllers, 1) for part in (memory, z, seen))

        def choose(features: Tensor) -> Tensor:
            each = features.unflatten(0, (controllers, starts))
            return self.learned.shares(each, weights).flatten(0, 1)

        luck = luck.repeat(1, controllers, 1)
        made = dream(network, memory, z, seen, luck, choose, objective)
        reached = torch.cat([torch.ones_like(made.continues[:1]), made.continues[:-1]])
        lasting = torch.full_like(reached, s.discount)
        lasting[0] = 1.0
        returns = (made.rewards * (reached * lasting).cumprod(dim=0)).sum(dim=0)
        return returns.view(controllers, starts).mean(dim=1)

    def state(self) -> dict[str, Tensor]:
        """See `Dreamer.state`: the search goes on from the mean, which is the controller."""
        return {"policy.updates": torch.tensor(self.updates)}

    def check(self, state: dict[str, Tensor] | None) -> None:
        """See `Dreamer.check`."""
        count(state or {}, "policy.updates", missing=0)

    def load(self, learned: Any, state: dict[str, Tensor] | None) -> None:
        """See `Dreamer.load`."""
        updates = count(state or {}, "policy.updates", missing=0)
        self.learned.load_state_dict(learned.state_dict())
        self.learned.objective = learned.objective
        self.updates = updates
        self._made = int(updates * self._settings.generations)
        self._search = self._begin()
