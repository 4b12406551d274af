"""Networks of a recurrent state-space model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from mbrl_ros.core.spaces import Space
from mbrl_ros.models.latent import packing
from mbrl_ros.models.latent.layers import Layer, Mlp, Recurrent, gumbel, mixed, one_hot
from mbrl_ros.models.latent.model import LatentModel
from mbrl_ros.models.latent.network import LatentNetwork
from mbrl_ros.models.latent.settings import LatentSettings
from mbrl_ros.models.rssm.behaviour import Behaviour
from mbrl_ros.models.rssm.settings import SIZES, RssmSettings
from mbrl_ros.models.update import ModelUpdate


class Rssm(LatentNetwork):
    """A deterministic and a categorical part of state (Hafner et al. 2019; 2023, section 2).

    The prior tells the latent state z from h alone, the posterior from h and what was observed.
    Images and named dimensions are told from both.
    """

    settings_type: ClassVar[type[LatentSettings]] = RssmSettings

    def __init__(self, observation: Space, action: Space, settings: LatentSettings) -> None:
        """Create networks, not initialised yet; see `LatentNetwork`."""
        super().__init__(observation, action, settings)
        self._size = size = SIZES[settings.size]
        self.latents, self.classes = size.latents, size.classes
        self.memory, self.latent = size.deter, size.latents * size.classes
        self.deter, self.features = size.deter, size.deter + self.latent
        self._add_eyes(size.hidden, size.width, self.features)
        self.input_layer = Layer(self.latent + action.dim, size.hidden)
        self.recurrent = Recurrent(size.hidden, size.deter)
        self.prior_head = Mlp(size.deter, [size.hidden], self.latent)
        self.posterior_layer = nn.Linear(size.deter, size.hidden, bias=False)
        self.posterior_norm = nn.LayerNorm(size.hidden, eps=1e-3)
        self.posterior_head = nn.Linear(size.hidden, self.latent)
        self._add_heads(size.hidden, self.features)

    def advance(self, memory: Tensor, z: Tensor, acted: Tensor) -> Tensor:
        """See `LatentNetwork.advance`."""
        state: Tensor = self.recurrent(self.input_layer(torch.cat([z, acted], dim=-1)), memory)
        return state

    def luck(self, shape: Sequence[int], generator: torch.Generator | None) -> Tensor:
        """See `LatentNetwork.luck`."""
        whole = *shape, self.latents, self.classes
        return torch.zeros(whole) if generator is None else gumbel(whole, generator)

    def prior(self, h: Tensor) -> Tensor:
        """Return logarithms of what z may be, shape ``(..., latents, classes)``."""
        return mixed(self.prior_head(h).unflatten(-1, (self.latents, self.classes)))

    def foresee(self, h: Tensor, luck: Tensor) -> Tensor:
        """See `LatentNetwork.foresee`: z is one-hot."""
        return one_hot(self.prior(h), luck)

    def posterior(self, h: Tensor, embedded: Tensor) -> Tensor:
        """Return the same as `prior`, knowing what was observed."""
        x = functional.silu(self.posterior_norm(self.posterior_layer(h) + embedded))
        return mixed(self.posterior_head(x).unflatten(-1, (self.latents, self.classes)))

    def recognize(self, posterior: Tensor, luck: Tensor) -> Tensor:
        """See `LatentNetwork.recognize`."""
        return one_hot(posterior, luck)

    def draw(self, posterior: Tensor, luck: Tensor) -> Tensor:
        """See `LatentNetwork.draw`.

        Straight through: drawn forwards, differentiated as if it were the probabilities.
        """
        probability = posterior.exp().flatten(-2)
        return one_hot(posterior, luck) + probability - probability.detach()

    def behaviour(self) -> Behaviour:
        """See `LatentNetwork.behaviour`: actor and critic."""
        return Behaviour(self.features, self.action, self._size.hidden)


def make_world_model(update: ModelUpdate, device: str = "cpu") -> LatentModel:
    """See `packing.make_world_model`."""
    return packing.make_world_model(update, Rssm, device)
