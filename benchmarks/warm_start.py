"""Does the last plan help when the objective changes? Its rest kept, or forgotten, side by side.

    .venv/bin/python benchmarks/warm_start.py

Cart-pole swing-up is learned in lock-step without a reset. Then, at random moments between
random changes, the first plan for the new objective is made from the same state with the rest
of the last plan as its start, without it, and as the controller does it: both for one iteration,
then the better. The share is how much of what a long search gains over the plan for the old
objective each of them gets.
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np
import torch

from mbrl_ros.agents.planner_agent import PlannerAgent
from mbrl_ros.control.plan_record import PlanRecord
from mbrl_ros.objectives.objective_manager import Way
from mbrl_ros.objectives.objective_set import ObjectiveSet
from mbrl_ros.planning.loop import PlanningLoop
from mbrl_ros.planning.planner import Planner, Search
from mbrl_ros.planning.problem import Problem
from mbrl_ros.planning.registry import make_planner
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.lock_step import LockStepSystem

# Rounds of a long search, each with as many candidates as a plan.
_LONG = 10


def goal(position: float, height: float) -> dict[str, float]:
    """Return a goal of go_to."""
    return {"cart_position": position, "pole_cos": height}


def changes(book: ObjectiveSet) -> dict[str, tuple[ObjectiveSet, ObjectiveSet]]:
    """Return kinds of change: from what, to what."""
    go_to = book.select("go_to")
    here = go_to.with_goal(goal(0.0, 1.0))
    return {
        "nothing": (here, here),
        "goal moves by 0.1 m": (here, go_to.with_goal(goal(0.1, 1.0))),
        "goal moves by 1 m": (here, go_to.with_goal(goal(1.0, 1.0))),
        "goal: down instead of up": (here, go_to.with_goal(goal(0.0, -1.0))),
        "goal: up instead of down": (go_to.with_goal(goal(0.0, -1.0)), here),
        "swingup -> balance_left": (book.select("swingup"), book.select("balance_left")),
        "balance_left -> balance_right": (
            book.select("balance_left"),
            book.select("balance_right"),
        ),
        "swingup -> hang_still": (book.select("swingup"), book.select("hang_still")),
        "hang_still -> swingup": (book.select("hang_still"), book.select("swingup")),
    }


def first_plan(
    problem: Problem, system: LockStepSystem, start: Search | None, planned_for: str, seed: int
) -> float:
    """Return the expected return of the first plan that begins with a search for an objective."""
    planner = make_planner(system.controller.action, planner_of(system).settings)
    loop = PlanningLoop(planner, seed)
    loop._search, loop._planned_for = start, planned_for
    result = loop.plan(problem, elapsed=0)
    assert result is not None
    return worth(problem, result.actions)


def planner_of(system: LockStepSystem) -> Planner:
    """Return what the system plans with."""
    planner = system.controller.agent.planner
    assert planner is not None
    return planner


def worth(problem: Problem, actions: torch.Tensor) -> float:
    """Return what a sequence of actions is expected to be worth."""
    return float(problem.returns(actions[None]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=6000, help="the environment's, learned from")
    parser.add_argument("--moments", type=int, default=20, help="per kind of change")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    configuration = read_task(
        "cartpole_swingup",
        {"seed": arguments.seed, "mujoco_sim.time_limit": float("inf")},
    )
    system = LockStepSystem(configuration)
    book = system.manager.objectives
    ask(system, book.select("go_to"))
    system.run(arguments.steps)
    rng = np.random.default_rng(arguments.seed)
    print(f"{'change':<32} {'n':>4} {'kept':>8} {'forgotten':>10} {'both':>8}")
    everything = []
    for kind, (before, after) in changes(book).items():
        everything.append(compare(system, before, after, arguments.moments, rng))
        tell(kind, everything[-1])
    tell("all", np.concatenate(everything))


def tell(kind: str, shares: np.ndarray) -> None:
    """Print one row."""
    kept, forgotten, both = np.median(shares, axis=0)
    print(f"{kind:<32} {len(shares):>4} {kept:>8.2f} {forgotten:>10.2f} {both:>8.2f}", flush=True)


def compare(
    system: LockStepSystem,
    before: ObjectiveSet,
    after: ObjectiveSet,
    moments: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the shares of first plans at random moments, shape ``(moments, 3)``."""
    shares = []
    for moment in range(moments):
        ask(system, before)
        for _ in range(int(rng.integers(5, 60))):
            system.step()
        agent, planned = system.controller.agent, system.controller.planned
        assert isinstance(agent, PlannerAgent)
        search = agent._loop._search
        if planned is not None and search is not None:
            long = best_known(planned, after, system)
            problem = long.problem
            old = worth(problem, planned.result.actions)
            new = problem.objective.digest
            values = [
                first_plan(problem, system, begun, digest, moment)
                for begun, digest in ((search, new), (None, new), (search, ""))
            ]
            most = max(worth(problem, long.result.actions), old, *values)
            if most - old > 1e-3:
                shares.append([(value - old) / (most - old) for value in values])
        ask(system, after)
        for _ in range(int(rng.integers(5, 60))):
            system.step()
    return np.array(shares)


def ask(system: LockStepSystem, book: ObjectiveSet) -> None:
    """Have the system do something else."""
    system.manager.take(Way.SERVICE, book)


def best_known(planned: PlanRecord, after: ObjectiveSet, system: LockStepSystem) -> PlanRecord:
    """Return the best of several long searches."""
    long = planned
    for _ in itertools.repeat(None, _LONG // 5):
        long = long.what_if(after.objective, planner_of(system))
    return long


if __name__ == "__main__":
    main()
