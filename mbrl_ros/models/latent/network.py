"""What networks of models that imagine in a latent state have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from mbrl_ros.core.spaces import Space
from mbrl_ros.models.encoding import Encoding
from mbrl_ros.models.latent.behaviour import LatentBehaviour
from mbrl_ros.models.latent.images import ImageDecoder, ImageEncoder
from mbrl_ros.models.latent.layers import Mlp, TwoHot, initialize, symexp, symlog
from mbrl_ros.models.latent.settings import LatentSettings
from mbrl_ros.models.latent.shares import Shares
from mbrl_ros.models.normalizing import take_inputs

# Of the last observation in what is expected of the next, as its logit over 8.
_FIRST_SHARE = 0.5
# Deviation that changes have at least, as a share of the observation's.
_LEAST = 1e-3


class LatentNetwork(nn.Module, ABC):
    """A recurrent memory, and a latent state z of what was seen or is imagined.

    The memory follows from the last one, the last latent state and the action. What is read of it,
    h, and z together are the features. Heads tell from them the reward for having come there, and
    whether it goes on. What is expected of the named dimensions comes from h alone, and from a
    share of the last step's: all of it where readings are exact, so that they go into predictions
    as they are and not as finely only as z can tell, and none where they are mostly noise. The
    share is learned.

    A kind adds its own layers between `_add_eyes` and `_add_heads`, and says what z is: told of an
    observation by the `posterior`, imagined by `foresee`. Luck is the noise by which either is
    drawn; where it is zero, the likeliest is taken.

    Attributes:
        settings_type: of the kind.
        observation: O dimensions; angles are read and told as sine and cosine.
        action: A dimensions.
        settings: of the model.
        memory: numbers in the recurrent memory.
        deter: numbers in h.
        latent: numbers in z.
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

    settings_type: ClassVar[type[LatentSettings]]
    memory: int
    deter: int
    latent: int
    features: int

    input_mean: Tensor
    input_std: Tensor
    change_std: Tensor
    observation_mean: Tensor
    observation_std: Tensor
    one_step_std: Tensor
    open_loop_std: Tensor
    paid: Tensor
    ended: Tensor

    def __init__(self, observation: Space, action: Space, settings: LatentSettings) -> None:
        """Create what all kinds have; the layers come with `_add_eyes` and `_add_heads`.

        Raises:
            ValueError: if an unseen dimension is unknown, or nothing is left to read.
        """
        super().__init__()
        self.observation, self.action, self.settings = observation, action, settings
        self.encoding = Encoding(observation, action)
        self.reads = _reads(observation, settings)
        self._width = width = self.encoding.input_dim - action.dim
        # What is not read is zero in the input.
        shown = self.encoding.encode_observation(self.reads.float())
        straight = observation.dim - len(observation.angles)
        shown[straight:] = self.reads.float()[list(observation.angle_indices)].repeat(2)
        self._shown = shown
        self.channels = len(observation.images) * (1 if settings.grey else 3)
        # Angles have no middle.
        self.turns = torch.tensor(
            [n in observation.angles for n in observation.names], device="cpu"
        )
        self.shares = Shares(action)
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

    def _add_eyes(self, hidden: int, width: int, told_of: int) -> None:
        """Add the layers that read and tell images, and those that read named dimensions.

        Args:
            hidden: numbers that the posterior reads, and units of the other layers.
            width: channels of an image's first feature map.
            told_of: numbers from which images are told.
        """
        self.embedding = Mlp(self._width, [hidden], hidden)
        if self.channels:
            told = self.channels, self.observation.image_size, width
            self.image_encoder = ImageEncoder(*told, hidden)
            self.image_decoder = ImageDecoder(told_of, *told)

    def _add_heads(self, hidden: int, told_of: int) -> None:
        """Add the heads; arguments as for `_add_eyes`, of named dimensions."""
        dim = self.observation.dim
        self._told_of = told_of
        self.observation_head = Mlp(told_of, [hidden, hidden], self._width)
        self.change_head = Mlp(self.deter, [hidden], dim)
        self.share = nn.Parameter(torch.full((dim,), _FIRST_SHARE))
        self.reward_head = TwoHot(self.features, [hidden])
        self.continue_head = Mlp(self.features, [hidden], 1)

    @abstractmethod
    def advance(self, memory: Tensor, z: Tensor, acted: Tensor) -> Tensor:
        """Return the next memory, shape ``(..., memory)``; ``acted`` as `Shares` has it."""

    def read(self, memory: Tensor) -> Tensor:
        """Return what heads and policies read of a memory, h, shape ``(..., deter)``."""
        return memory

    @abstractmethod
    def luck(self, shape: Sequence[int], generator: torch.Generator | None) -> Tensor:
        """Return the noise by which latent states of a shape are drawn; None: zero."""

    @abstractmethod
    def foresee(self, h: Tensor, luck: Tensor) -> Tensor:
        """Return the latent state z that is imagined, shape ``(..., latent)``.

        Args:
            h: shape ``(..., deter)``.
            luck: see `luck`.
        """

    @abstractmethod
    def posterior(self, h: Tensor, embedded: Tensor) -> Tensor:
        """Return what is told of z by an observation that `embed` embedded, as the kind has it."""

    @abstractmethod
    def recognize(self, posterior: Tensor, luck: Tensor) -> Tensor:
        """Return z as the posterior has it, shape ``(..., latent)``; arguments as `foresee`."""

    def draw(self, posterior: Tensor, luck: Tensor) -> Tensor:
        """Return the same as `recognize` for training, differentiable as far as it is trained."""
        return self.recognize(posterior, luck)

    @abstractmethod
    def behaviour(self) -> LatentBehaviour:
        """Return what learns what to do, not initialised yet.

        Raises:
            ValueError: if there is none for such actions.
        """

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

    def tell(self, features: Tensor) -> Tensor:
        """Return named observations as `normalized` has them, told of features ``(..., F)``."""
        told: Tensor = self.observation_head(features[..., -self._told_of :])
        return told

    def picture(self, features: Tensor) -> Tensor:
        """Return images as `images.read` has them, told of features ``(..., F)``."""
        told: Tensor = self.image_decoder(features[..., -self._told_of :])
        return told

    def observe(self, features: Tensor) -> Tensor:
        """Return the named observations ``(..., O)`` of features ``(..., F)``, SI units."""
        told = symexp(self.tell(features)) * self.input_std + self.input_mean
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


def _reads(observation: Space, settings: LatentSettings) -> Tensor:
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
