"""Networks of a recurrent state-space model."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from mbrl_ros.core.spaces import Space
from mbrl_ros.models.encoding import Encoding
from mbrl_ros.models.normalizing import take_inputs
from mbrl_ros.models.rssm.images import ImageDecoder, ImageEncoder
from mbrl_ros.models.rssm.layers import (
    Layer,
    Mlp,
    Recurrent,
    TwoHot,
    initialize,
    mixed,
    symexp,
    symlog,
)
from mbrl_ros.models.rssm.settings import SIZES, RssmSettings

# Of the last observation in what is expected of the next, as its logit over 8.
_FIRST_SHARE = 0.5
# Deviation that changes have at least, as a share of the observation's.
_LEAST = 1e-3


class Rssm(nn.Module):
    """A deterministic and a categorical part of state (Hafner et al. 2019; 2023, section 2).

    The recurrent state h follows from the last state and the action. The prior tells the latent
    state z from h alone, the posterior from h and what was observed. Heads read both, the features:
    observations in named dimensions, the reward for having come there, and whether it goes on. What
    is expected of the named dimensions comes from h alone, and from a share of the last step's: all
    of it where readings are exact, so that they go into predictions as they are and not as finely
    only as z can tell, and none where they are mostly noise. The share is learned.

    Attributes:
        observation: O dimensions; angles are read and told as sine and cosine.
        action: A dimensions.
        settings: of the model.
        features: F, size of h and z together.
        channels: of the images of all cameras together; 0: none are seen.
        reads: whether each observation dimension is read, shape ``(O,)``.
        input_mean: of encoded observations, shape ``(E,)``.
        input_std: their deviations.
        change_std: deviation of each observation dimension's change in a step, shape ``(O,)``.
        observation_mean: of each observation dimension in the data, shape ``(O,)``.
        observation_std: deviation of each observation dimension in the data, shape ``(O,)``.
        one_step_std: root mean square error on the hold-out of what is expected one step ahead,
            shape ``(O,)``, SI units.
        open_loop_std: the same of as many steps as the gate looks ahead.
        paid: 1 once a reward has been learned, else 0.
        ended: 1 once a termination has been learned, else 0.
    """

    input_mean: Tensor
    input_std: Tensor
    change_std: Tensor
    observation_mean: Tensor
    observation_std: Tensor
    one_step_std: Tensor
    open_loop_std: Tensor
    paid: Tensor
    ended: Tensor

    def __init__(self, observation: Space, action: Space, settings: RssmSettings) -> None:
        """Create networks, not initialised yet.

        Raises:
            ValueError: if an unseen dimension is unknown, or nothing is left to read.
        """
        super().__init__()
        self.observation, self.action, self.settings = observation, action, settings
        size = SIZES[settings.size]
        self.encoding = Encoding(observation, action)
        self.reads = _reads(observation, settings)
        width = self.encoding.input_dim - action.dim
        # What is not read is zero in the input.
        shown = self.encoding.encode_observation(self.reads.float())
        straight = observation.dim - len(observation.angles)
        shown[straight:] = self.reads.float()[list(observation.angle_indices)].repeat(2)
        self._shown = shown
        self.latents, self.classes = size.latents, size.classes
        latent = size.latents * size.classes
        self.deter, self.features = size.deter, size.deter + latent
        hidden = [size.hidden]
        self.embedding = Mlp(width, hidden, size.hidden)
        self.channels = len(observation.images) * (1 if settings.grey else 3)
        if self.channels:
            told = self.channels, observation.image_size, size.width
            self.image_encoder = ImageEncoder(*told, size.hidden)
            self.image_decoder = ImageDecoder(self.features, *told)
        self.input_layer = Layer(latent + action.dim, size.hidden)
        self.recurrent = Recurrent(size.hidden, size.deter)
        self.prior_head = Mlp(size.deter, hidden, latent)
        self.posterior_layer = nn.Linear(size.deter, size.hidden, bias=False)
        self.posterior_norm = nn.LayerNorm(size.hidden, eps=1e-3)
        self.posterior_head = nn.Linear(size.hidden, latent)
        self.observation_head = Mlp(self.features, 2 * hidden, width)
        self.change_head = Mlp(size.deter, hidden, observation.dim)
        self.share = nn.Parameter(torch.full((observation.dim,), _FIRST_SHARE))
        # Angles have no middle.
        self.turns = torch.tensor(
            [n in observation.angles for n in observation.names], device="cpu"
        )
        self.reward_head = TwoHot(self.features, hidden)
        self.continue_head = Mlp(self.features, hidden, 1)
        low, high = (torch.tensor(limits, device="cpu") for limits in (action.low, action.high))
        bounded = low.isfinite() & high.isfinite()
        self._middle = ((low + high) / 2).where(bounded, torch.zeros_like(low))
        self._half = ((high - low) / 2).where(bounded, torch.ones_like(low))
        for name, count in (
            ("input_mean", width),
            ("observation_mean", observation.dim),
            ("paid", ()),
            ("ended", ()),
        ):
            self.register_buffer(name, torch.zeros(count))
        for name, count in (
            ("input_std", width),
            ("change_std", observation.dim),
            ("observation_std", observation.dim),
            ("one_step_std", observation.dim),
            ("open_loop_std", observation.dim),
        ):
            self.register_buffer(name, torch.ones(count))

    def initialize(self, generator: torch.Generator) -> None:
        """Draw new weights."""
        initialize(self, generator)

    @torch.no_grad()
    def normalize_from(self, observations: Tensor, changes: Tensor) -> None:
        """Set the units of observations ``(N, O)`` and of their changes in a step ``(K, O)``."""
        plain = observations.double()
        for mean, std, data in (
            (self.input_mean, self.input_std, self.encoding.encode_observation(plain)),
            (self.observation_mean, self.observation_std, plain),
        ):
            exact = mean.double(), std.double()
            take_inputs(*exact, data)
            mean.copy_(exact[0])
            std.copy_(exact[1])
        if len(changes):
            size = changes.square().mean(dim=0).sqrt()
            self.change_std.copy_(size.maximum(_LEAST * self.observation_std))

    def normalized(self, observations: Tensor) -> Tensor:
        """Return observations ``(..., O)`` as they are read and told, shape ``(..., E)``."""
        return symlog(
            (self.encoding.encode_observation(observations) - self.input_mean) / self.input_std
        )

    def embed(self, observations: Tensor, looked: Tensor | None) -> Tensor:
        """Return what the posterior reads.

        Args:
            observations: shape ``(..., O)``.
            looked: what `image_encoder` makes of the images of the same steps; None: none are seen.
        """
        shown = self.normalized(observations) * self._shown.to(observations.device)
        embedded: Tensor = self.embedding(shown)
        return embedded if looked is None else embedded + looked

    def scaled(self, actions: Tensor) -> Tensor:
        """Return actions ``(..., A)`` as shares of half their range."""
        device = actions.device
        return (actions - self._middle.to(device)) / self._half.to(device)

    def advance(self, h: Tensor, z: Tensor, acted: Tensor) -> Tensor:
        """Return the next recurrent state, shape ``(..., deter)``; ``acted`` is `scaled`."""
        state: Tensor = self.recurrent(self.input_layer(torch.cat([z, acted], dim=-1)), h)
        return state

    def prior(self, h: Tensor) -> Tensor:
        """Return logarithms of what z may be, shape ``(..., latents, classes)``."""
        return mixed(self.prior_head(h).unflatten(-1, (self.latents, self.classes)))

    def posterior(self, h: Tensor, embedded: Tensor) -> Tensor:
        """Return the same, knowing what was observed."""
        x = functional.silu(self.posterior_norm(self.posterior_layer(h) + embedded))
        return mixed(self.posterior_head(x).unflatten(-1, (self.latents, self.classes)))

    def observe(self, features: Tensor) -> Tensor:
        """Return the named observations ``(..., O)`` of features ``(..., F)``, SI units."""
        told = symexp(self.observation_head(features)) * self.input_std + self.input_mean
        angles = list(self.observation.angle_indices)
        if not angles:
            return told
        k, straight = len(angles), told.shape[-1] - 2 * len(angles)
        seen = told.new_empty(*told.shape[:-1], self.observation.dim)
        others = [i for i in range(self.observation.dim) if i not in angles]
        seen[..., others] = told[..., :straight]
        sine, cosine = told[..., straight : straight + k], told[..., straight + k :]
        seen[..., angles] = torch.atan2(sine, cosine)
        return seen

    def told(self, observations: Tensor, features: Tensor) -> Tensor:
        """Return observations ``(..., O)`` with what is not read of them told from the features."""
        if self.reads.all():
            return observations
        return torch.where(self.reads.to(features.device), observations, self.observe(features))

    def expected(self, before: Tensor, moved: Tensor) -> Tensor:
        """Return the named observations that are expected in a step, SI units.

        Args:
            before: of the last step, shape ``(..., O)``.
            moved: what `change_head` answers to h, shape ``(..., O)``.
        """
        share = torch.where(self.turns.to(before.device), 1.0, (8 * self.share).sigmoid())
        middle = self.observation_mean
        return middle + share * (before - middle) + moved * self.change_std

    def continues(self, features: Tensor) -> Tensor:
        """Return the probability that the episode goes on, shape ``(...)``."""
        if not self.ended:
            return features.new_ones(features.shape[:-1])
        return self.continue_head(features)[..., 0].sigmoid()


def _reads(observation: Space, settings: RssmSettings) -> Tensor:
    for name in settings.unseen:
        if name not in (*observation.names, "*"):
            raise ValueError(
                f"model.unseen: '{name}' is not one of {', '.join(observation.names)}, nor '*'"
            )
    hidden = set(observation.names if "*" in settings.unseen else settings.unseen)
    reads = torch.tensor([name not in hidden for name in observation.names], device="cpu")
    if not reads.any() and not observation.images:
        raise ValueError("model.unseen: expected a dimension or an image that the model reads")
    return reads
