"""Models that imagine in a latent state, as world models."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor

from mbrl_ros.models.heads import Policy
from mbrl_ros.models.imagined import Imagined
from mbrl_ros.models.latent.images import read, written
from mbrl_ros.models.latent.network import LatentNetwork
from mbrl_ros.models.world_model import Belief, Images, WorldModel

# Observations that a new model's belief begins with: more would make a tick late that has images.
_CONTEXT = 16
# Control steps after which a particle's luck repeats itself.
_LUCK = 64


class LatentBelief(NamedTuple):
    """Belief of a model that imagines in a latent state.

    Attributes:
        memory: recurrent memory, shape ``(M, B, D)``.
        latent: latent state z, shape ``(M, B, L)``.
        seen: named observation, as it was read or else as the model tells it, ``(M, B, O)``.
        step: control steps since it began, shape ``(1, B)``.
    """

    memory: Tensor
    latent: Tensor
    seen: Tensor
    step: Tensor


class LatentModel(WorldModel):
    """Imagines in the latent state; features are h and z.

    Members are particles of the same network: the first takes the likeliest latent state wherever
    it may choose, the others draw theirs, each with its luck. Step k of any trajectory of a member
    draws by the same noise, so that candidates are compared under the same circumstances, and
    imagining changes nothing.
    """

    def __init__(self, network: LatentNetwork) -> None:
        """Wrap a trained network, which must not change any more."""
        self.network = network
        self.observation, self.action = network.observation, network.action
        self.members = network.settings.members
        self.context = min(network.settings.sequence, _CONTEXT)
        self.device = network.input_mean.device
        luck = network.luck((self.members, _LUCK), torch.Generator().manual_seed(0))
        luck[0] = 0.0
        self._luck = luck.to(self.device)

    def fork(self, members: int | None = None) -> LatentModel:
        """See `WorldModel.fork`."""
        # Nothing but the number of particles is ever changed.
        made = copy.copy(self)
        made.members = min(members or self.members, self.members)
        made._luck = self._luck[: made.members]
        return made

    @torch.no_grad()
    def initial(self, batch: int) -> LatentBelief:
        """See `WorldModel.initial`: before the first step, with what is to be expected there."""
        before, latent = self._nothing(batch)
        still = before.new_zeros(self.members, batch, self.action.dim)
        memory = self.network.advance(before, latent, still)
        step = torch.zeros(1, batch, dtype=torch.long, device=self.device)
        h = self.network.read(memory)
        z = self.network.foresee(h, self._luck_at(step))
        return LatentBelief(memory, z, self.network.observe(torch.cat([h, z], dim=-1)), step)

    @torch.no_grad()
    def observe(
        self,
        belief: Belief | None,
        action: Tensor,
        observation: Tensor,
        is_first: bool,
        images: Images | None = None,
    ) -> LatentBelief:
        """See `WorldModel.observe`."""
        (looked,) = self._look([images or {}])
        return self._take(belief, action, observation, is_first, looked)

    @torch.no_grad()
    def filter(
        self,
        actions: Tensor,
        observations: Tensor,
        is_first: Sequence[bool],
        images: Sequence[Images] | None = None,
    ) -> list[Belief]:
        """See `WorldModel.filter`; all images are encoded at once, which takes most of the time."""
        beliefs: list[Belief] = []
        looked = self._look(images or [{}] * len(actions))
        for step in zip(actions, observations, is_first, looked, strict=True):
            beliefs.append(self._take(beliefs[-1] if beliefs else None, *step))
        return beliefs

    def _look(self, images: Sequence[Images]) -> list[Tensor | None]:
        """Return what is made of the images of each step; None where one did not come."""
        cameras = self.observation.images
        whole = [bool(cameras) and all(name in shown for name in cameras) for shown in images]
        if not any(whole):
            return [None] * len(whole)
        seen = [torch.stack([shown[name] for name in cameras])
                for shown, came in zip(images, whole, strict=True) if came]  # fmt: skip
        light = read(torch.stack(seen).to(self.device), self.network.settings.grey)
        looked = iter(self.network.image_encoder(light)[:, None, None])
        return [next(looked) if came else None for came in whole]

    def _take(
        self,
        belief: Belief | None,
        action: Tensor,
        observation: Tensor,
        is_first: bool,
        looked: Tensor | None,
    ) -> LatentBelief:
        network = self.network
        seen = observation.to(self.device).float()[None, None]
        acted = network.shares.of(action.to(self.device).float())[None, None]
        known = None if belief is None or is_first else self._particles(belief)
        if known is None:
            # As at the beginning of a training sequence.
            step = torch.zeros(1, 1, dtype=torch.long, device=self.device)
            before, latent = self._nothing(1)
            acted = torch.zeros_like(acted) if is_first else acted
        else:
            step, before, latent = known.step + 1, known.memory, known.latent
        memory = network.advance(before, latent, acted.expand(self.members, -1, -1))
        h, luck = network.read(memory), self._luck_at(step)
        if looked is None and self.observation.images:
            z = network.foresee(h, luck)  # what did not come is what was expected
        else:
            z = network.recognize(network.posterior(h, network.embed(seen, looked)), luck)
        told = network.told(seen.expand(self.members, -1, -1), torch.cat([h, z], dim=-1))
        return LatentBelief(memory, z, told, step)

    def features(self, belief: Belief) -> Tensor:
        """See `WorldModel.features`: h and z."""
        known = self._particles(belief)
        return torch.cat([self.network.read(known.memory), known.latent], dim=-1)

    @torch.no_grad()
    def ahead(self, belief: Belief, actions: Tensor) -> LatentBelief:
        """See `WorldModel.ahead`."""
        known = self._particles(belief)
        acted = self.network.shares.of(actions.to(self.device))[:, None, None]
        walked, memory = self._walk(known, lambda k, _: acted[k], len(actions), 1)
        seen = self._seen(known, torch.stack(walked, dim=2))[:, :, -1]
        z = walked[-1][..., self.network.deter :]
        return LatentBelief(memory, z, seen, known.step + len(actions))

    @torch.no_grad()
    def imagine(self, belief: Belief, actions: Tensor) -> Imagined:
        """See `WorldModel.imagine`."""
        known, actions = self._particles(belief), actions.to(self.device)
        acted = self.network.shares.of(actions)
        walked, _ = self._walk(known, lambda k, _: acted[:, k], actions.shape[1], len(actions))
        return self._imagined(known, actions, walked)

    @torch.no_grad()
    def imagine_policy(self, belief: Belief, policy: Policy, horizon: int) -> Imagined:
        """See `WorldModel.imagine_policy`."""
        known = self._particles(belief)
        chosen: list[Tensor] = []

        def act(_: int, features: Tensor) -> Tensor:
            chosen.append(policy(features))
            return self.network.shares.of(chosen[-1])

        walked, _ = self._walk(known, act, horizon, known.memory.shape[1])
        return self._imagined(known, torch.stack(chosen, dim=2), walked)

    def surprise(self, belief: Belief, actions: Tensor, observation: Tensor) -> Tensor:
        """See `WorldModel.surprise`."""
        network = self.network
        told = self.ahead(belief, actions).seen[:, 0].mean(dim=0)
        std = network.one_step_std if len(actions) == 1 else network.open_loop_std
        return network.encoding.difference(told, observation.to(told)) / std

    @torch.no_grad()
    def picture(self, belief: Belief) -> Images:
        """See `WorldModel.picture`: as the first particle has it."""
        cameras = self.observation.images
        if not cameras:
            return super().picture(belief)
        light = self.network.picture(self.features(belief)[0, :1])[0].cpu()
        return dict(zip(cameras, written(light, len(cameras)), strict=True))

    def _walk(
        self, belief: LatentBelief, act: Callable[[int, Tensor], Tensor], horizon: int, batch: int
    ) -> tuple[list[Tensor], Tensor]:
        """Return the features of H + 1 steps, each ``(M, N, F)``, and the last memory.

        Args:
            belief: of a batch of one, or of N.
            act: actions as `Shares` has them, which broadcast against ``(M, N, A)``, from the
                number of the step and the features there.
            horizon: H.
            batch: N.
        """
        network, members = self.network, self.members
        memory, z = (part.expand(-1, batch, -1) for part in (belief.memory, belief.latent))
        walked = [torch.cat([network.read(memory), z], dim=-1)]
        for k in range(horizon):
            acted = act(k, walked[-1]).expand(members, batch, -1)
            memory = network.advance(memory, z, acted)
            h = network.read(memory)
            z = network.foresee(h, self._luck_at(belief.step + k + 1))
            walked.append(torch.cat([h, z], dim=-1))
        return walked, memory

    def _imagined(self, belief: LatentBelief, actions: Tensor, walked: list[Tensor]) -> Imagined:
        network, features = self.network, torch.stack(walked, dim=2)
        reached = features[:, :, 1:]
        return Imagined(
            actions,
            self._seen(belief, features),
            features,
            network.reward_head(reached) if network.paid else None,
            network.continues(reached),
            network.observation_std,
        )

    def _seen(self, belief: LatentBelief, features: Tensor) -> Tensor:
        """Return named observations ``(M, N, H + 1, O)`` from the belief's on."""
        network, (members, batch, *_) = self.network, features.shape
        seen = [belief.seen.expand(members, batch, -1)]
        for moved in network.change_head(features[:, :, 1:, : network.deter]).unbind(dim=2):
            seen.append(network.expected(seen[-1], moved))
        return torch.stack(seen, dim=2)

    def _particles(self, belief: Belief) -> LatentBelief:
        """Return a belief of as many members as there are."""
        *parts, step = cast(LatentBelief, belief)
        memory, z, seen = (p[: self.members].expand(self.members, -1, -1) for p in parts)
        return LatentBelief(memory, z, seen, step)

    def _nothing(self, batch: int) -> tuple[Tensor, Tensor]:
        """Return the state before any step."""
        sizes = self.network.memory, self.network.latent
        memory, z = (torch.zeros(self.members, batch, n, device=self.device) for n in sizes)
        return memory, z

    def _luck_at(self, step: Tensor) -> Tensor:
        """Return the noise of a step ``(1, B)``, shape ``(M, B, ...)``."""
        return self._luck[:, step[0] % _LUCK]
