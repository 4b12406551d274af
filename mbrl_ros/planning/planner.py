"""Interface of planners: anytime search over action sequences."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from mbrl_ros.core.spaces import Space
from mbrl_ros.models.world_model import WorldModel
from mbrl_ros.planning.problem import Problem
from mbrl_ros.planning.proposals import check_proposals, find_proposal
from mbrl_ros.planning.settings import PlannerSettings


@dataclass(frozen=True)
class Search:
    """The state of a search. Planners may add fields.

    Attributes:
        actions: the plan, within the limits; shape ``(H, A)``.
        elites: the best sequences so far, best first; shape ``(K, H, A)``, K may be 0.
        returns: of the elites, shape ``(K,)``.
        iteration: iterations completed.
    """

    actions: Tensor
    elites: Tensor
    returns: Tensor
    iteration: int


class Planner(ABC):
    """Improves a plan iteratively. It is stateless: all state is in the `Search`.

    The loop around it (`PlanningLoop`) handles deadline and warm start.

    Attributes:
        continuous: whether it plans dimensions that take any number.
        discrete: whether it plans dimensions that take whole numbers only.
        needs_derivatives: whether it follows those of the model.
        settings: the planner's parameters.
        proposals: sources of additional candidates.
        discrete_indices: of the action's integer dimensions.
        low: lower limits of the action, shape ``(A,)``.
        high: upper limits of the action, shape ``(A,)``.
    """

    continuous: ClassVar[bool] = True
    discrete: ClassVar[bool] = False
    needs_derivatives: ClassVar[bool] = False

    def __init__(self, action: Space, settings: PlannerSettings) -> None:
        """Create a planner.

        Raises:
            ValueError: if the space has an unsupported dimension, or a proposal is unknown.
        """
        for name in action.names:
            kind = "discrete" if name in action.discrete else "continuous"
            if not getattr(self, kind):
                raise ValueError(
                    f"planner.type: {type(self).__name__} plans no {kind} action, as '{name}' is"
                )
        self.settings = settings
        self.proposals = [find_proposal(name) for name in settings.proposals]
        self.discrete_indices = list(action.discrete_indices)
        self.low = torch.tensor(action.low, dtype=torch.float32)
        self.high = torch.tensor(action.high, dtype=torch.float32)

    @property
    def effort(self) -> str:
        """Description of the effort of a plan."""
        s = self.settings
        knots = f", {s.knots} {s.interpolation} knots" if s.knots else ""
        engine = f", {s.engine}" if s.engine != "float32" else ""
        size = f"{s.candidates} candidates x {s.iterations}, horizon {s.horizon}"
        return f"{s.type}: {size}{knots}{engine}"

    def check(self, model: WorldModel) -> None:
        """Check that a model has what is needed to plan with it.

        Raises:
            ValueError: naming what it lacks.
        """
        if self.needs_derivatives and not model.differentiable:
            raise ValueError(
                f"planner.type: {self.settings.type} needs derivatives, "
                f"which {model.kind} has none of"
            )
        if self.settings.engine not in model.engines:
            there = ", ".join(model.engines)
            raise ValueError(
                f"planner.engine: {model.kind} has {there} here, got '{self.settings.engine}'"
            )
        check_proposals(self.settings.proposals, model)

    @abstractmethod
    def initial(self, warm_start: Search | None, elapsed: int = 1) -> Search:
        """Return the initial search of a plan.

        Args:
            warm_start: the last plan's search, perhaps another planner's or with another horizon;
                None: first plan.
            elapsed: control steps since then.
        """

    @abstractmethod
    def improve(self, search: Search, problem: Problem, generator: torch.Generator) -> Search:
        """Return the search after one more iteration.

        Raises:
            NoPlanError: if no candidate has a finite return.
        """

    def resting(self) -> Search:
        """Return a search without prior information: the middle of the range, no elites."""
        actions = self.clamp(((self.low + self.high) / 2).repeat(self.settings.horizon, 1))
        return Search(actions, actions.new_empty(0, *actions.shape), actions.new_empty(0), 0)

    def continued(self, warm_start: Search, elapsed: int) -> Search:
        """Return the rest of the last plan, with its last action repeated."""
        horizon = self.settings.horizon
        return Search(
            shifted(warm_start.actions, elapsed, horizon),
            shifted(warm_start.elites, elapsed, horizon),
            warm_start.returns,
            0,
        )

    def clamp(self, actions: Tensor) -> Tensor:
        """Return actions of shape ``(..., A)`` within the limits, rounded where discrete."""
        clamped = torch.clamp(actions, self.low, self.high)
        if self.discrete_indices:
            chosen = clamped[..., self.discrete_indices]
            clamped[..., self.discrete_indices] = torch.round(chosen)
        return clamped


def shifted(sequences: Tensor, steps: int, horizon: int) -> Tensor:
    """Drop the first actions and repeat the last one up to length ``horizon``.

    Args:
        sequences: shape ``(..., H, A)``.
        steps: number to drop; at least one action stays.
        horizon: length of the result.
    """
    last = sequences.shape[-2] - 1
    index = torch.arange(steps, steps + horizon).clamp_max(last)
    return sequences[..., index, :]
