"""The objective: weighted terms and goals, evaluated over whole trajectories."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mbrl_ros.core.numbers import shown
from mbrl_ros.core.spaces import Space
from mbrl_ros.models.heads import Value
from mbrl_ros.models.imagined import Imagined
from mbrl_ros.models.reward_model import RewardModel
from mbrl_ros.objectives.batch import Batch, dimensions, root
from mbrl_ros.objectives.bounds import Alive, survival
from mbrl_ros.objectives.learned import LearnedSurvival
from mbrl_ros.objectives.limits import LARGEST
from mbrl_ros.objectives.parsing import parse_all, place
from mbrl_ros.objectives.settings import ObjectiveSettings
from mbrl_ros.objectives.term import Term
from mbrl_ros.objectives.term_settings import TermSettings
from mbrl_ros.objectives.terms import make_term


@dataclass(frozen=True)
class Objective:
    """The return of trajectories. Immutable: a plan uses one objective from start to end.

    Attributes:
        observation: the space of observations, O dimensions.
        action: the space of actions, A dimensions.
        settings: of the objective.
        terms: name to term.
        goal: dimension to target; replaces the target of the terms of that dimension.
        period: of control [s]; None: unknown, so that references are not possible.
        step: control steps from the episode's start to the trajectories' start.
        previous_action: the command before the first action, A values; None: there was none.
        reward_model: learned reward and termination of the model in use; None: not learned.
        curiosity: reward of an imagined step that the members disagree on (`Imagined.doubt`), in
            `score`.
        digest: the first 16 hex digits of the SHA-256 of `content`.
    """

    observation: Space
    action: Space
    settings: ObjectiveSettings
    terms: Mapping[str, Term[Any]]
    goal: Mapping[str, float]
    period: float | None = None
    step: int = 0
    previous_action: tuple[float, ...] | None = None
    reward_model: RewardModel | None = None
    curiosity: float = 0.0
    digest: str = ""

    def __post_init__(self) -> None:
        """Compute the digest once."""
        if not self.digest:
            hashed = hashlib.sha256(self.content.encode()).hexdigest()
            object.__setattr__(self, "digest", hashed[:16])

    @classmethod
    def from_parameters(
        cls,
        values: Mapping[str, Any],
        observation: Space,
        action: Space,
        period: float | None = None,
    ) -> Objective:
        """Parse the active objective from flat parameters without their prefix ``objective.``.

        Raises:
            ValueError: naming the invalid parameter.
        """
        active, objectives = parse_all(values)
        where = place(active, next(iter(objectives)))
        return cls.checked(*objectives[active], observation, action, period, where)

    @classmethod
    def checked(
        cls,
        settings: ObjectiveSettings,
        terms: Mapping[str, TermSettings],
        observation: Space,
        action: Space,
        period: float | None,
        where: str,
        known: Iterable[Term[Any]] = (),
    ) -> Objective:
        """Create an objective, checking its terms against the dimensions.

        Args:
            settings: of the objective.
            terms: name to settings.
            observation: O dimensions.
            action: A dimensions.
            period: of control [s]; None: unknown.
            where: prefix of parameter names in messages.
            known: terms that were checked in the same way; taken for those with their settings.

        Raises:
            ValueError: naming the invalid parameter.
        """
        if not terms:
            raise ValueError(f"{where}.terms: expected at least one term, got none")
        checked = {id(term.settings): term for term in known}
        made = {name: checked.get(id(own)) or make_term(own) for name, own in terms.items()}
        every = dimensions(observation, action)
        for name, term in made.items():
            if id(term.settings) in checked:
                continue
            term.check(f"{where}.{name}", every)
            if period is None and term.tracks:
                raise ValueError(f"{where}.{name}.reference: the control period is not known")
        return cls(observation, action, settings, made, {}, period)

    def with_goal(self, goal: Mapping[str, float]) -> Objective:
        """Return the same objective with other targets for the named dimensions.

        Raises:
            ValueError: if a name is no observation dimension with a target in a term, or a value is
                not finite, outside the dimension's limits or larger than `LARGEST`.
        """
        aims = {name for term in self.terms.values() for name in term.aims_at}
        for name, value in goal.items():
            index = self.observation.index(name)
            if name not in aims:
                raise ValueError(f"goal '{name}': no term of the objective has a target for it")
            low = max(self.observation.low[index], -LARGEST)
            high = min(self.observation.high[index], LARGEST)
            if isinstance(value, bool | str) or not low <= value <= high:
                raise ValueError(
                    f"goal '{name}': expected a number in [{shown(low)}, {shown(high)}], "
                    f"got {value}"
                )
        numbers = {name: float(value) for name, value in goal.items()}
        return replace(self, goal={**self.goal, **numbers}, digest="")

    def at(
        self,
        step: int,
        previous_action: Sequence[float] | None = None,
        reward_model: RewardModel | None = None,
    ) -> Objective:
        """Return the objective at one moment, for one plan.

        Args:
            step: control steps from the episode's start to the trajectories' start.
            previous_action: the last command before that, A values; None: there was none.
            reward_model: learned reward and termination of the model in use; None: not learned.
        """
        before = None if previous_action is None else tuple(map(float, previous_action))
        return replace(self, step=step, previous_action=before, reward_model=reward_model)

    def more_cautious(self, by: float) -> Objective:
        """Return the objective, with the same digest, with more caution for one plan."""
        return replace(self, settings=replace(self.settings, caution=self.settings.caution + by))

    def more_curious(self, by: float) -> Objective:
        """Return the objective, with the same digest, with more curiosity for one plan."""
        return replace(self, curiosity=self.curiosity + by)

    def term_rewards(
        self, observations: Tensor, actions: Tensor, start: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return each term's reward per step.

        Args:
            observations: after each action, shape ``(..., H, O)``.
            actions: shape ``(..., H, A)``, broadcasting against the observations' batch.
            start: observation before them, shape ``(..., 1, O)``, for terms of changes; None: the
                change in the first step is 0.

        Returns:
            name to rewards, each of shape ``(..., H)``.
        """
        values, alive = self._judge(observations, actions, start)
        rewards = {
            n: term.settings.offset + term.settings.weight * values[n]
            for n, term in self.terms.items()
        }
        return {n: r if alive is None else r * survival(alive) for n, r in rewards.items()}

    def rewards(
        self,
        observations: Tensor | None,
        actions: Tensor,
        start: Tensor | None = None,
        imagined: Imagined | None = None,
    ) -> Tensor:
        """Return the reward per step, shape ``(..., H)``.

        It is weighted by `survival` of the steps before.

        Args:
            observations: as in `term_rewards`; None: named dimensions are not predicted.
            actions: as in `term_rewards`.
            start: as in `term_rewards`.
            imagined: the model's further outputs for these steps; None: none.

        Raises:
            UnlearnedError: if a term asks for what the model does not predict.
        """
        return self._paid(*self._judge(observations, actions, start, imagined))

    def steps(self, imagined: Imagined) -> tuple[Tensor, Tensor]:
        """Judge each trajectory's first step alone.

        Args:
            imagined: M members, N candidates, from 1 step on.

        Returns:
            its reward, and the probability that it is not the last, both ``(M, N)``.

        Raises:
            UnlearnedError: if a term asks for what the model does not predict.
        """
        values, alive = self._judge(*_seen(imagined), imagined)
        rewards = self._paid(values, alive)[..., 0]
        if imagined.observations is not None:
            # Terms of actions only are the same for all members.
            rewards = rewards.broadcast_to(imagined.observations.shape[:2])
        return rewards, torch.ones_like(rewards) if alive is None else alive[..., 0]

    def _paid(self, values: dict[str, Tensor], alive: Tensor | None) -> Tensor:
        """Return the reward per step, shape ``(..., H)``; arguments as `_judge` returns them."""
        (name, term), *others = self.terms.items()
        if self.settings.combine == "product":
            total = term.settings.offset + term.settings.weight * values[name]
            for name, term in others:
                total = total * (term.settings.offset + term.settings.weight * values[name])
        else:
            # One pass over the batch per term: this is on the control path.
            total = term.settings.weight * values[name]
            for name, term in others:
                total = torch.add(total, values[name], alpha=term.settings.weight)
            total = total + sum(term.settings.offset for _, term in self.terms.items())
        return total if alive is None else total * survival(alive)

    def score(self, imagined: Imagined, value: Value | None = None) -> Tensor:
        """Return the value of each candidate.

        Args:
            imagined: M members, N candidates, H steps.
            value: expected return after the horizon, of those trajectories that survive it; None:
                0.

        Returns:
            mean over the ``tail`` of the members (all, where that is 1) minus ``caution`` standard
            deviations of all members, shape ``(N,)``.

        Raises:
            UnlearnedError: if a term asks for what the model does not predict.
        """
        seen = imagined.observations
        values, alive = self._judge(*_seen(imagined), imagined)
        per_step = self._paid(values, alive)
        doubt = imagined.doubt() if self.curiosity else None
        if doubt is not None:
            found = doubt if alive is None else doubt * survival(alive)
            per_step = per_step + self.curiosity * found
        per_member = per_step.sum(dim=-1)
        if seen is not None:
            # Terms of actions only are the same for all members.
            per_member = per_member.broadcast_to(seen.shape[:2])
        if value is not None and imagined.features is not None:
            then = value(imagined.features[:, :, -1])
            per_member = per_member + (then if alive is None else then * alive.prod(dim=-1))
        worth = least(per_member, self.settings.tail)
        if self.settings.caution and per_member.shape[0] > 1:
            worth = worth - self.settings.caution * root(per_member.var(dim=0))
        return worth.to(imagined.actions.dtype)

    def _judge(
        self,
        observations: Tensor | None,
        actions: Tensor,
        start: Tensor | None,
        imagined: Imagined | None = None,
    ) -> tuple[dict[str, Tensor], Tensor | None]:
        """Return each term's value, and whether the steps are survived; None: all are."""
        times = None
        if self.period is not None:
            steps = np.arange(1, actions.shape[-2] + 1, dtype=np.float64)
            times = (self.step + steps) * self.period
        batch = Batch(
            self.observation, self.action, observations, actions,
            start=start, previous_action=self.previous_action, times=times, goal=self.goal,
            reward_model=self.reward_model, imagined=imagined,
        )  # fmt: skip
        values = {name: term.value(batch) for name, term in self.terms.items()}
        alive: Tensor | None = None
        for name, term in self.terms.items():
            if isinstance(term, Alive | LearnedSurvival):
                alive = values[name] if alive is None else alive * values[name]
        return values, alive

    @cached_property
    def content(self) -> str:
        """The definition of the objective as JSON, independent of its name and of the moment."""
        content = {
            "observation": [self.observation.names, self.observation.angles],
            "action": self.action.names,
            "combine": self.settings.combine,
            "caution": self.settings.caution,
            "terms": {name: term.content for name, term in self.terms.items()},
            "goal": dict(self.goal),
            "period": self.period,
        }
        # What was learned for an objective before there was a tail is still of it.
        if self.settings.tail != 1.0:
            content["tail"] = self.settings.tail
        return json.dumps(content, sort_keys=True)


def least(returns: Tensor, share: float) -> Tensor:
    """Return the mean of the least returns: their conditional value at risk.

    That is the empirical one (Rockafellar and Uryasev 2000): where the share is no whole number of
    members, the last of them counts in part.

    Args:
        returns: of M members, shape ``(M, ...)``; NaN of one of them is passed on.
        share: of the members, above 0; 1: all.

    Returns:
        shape ``(...)``.
    """
    if share >= 1.0 or len(returns) == 1:
        return returns.mean(dim=0)
    many = share * len(returns)
    weights = (many - torch.arange(len(returns), dtype=returns.dtype)).clamp(0.0, 1.0) / many
    weights = weights.to(returns.device).view(-1, *[1] * (returns.dim() - 1))
    # No product of matrices: that may pass over what counts for nothing, NaN included.
    return (weights * returns.sort(dim=0).values).sum(dim=0)


def _seen(imagined: Imagined) -> tuple[Tensor | None, Tensor, Tensor | None]:
    """Return observations after each action, the actions, and the observation before them."""
    seen = imagined.observations
    if seen is None:
        return None, imagined.actions, None
    return seen[:, :, 1:], imagined.actions, seen[:, :, :1]
