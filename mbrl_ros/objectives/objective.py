"""The objective: weighted terms and goals, judged over whole trajectories."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from mbrl_ros.objectives.settings import ObjectiveSettings, TermSettings, split_terms
from mbrl_ros.objectives.terms import TERMS
from mbrl_ros.spaces import Space


@dataclass(frozen=True)
class Objective:
    """What a plan is worth. Immutable: a plan sees one objective from start to end.

    Attributes:
        observation: the space of observations, O dimensions.
        action: the space of actions, A dimensions.
        settings: how terms combine.
        terms: name to term.
        goal: dimension to target; replaces the target of terms that read only this dimension.
    """

    observation: Space
    action: Space
    settings: ObjectiveSettings
    terms: Mapping[str, TermSettings]
    goal: Mapping[str, float]

    @classmethod
    def from_parameters(
        cls, values: Mapping[str, Any], observation: Space, action: Space
    ) -> Objective:
        """Read an objective from flat parameters without their prefix ``objective.``.

        Raises:
            ValueError: naming the parameter that does not fit.
        """
        settings, terms = split_terms(values)
        if not terms:
            raise ValueError("objective.terms: expected at least one term, got none")
        known = observation.names + action.names
        for name, term in terms.items():
            if not term.of:
                raise ValueError(f"objective.{name}.of: expected at least one dimension, got none")
            for dimension in term.of:
                if dimension not in known:
                    raise ValueError(
                        f"objective.{name}.of: unknown dimension '{dimension}': "
                        f"expected one of {', '.join(known)}"
                    )
            for field in ("weight", "offset", "target"):
                if not math.isfinite(value := getattr(term, field)):
                    raise ValueError(
                        f"objective.{name}.{field}: expected a finite number, got {value}"
                    )
            if term.lower > term.upper:
                raise ValueError(
                    f"objective.{name}.lower: expected at most upper = {term.upper:g}, "
                    f"got {term.lower:g}"
                )
            if term.sigmoid in ("gaussian", "long_tail") and not 0 < term.value_at_margin < 1:
                raise ValueError(
                    f"objective.{name}.value_at_margin: expected a number between 0 and 1 for "
                    f"a {term.sigmoid} sigmoid, got {term.value_at_margin}"
                )
        return cls(observation, action, settings, terms, {})

    def with_goal(self, goal: Mapping[str, float]) -> Objective:
        """Return the same objective with other targets for the named dimensions.

        Raises:
            ValueError: if a name is no observation dimension that a term reads, or a value is
                not finite or outside the dimension's limits.
        """
        read = {t.of[0] for t in self.terms.values() if len(t.of) == 1}
        for name, value in goal.items():
            index = self.observation.index(name)
            if name not in read:
                raise ValueError(f"goal '{name}': no term of the objective reads this dimension")
            low, high = self.observation.low[index], self.observation.high[index]
            if not low <= value <= high or value in (float("inf"), float("-inf")):
                raise ValueError(
                    f"goal '{name}': expected a number in [{low:g}, {high:g}], got {value}"
                )
        return replace(self, goal={**self.goal, **goal})

    def term_rewards(self, observations: Tensor, actions: Tensor) -> dict[str, Tensor]:
        """Return each term's reward per step.

        Args:
            observations: those the actions lead to, shape ``(..., H, O)``.
            actions: shape ``(..., H, A)``, broadcasting against the observations' batch.

        Returns:
            name to rewards, each of shape ``(..., H)``.
        """
        return {
            name: term.offset
            + term.weight * TERMS[term.type](self._value(term, observations, actions), term)
            for name, term in self.terms.items()
        }

    def rewards(self, observations: Tensor, actions: Tensor) -> Tensor:
        """Return the reward per step, shape ``(..., H)``; arguments as in `term_rewards`."""
        values = list(self.term_rewards(observations, actions).values())
        total = values[0]
        for value in values[1:]:
            total = total * value if self.settings.combine == "product" else total + value
        return total

    def returns(self, trajectories: Tensor, actions: Tensor) -> Tensor:
        """Return what each candidate is worth.

        Args:
            trajectories: shape ``(M, N, H + 1, O)``, one rollout per member.
            actions: shape ``(N, H, A)``.

        Returns:
            mean over members less ``caution`` standard deviations, shape ``(N,)``.
        """
        rewards = self.rewards(trajectories[:, :, 1:], actions)
        # Terms that read actions only are the same for all members.
        per_member = rewards.sum(dim=-1).broadcast_to(trajectories.shape[:2])
        worth = per_member.mean(dim=0)
        if self.settings.caution and per_member.shape[0] > 1:
            worth = worth - self.settings.caution * per_member.std(dim=0)
        return worth

    def _value(self, term: TermSettings, observations: Tensor, actions: Tensor) -> Tensor:
        columns = []
        for dimension in term.of:
            if dimension in self.observation.names:
                column = observations[..., self.observation.names.index(dimension)]
                target = self.goal.get(dimension, term.target) if len(term.of) == 1 else term.target
                if dimension in self.observation.angles and term.type != "cosine":
                    column = torch.remainder(column - target + torch.pi, 2 * torch.pi) - torch.pi
                    target = 0.0
            else:
                column = actions[..., self.action.names.index(dimension)]
                target = term.target
            columns.append(column - target if target else column)
        if len(columns) == 1:
            return columns[0]
        return torch.linalg.vector_norm(torch.stack(torch.broadcast_tensors(*columns)), dim=0)
