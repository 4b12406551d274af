"""The loop around a planner: warm start, deadline, iterations."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mbrl_ros.planning.duration import DurationEstimate
from mbrl_ros.planning.planner import Planner, Search
from mbrl_ros.planning.problem import NoPlanError, Problem
from mbrl_ros.planning.proposals import collect


@dataclass(frozen=True)
class PlanResult:
    """The result of planning.

    Attributes:
        actions: shape ``(H, A)``, within the limits; the first is executed.
        elites: the best candidates of the last iteration, best first; shape ``(K, H, A)``.
        returns: of the elites, shape ``(K,)``, in the objective's unit.
        iterations: completed.
        complete: whether all iterations were completed.
    """

    actions: Tensor
    elites: Tensor
    returns: Tensor
    iterations: int
    complete: bool

    @property
    def expected_return(self) -> float:
        """Best return of the last iteration's candidates, in the objective's unit."""
        return float(self.returns[0])


class PlanningLoop:
    """Improves a plan until the deadline.

    Attributes:
        planner: may be replaced at any time; the next plan is still warm-started.
    """

    def __init__(
        self, planner: Planner, seed: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Make a loop without a last plan.

        Args:
            planner: improves plans.
            seed: of sampling.
            clock: what deadlines are on [s].
        """
        self.planner = planner
        self._clock = clock
        self._generator = torch.Generator().manual_seed(seed)
        self._search: Search | None = None
        self._problem: Problem | None = None
        self._planned_for = ""
        self._iteration_time, self._timed = DurationEstimate(), planner

    def reset(self) -> None:
        """Forget the last plan."""
        self._search = self._problem = None

    def _expected(self, rest: Tensor, elapsed: int) -> Tensor:
        """Return `Problem.expected`.

        Args:
            rest: of the last plan, shape ``(H, A)``.
            elapsed: control steps since then.
        """
        if self._search is None or self._problem is None or elapsed > len(self._search.actions):
            return rest.new_empty(0, 0)
        actions = torch.cat([self._search.actions[:elapsed], rest])
        seen = self._problem.model.imagine(self._problem.belief, actions[None]).observations
        if seen is None:
            return rest.new_empty(0, 0)
        return seen.mean(dim=0)[0, elapsed:].to(rest.device)

    def _or_from_rest(self, search: Search, problem: Problem, planner: Planner) -> Search:
        """Run one iteration, also from a cold start; keep the better search."""
        try:
            other = planner.improve(planner.initial(None), problem, self._generator)
        except NoPlanError:
            return search
        return max(search, other, key=lambda made: float(made.returns[0]))

    def _has_time(self, deadline: float | None) -> bool:
        """Return whether there is the time for another iteration."""
        return deadline is None or self._clock() + self._iteration_time.bound <= deadline

    @torch.no_grad()
    def plan(
        self, problem: Problem, deadline: float | None = None, elapsed: int = 1
    ) -> PlanResult | None:
        """Plan, warm-started from the last plan.

        If the objective changed, the first iteration is also run from a cold start, and the better
        search is continued.

        Args:
            problem: what to plan.
            deadline: on the clock [s]; checked between iterations. None: no limit.
            elapsed: control steps since the last plan.

        Returns:
            the plan; None: no time for one iteration.

        Raises:
            NoPlanError: if no candidate has a finite return; the last plan is forgotten.
        """
        # The attribute may be replaced while planning.
        planner = self.planner
        if planner is not self._timed:
            # Another planner's iteration time does not apply.
            self._iteration_time, self._timed = DurationEstimate(), planner
        search = _checked(planner.initial(self._search, elapsed), planner)
        # For another objective, the last plan may be misleading.
        afresh = self._search is not None and problem.objective.digest != self._planned_for
        if planner.proposals:
            problem = replace(problem, expected=self._expected(search.actions, elapsed))
            proposed = collect(planner.proposals, problem, search.actions)
            problem = replace(problem, proposals=planner.clamp(proposed))
        while search.iteration < planner.settings.iterations:
            began = self._clock()
            if not self._has_time(deadline):
                if search.iteration == 0:
                    self._iteration_time.forget()
                break
            try:
                search = _checked(planner.improve(search, problem, self._generator), planner)
                self._iteration_time.add(self._clock() - began)
                if afresh and self._has_time(deadline):
                    search = self._or_from_rest(search, problem, planner)
            except NoPlanError:
                self.reset()
                raise
            afresh, self._planned_for = False, problem.objective.digest
        # Even without an iteration: the last plan was shifted by the elapsed steps.
        self._search, self._problem = search, problem
        if search.iteration == 0:
            return None
        return PlanResult(
            search.actions,
            search.elites,
            search.returns,
            search.iteration,
            search.iteration == planner.settings.iterations,
        )


def _checked(search: object, planner: Planner) -> Search:
    """Return what a planner made, which may be a user's own.

    Raises:
        ValueError: if it is not the search that it must be.
    """
    expected = planner.settings.horizon, len(planner.low)
    if not isinstance(search, Search):
        got = type(search).__name__
    elif (got := str(tuple(search.actions.shape))) == str(expected):
        return search
    raise ValueError(
        f"planner.type: {type(planner).__name__}: expected a Search with actions of shape "
        f"{expected}, got {got}"
    )
