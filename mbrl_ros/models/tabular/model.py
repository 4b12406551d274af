"""A table as a world model."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.models.heads import Policy
from mbrl_ros.models.imagined import Imagined
from mbrl_ros.models.tabular.numbering import Indices, Numbering
from mbrl_ros.models.tabular.process import Process, surprise
from mbrl_ros.models.world_model import Belief, Images, WorldModel

# Steps after which a particle's luck repeats itself.
_LUCK = 1024


class TabularBelief(NamedTuple):
    """Belief of a table: the number of the observation, shape ``(M or 1, B)``."""

    row: Tensor


class TabularModel(WorldModel):
    """Draws outcomes as often as they came; features: the row's number.

    Members are particles, each with its luck: step k of any trajectory of a member draws by the
    same random number, so that candidates are compared under the same circumstances.
    """

    def __init__(
        self,
        observation: Space,
        action: Space,
        process: Process,
        members: int,
        paid: bool = True,
    ) -> None:
        """Wrap what was counted.

        Args:
            observation: O dimensions, all discrete.
            action: A dimensions, all discrete.
            process: of their numbers.
            members: M.
            paid: whether rewards are known.
        """
        self.observation, self.action, self.members = observation, action, members
        self._process, self._paid = process, paid
        self._rows, self._choices = (
            Numbering(observation, "observation"),
            Numbering(action, "action"),
        )
        self._observations = self._rows.values()
        order = np.argsort(process.pair, kind="stable")
        pair, chance = process.pair[order], process.chance[order]
        pairs = process.rows * process.choices
        self._begin = np.searchsorted(pair, np.arange(pairs + 1))
        # Within a pair from 0 to 1, and a pair's number higher: one search finds all outcomes.
        total = np.concatenate([[0.0], np.cumsum(chance)])
        self._ladder = pair + total[1:] - total[self._begin[pair]]
        self._after = process.after[order]
        self._goes_on = process.continues[order] / np.maximum(chance, 1e-300)
        self._luck = np.stack([np.random.default_rng(m).random(_LUCK) for m in range(members)])

    def fork(self, members: int | None = None) -> TabularModel:
        """See `WorldModel.fork`."""
        # Nothing but the number of particles is ever changed.
        made = copy.copy(self)
        made.members = min(members or self.members, self.members)
        made._luck = self._luck[: made.members]
        return made

    def initial(self, batch: int) -> TabularBelief:
        """See `WorldModel.initial`: the first row."""
        return TabularBelief(torch.zeros(1, batch, dtype=torch.long))

    def observe(
        self,
        belief: Belief | None,
        action: Tensor,
        observation: Tensor,
        is_first: bool,
        images: Images | None = None,
    ) -> TabularBelief:
        """See `WorldModel.observe`."""
        return TabularBelief(torch.from_numpy(self._row(observation)[None, None]))

    def filter(
        self,
        actions: Tensor,
        observations: Tensor,
        is_first: Sequence[bool],
        images: Sequence[Images] | None = None,
    ) -> list[Belief]:
        """See `WorldModel.filter`."""
        rows = torch.from_numpy(self._row(observations))
        return [TabularBelief(row) for row in rows[:, None, None].unbind()]

    def features(self, belief: Belief) -> Tensor:
        """See `WorldModel.features`: the row's number."""
        return belief[0][..., None].float()

    def ahead(self, belief: Belief, actions: Tensor) -> TabularBelief:
        """See `WorldModel.ahead`."""
        rows, *_ = self._walk(belief, lambda k, _: self._choice(actions[k]), len(actions), 1)
        return TabularBelief(torch.from_numpy(rows[-1]))

    def imagine(self, belief: Belief, actions: Tensor) -> Imagined:
        """See `WorldModel.imagine`."""
        choices = self._choice(actions)
        walked = self._walk(belief, lambda k, _: choices[:, k], actions.shape[1], len(actions))
        return self._imagined(actions, *walked)

    def imagine_policy(self, belief: Belief, policy: Policy, horizon: int) -> Imagined:
        """See `WorldModel.imagine_policy`."""
        chosen: list[Tensor] = []

        def act(_: int, rows: Indices) -> Indices:
            chosen.append(policy(torch.from_numpy(rows)[..., None].float()))
            return self._choice(chosen[-1])

        walked = self._walk(belief, act, horizon, belief[0].shape[1])
        return self._imagined(torch.stack(chosen, dim=2), *walked)

    def surprise(self, belief: Belief, actions: Tensor, observation: Tensor) -> Tensor:
        """See `WorldModel.surprise`; the same for all dimensions, 0 where nothing was expected."""
        p, choices = self._process, self._choice(actions)
        rows = cast(TabularBelief, belief).row.numpy()[:, 0]
        chance: FloatArray = np.bincount(rows, minlength=p.rows) / float(len(rows))
        visits = np.inf
        for k, choice in enumerate(choices):
            pairs = np.flatnonzero(chance) * p.choices + choice
            if not p.known[pairs].all():
                return torch.zeros(self.observation.dim)
            visits = min(visits, p.visits[pairs].min())
            # An episode that goes on has not ended before.
            each = p.chance if k == len(choices) - 1 else p.continues
            reached = np.where(p.pair % p.choices == choice, chance[p.pair // p.choices] * each, 0)
            chance = np.bincount(p.after, reached, minlength=p.rows).astype(np.float64)
            if not chance.any():
                return torch.zeros(self.observation.dim)
            chance /= chance.sum()
        row = int(self._row(observation))
        known = np.array_equal(self._observations[row], observation.double().numpy())
        came = float(chance[row]) if known else 0.0
        z = surprise(came, float(visits), int(np.count_nonzero(chance)))
        return torch.full((self.observation.dim,), z)

    def _walk(
        self, belief: Belief, act: Callable[[int, Indices], Indices], horizon: int, batch: int
    ) -> tuple[list[Indices], list[FloatArray], list[FloatArray]]:
        """Return H + 1 rows, H rewards and H probabilities to go on, each ``(M, N)``.

        Args:
            belief: of a batch of one, or of N.
            act: choices ``(N,)`` or ``(M, N)`` from the number of the step and the rows there.
            horizon: H.
            batch: N.
        """
        p = self._process
        unknown, on = (0.0, 1.0) if p.optimism is None else (p.optimism, 0.0)
        row = np.zeros((self.members, batch), np.int64) + cast(TabularBelief, belief).row.numpy()
        rows, rewards, continues = [row], [], []
        for k in range(horizon):
            pair = row * p.choices + act(k, row)
            known = p.known[pair]
            at = np.searchsorted(self._ladder, pair + self._luck[:, k % _LUCK, None], side="right")
            # Sums of probabilities end a little beside 1.
            at = np.clip(at, self._begin[pair], self._begin[pair + 1] - 1)
            if len(self._after):
                row = np.where(known, self._after[at], row)
            went_on = self._goes_on[at] if len(self._after) else np.ones(pair.shape)
            rewards.append(np.where(known, p.reward[pair], unknown))
            continues.append(np.where(known, went_on, on))
            rows.append(row)
        return rows, rewards, continues

    def _imagined(
        self,
        actions: Tensor,
        rows: list[Indices],
        rewards: list[FloatArray],
        continues: list[FloatArray],
    ) -> Imagined:
        walked = np.stack(rows, axis=-1)
        observations = torch.from_numpy(self._observations[walked]).float()
        features = torch.from_numpy(walked)[..., None].float()
        paid, going = (torch.from_numpy(np.stack(v, -1)).float() for v in (rewards, continues))
        return Imagined(actions, observations, features, paid if self._paid else None, going)

    def _row(self, observation: Tensor) -> Indices:
        return self._rows.index(observation.double().numpy())

    def _choice(self, action: Tensor) -> Indices:
        return self._choices.index(action.detach().double().numpy())
