"""The hold-out of sequence models."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from mbrl_ros.core.spaces import Space
from mbrl_ros.data.episodes import EpisodeStore
from mbrl_ros.learning.latent.training import Steps, filtered
from mbrl_ros.learning.settings import TrainerSettings
from mbrl_ros.models.latent.network import LatentNetwork
from mbrl_ros.models.normalizing import constant

# Sequences that are looked at, drawn anew for each judgement.
_SEQUENCES = 128
# Deviations that are expected at least, as shares of those in the data: over few sequences an error
# may be underestimated.
_LEAST = 1e-3


class SequenceHoldout:
    """Sequences that no model is trained on, and how well a model foresees their ends.

    Attributes:
        store: the hold-out.
    """

    def __init__(self, observation: Space, action: Space, settings: TrainerSettings) -> None:
        """Create an empty hold-out.

        Args:
            observation: O dimensions.
            action: A dimensions.
            settings: of the learner.
        """
        self.store = EpisodeStore(observation, action, settings.replay.holdout)
        self._gate = settings.gate

    @torch.no_grad()
    def measure(self, network: LatentNetwork, scale: Tensor | None = None) -> tuple[float, float]:
        """Return the errors of what is expected open loop and one step ahead.

        The first part of each sequence is filtered; what follows is imagined under the recorded
        actions, by the likeliest latent states. Errors are the root mean square over observation
        dimensions and rewards, in deviations of the data; infinite and NaN while it is empty. What
        is expected of each dimension is noted with the network, for `WorldModel.surprise`.

        Args:
            network: to evaluate.
            scale: unit of each observation dimension, shape ``(O,)``; None: as the network has it.
                Then it is calibrated.
        """
        # An observation precedes the segment's steps, unless what came before it is not known.
        horizon, length = self._gate.horizon, self._gate.segment
        cameras, grey = self.store.observation_space.images, network.settings.grey
        if not self.store.sequences(length, cameras):
            return math.inf, math.nan
        drawn = self.store.sample(_SEQUENCES, length, np.random.default_rng(0), cameras)
        steps = Steps.of(drawn, grey)
        context = max(1, length - horizon)
        states = filtered(network, steps.part(0, context), None)
        memory, z = states.memory[-1], states.z[-1]
        acted = network.shares.of(steps.actions)
        unit = network.observation_std if scale is None else scale
        rewards = steps.rewards[:, context:]
        usual = rewards[rewards.isfinite()][:, None]
        # A constant reward has no deviation to measure by.
        varies = len(usual) > 1 and not constant(usual)
        spread = usual.std() if varies else torch.ones(())
        told = network.told(steps.observations[:, context - 1], states.features[-1])
        valid, surely = torch.ones(len(z), dtype=torch.bool), network.luck((len(z),), None)
        errors, of_rewards, kept = [], [], []
        for k in range(context, length):
            memory = network.advance(memory, z, acted[:, k])
            h = network.read(memory)
            z = network.foresee(h, surely)
            features = torch.cat([h, z], dim=-1)
            # Where the next episode begins nothing could be foreseen.
            valid = valid & ~steps.is_first[:, k]
            told = network.expected(told, network.change_head(h))
            errors.append(network.encoding.difference(steps.observations[:, k], told))
            known_reward = steps.rewards[:, k].isfinite() & valid
            told_reward = network.reward_head(features)
            if network.paid and known_reward.any():
                of_rewards.append((told_reward - steps.rewards[:, k])[known_reward] / spread)
            kept.append(valid)
        if not kept[0].any():
            return math.inf, math.nan
        if scale is None:
            for std, last in ((network.one_step_std, 0), (network.open_loop_std, -1)):
                there = kept[last] if kept[last].any() else kept[0]
                spread_of = errors[last if kept[last].any() else 0][there]
                std.copy_(spread_of.square().mean(dim=0).sqrt().clamp_min(_LEAST * unit))
        squares = [(e[v] / unit).square() for e, v in zip(errors, kept, strict=True)]
        one_step = float(squares[0].mean().sqrt())
        # A reward counts like one more dimension.
        per_step = torch.cat([each.mean(dim=-1) for each in squares]).mean()
        dims = len(unit)
        if of_rewards:
            paid = torch.cat(of_rewards).square().mean()
            per_step = (dims * per_step + paid) / (dims + 1)
        return float(per_step.sqrt()), one_step
