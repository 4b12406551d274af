"""The loop around a planner: warm start, deadline, best so far."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from mbrl_ros.dynamics.rollout import Rollout
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning.icem import ICEM, Search


class NoPlanError(RuntimeError):
    """Every candidate's return was not finite; there is nothing to act on."""


@dataclass(frozen=True)
class PlanResult:
    """What a plan came to.

    Attributes:
        actions: shape ``(H, A)``, within the limits; the first is executed.
        expected_return: best return among the last candidates, in the objective's unit.
        iterations: how many were done.
        complete: whether that was all of them.
    """

    actions: Tensor
    expected_return: float
    iterations: int
    complete: bool


class DurationEstimate:
    """How long something takes, with an allowance for how much that varies.

    As TCP estimates its time-out (RFC 6298): smoothed mean plus a multiple of the smoothed
    deviation. One slow outlier is soon forgotten.

    Attributes:
        bound: the next one should not take longer [s].
    """

    def __init__(self) -> None:
        self._mean = 0.0
        self._deviation = 0.0
        self.bound = 0.0

    def add(self, duration: float) -> None:
        """Take in how long one took [s]."""
        if self.bound == 0.0:
            self._mean, self._deviation = duration, duration / 2
        else:
            self._deviation += 0.25 * (abs(duration - self._mean) - self._deviation)
            self._mean += 0.125 * (duration - self._mean)
        self.bound = self._mean + 2 * self._deviation

    def forget(self) -> None:
        """Expect a little less: without a try, nobody would know that it is fast again."""
        self._mean *= 0.9
        self._deviation *= 0.9
        self.bound *= 0.9


class PlanningLoop:
    """Runs a planner against a model and an objective, as far as the time goes."""

    def __init__(self, planner: ICEM, seed: int) -> None:
        self.planner = planner
        self._generator = torch.Generator().manual_seed(seed)
        self._search: Search | None = None
        self._iteration_time = DurationEstimate()

    def reset(self) -> None:
        """Forget the last plan."""
        self._search = None

    @torch.inference_mode()
    def plan(
        self,
        rollout: Rollout,
        objective: Objective,
        start: Tensor,
        deadline: float | None = None,
        elapsed: int = 1,
    ) -> PlanResult | None:
        """Plan from a state, starting at the last plan.

        Args:
            rollout: predicts with the model.
            objective: judges what it predicts.
            start: the state planned from, as `Rollout` takes it.
            deadline: on ``time.monotonic`` [s]; checked between iterations. None: no limit.
            elapsed: control steps since the last plan.

        Returns:
            the plan, or None if there was not the time for one iteration.

        Raises:
            NoPlanError: if no candidate has a finite return; the last plan is forgotten.
        """
        # One reference for the whole plan: the attribute may be replaced meanwhile.
        planner = self.planner
        search = planner.initial(self._search, elapsed)
        best = float("nan")
        while search.iteration < planner.settings.iterations:
            began = time.monotonic()
            if deadline is not None and began + self._iteration_time.bound > deadline:
                if search.iteration == 0:
                    self._iteration_time.forget()
                break
            candidates = planner.sample(search, self._generator)
            returns = objective.returns(rollout(start, candidates), candidates)
            if not returns.isfinite().any():
                self.reset()
                raise NoPlanError("no candidate has a finite return")
            search = planner.update(search, candidates, returns)
            best = float(torch.where(returns.isfinite(), returns, -torch.inf).max())
            self._iteration_time.add(time.monotonic() - began)
        # Even without an iteration: the last plan has moved on by the elapsed steps.
        self._search = search
        if search.iteration == 0:
            return None
        return PlanResult(
            search.mean, best, search.iteration, search.iteration == planner.settings.iterations
        )
