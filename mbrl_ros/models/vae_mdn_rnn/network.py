"""Networks of a VAE with a mixture density RNN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from mbrl_ros.core.spaces import Space
from mbrl_ros.models.latent import packing
from mbrl_ros.models.latent.layers import gumbel
from mbrl_ros.models.latent.model import LatentModel
from mbrl_ros.models.latent.network import LatentNetwork
from mbrl_ros.models.latent.settings import LatentSettings
from mbrl_ros.models.update import ModelUpdate
from mbrl_ros.models.vae_mdn_rnn.controller import Controller
from mbrl_ros.models.vae_mdn_rnn.mixture import Mixture
from mbrl_ros.models.vae_mdn_rnn.settings import SIZES, VaeMdnRnnSettings


class VaeMdnRnn(LatentNetwork):
    """What is seen and what follows are learned apart (Ha and Schmidhuber 2018, section 2).

    V, a variational autoencoder, tells the latent state z from an observation alone; images and
    named dimensions are told from z alone. M, an LSTM of which h is the output, tells a mixture of
    Gaussians over the next z from all latent states and actions so far. The memory is h and the
    LSTM's cell.
    """

    settings_type: ClassVar[type[LatentSettings]] = VaeMdnRnnSettings

    def __init__(self, observation: Space, action: Space, settings: LatentSettings) -> None:
        """Create networks, not initialised yet; see `LatentNetwork`."""
        super().__init__(observation, action, settings)
        assert isinstance(settings, VaeMdnRnnSettings)
        size, self.mixtures = SIZES[settings.size], settings.mixtures
        self.latent, self.deter, self.memory = size.latent, size.units, 2 * size.units
        self.features = self.deter + self.latent
        self._add_eyes(size.hidden, size.width, self.latent)
        self.posterior_head = nn.Sequential(
            nn.LayerNorm(size.hidden), nn.SiLU(), nn.Linear(size.hidden, 2 * self.latent)
        )
        self.recurrent = nn.LSTMCell(self.latent + action.dim, size.units)
        told = Mixture.parameters(self.mixtures, self.latent)
        self.mixture_head = nn.Linear(size.units, told)
        self._add_heads(size.hidden, self.latent)

    def advance(self, memory: Tensor, z: Tensor, acted: Tensor) -> Tensor:
        """See `LatentNetwork.advance`."""
        *batch, _ = memory.shape
        told = torch.cat([z, acted], dim=-1).flatten(0, -2)
        h, cell = memory.flatten(0, -2).chunk(2, dim=-1)
        return torch.cat(self.recurrent(told, (h, cell)), dim=-1).view(*batch, -1)

    def read(self, memory: Tensor) -> Tensor:
        """See `LatentNetwork.read`: the LSTM's output, not its cell."""
        return memory[..., : self.deter]

    def luck(self, shape: Sequence[int], generator: torch.Generator | None) -> Tensor:
        """See `LatentNetwork.luck`; as for `Mixture.draw`."""
        if generator is None:
            return torch.zeros(*shape, self.mixtures + self.latent)
        choice = gumbel((*shape, self.mixtures), generator)
        return torch.cat([choice, torch.randn(*shape, self.latent, generator=generator)], dim=-1)

    def prior(self, h: Tensor) -> Mixture:
        """Return what z may be, of shape ``(...)``."""
        return Mixture.of(self.mixture_head(h), self.mixtures)

    def foresee(self, h: Tensor, luck: Tensor) -> Tensor:
        """See `LatentNetwork.foresee`."""
        return self.prior(h).draw(luck)

    def posterior(self, h: Tensor, embedded: Tensor) -> Tensor:
        """Return means of z and logarithms of its deviations, shape ``(..., 2 * latent)``."""
        told: Tensor = self.posterior_head(embedded)
        return told

    def recognize(self, posterior: Tensor, luck: Tensor) -> Tensor:
        """See `LatentNetwork.recognize`."""
        mean, log_std = posterior.chunk(2, dim=-1)
        return mean + log_std.exp() * luck[..., self.mixtures :]

    def draw(self, posterior: Tensor, luck: Tensor) -> Tensor:
        """See `LatentNetwork.draw`: V learns nothing from M."""
        return self.recognize(posterior, luck).detach()

    def behaviour(self) -> Controller:
        """See `LatentNetwork.behaviour`: a linear controller."""
        return Controller(self.features, self.action)


def make_world_model(update: ModelUpdate, device: str = "cpu") -> LatentModel:
    """See `packing.make_world_model`."""
    return packing.make_world_model(update, VaeMdnRnn, device)
