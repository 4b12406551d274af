"""How much planning this machine can do in time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch

from mbrl_ros.control.engine_choice import EngineChoice, choose_engine
from mbrl_ros.control.turns import Turns
from mbrl_ros.core.spaces import Space
from mbrl_ros.models.world_model import WorldModel
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning.loop import PlanningLoop
from mbrl_ros.planning.problem import NoPlanError, Problem
from mbrl_ros.planning.registry import make_planner
from mbrl_ros.planning.settings import PlannerSettings

# Plans that are timed for each effort; the slowest of so many stands for the 99th percentile.
_PLANS = 40
_WARM_UP = 3
# An effort that does not fit is measured again: one slow plan may be the machine's doing, and would
# leave a robot with half of what it can plan.
_TRIES = 2
# An effort that is expected to need less than this share of the budget is not tried.
_SURELY_FITS = 0.5


@dataclass(frozen=True)
class Effort:
    """What a plan costs; the fields are settings of the planner."""

    candidates: int
    iterations: int
    knots: int
    members: int
    engine: str = "float32"

    def predictions(self, members: int) -> int:
        """Return the predictions of a plan per step, with a model of so many members."""
        return self.candidates * self.iterations * (min(self.members, members) or members)

    def __str__(self) -> str:
        knots = f"{self.knots} knots" if self.knots else "no knots"
        members = f"{self.members} members" if self.members else "all members"
        engine = f", {self.engine}" if self.engine != "float32" else ""
        size = f"{self.candidates} candidates x {self.iterations} iterations"
        return f"{size}, {knots}, {members}{engine}"


# From the least to the most. benchmarks/planning_effort.py shows what each is worth: about
# twenty knots let a small population go further, and to leave out members is the last resort.
EFFORTS = (
    Effort(16, 2, 10, 2),
    Effort(24, 2, 10, 3),
    Effort(32, 2, 20, 0),
    Effort(32, 3, 20, 0),
    Effort(48, 3, 20, 0),
    Effort(64, 3, 20, 0),
    Effort(96, 3, 20, 0),
    Effort(128, 4, 20, 0),
    Effort(200, 5, 20, 0),
)


@dataclass(frozen=True)
class Trial:
    """How long plans of one effort take [s]."""

    effort: Effort
    median: float
    p99: float


@dataclass(frozen=True)
class Tuning:
    """What was chosen, and from what.

    Attributes:
        effort: chosen.
        budget: the 99th percentile had to fit into [s].
        trials: those that were measured, in turn.
        engines: that there were to choose from for the effort; None: the engine is pinned.
    """

    effort: Effort
    budget: float
    trials: tuple[Trial, ...]
    engines: EngineChoice | None

    def __str__(self) -> str:
        measured = "; ".join(f"{t.effort}: {1e3 * t.p99:.1f} ms" for t in self.trials)
        most = "the most" if self.trials[0].p99 <= self.budget else "the least there is, not one"
        return (
            f"{self.effort}, {most} whose plans fit into {1e3 * self.budget:.1f} ms "
            f"(99th percentile: {measured})"
            + (f"; {self.engines}" if self.engines and self.engines.trials else "")
        )


def efforts(settings: PlannerSettings, pinned: Collection[str], members: int) -> list[Effort]:
    """Return the efforts there are to choose from, from the least to the most.

    Args:
        settings: of the planner.
        pinned: names of settings not to touch.
        members: of the model.
    """
    kept = {name: getattr(settings, name) for name in pinned if name in asdict(EFFORTS[0])}
    choices = {replace(effort, **kept) for effort in EFFORTS}
    return sorted(choices, key=lambda effort: effort.predictions(members))


def autotune(
    action: Space,
    settings: PlannerSettings,
    pinned: Collection[str],
    model: WorldModel,
    objective: Objective,
    budget: float,
    turns: Turns,
    completed: Callable[[Problem], Problem] = lambda problem: problem,
) -> Tuning:
    """Find the greatest effort whose plans fit into a budget on this machine.

    What is measured is the thread's own computing time: the control loop, which goes on
    meanwhile, does not count.

    Args:
        action: of the task.
        settings: of the planner; those that are no `Effort` stay as they are.
        pinned: names of settings not to touch.
        model: planned with.
        objective: planned for.
        budget: of a plan [s].
        turns: waited for before each plan or rollout.
        completed: adds what the agent adds to a problem.

    Raises:
        TuningStoppedError: if it was stopped.
    """

    def on_fastest_engine(effort: Effort) -> tuple[Effort, EngineChoice | None]:
        if "engine" in pinned:
            return effort, None
        fork = model.fork(effort.members or None)
        found = choose_engine(fork, action, effort.candidates, settings.horizon, turns)
        return replace(effort, engine=found.engine), found

    trials: list[Trial] = []
    engines: EngineChoice | None = None
    chosen, *_ = choices = efforts(settings, pinned, model.members)
    for effort in choices:
        if trials:
            known = trials[-1]
            growth = effort.predictions(model.members) / known.effort.predictions(model.members)
            if known.p99 * growth < _SURELY_FITS * budget:
                chosen, engines = effort, None
                continue
        effort, measured = on_fastest_engine(effort)
        for _ in range(_TRIES):
            planner = replace(settings, **asdict(effort))
            times = _times(planner, action, model, objective, turns, completed)
            trial = Trial(effort, float(np.median(times)), float(np.percentile(times, 99)))
            if trial.p99 <= budget:
                break
        trials.append(trial)
        if trial.p99 > budget:
            break
        chosen, engines = effort, measured
    if engines is None:
        chosen, engines = on_fastest_engine(chosen)
    return Tuning(chosen, budget, tuple(trials), engines)


def _times(
    settings: PlannerSettings,
    action: Space,
    model: WorldModel,
    objective: Objective,
    turns: Turns,
    completed: Callable[[Problem], Problem],
) -> list[float]:
    """Return the computing time of some plans from the middle of the data [s]."""
    loop = PlanningLoop(make_planner(action, settings), seed=0)
    fork = model.fork(settings.members or None).with_engine(settings.engine)
    problem = completed(Problem(fork.initial(1), fork, objective, torch.empty(0, action.dim)))
    times: list[float] = []
    for _ in range(_WARM_UP + _PLANS):
        turns.wait(times[-1] if times else 0.0)
        began = time.thread_time()
        with contextlib.suppress(NoPlanError):
            loop.plan(problem)
        times.append(time.thread_time() - began)
    return times[_WARM_UP:]
