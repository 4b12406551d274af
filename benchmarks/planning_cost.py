"""What a tick costs: linear in candidates x horizon, and the same however much was learned from.

    python benchmarks/planning_cost.py

One thread, in lock-step, without the simulator: only `Controller.tick` is timed, in turns.
"""

from __future__ import annotations

import itertools
import time

import numpy as np
import torch

from mbrl_ros.cli.bench.engines import ACTION, OBSERVATION
from mbrl_ros.control.controller import Controller
from mbrl_ros.control.settings import ControllerSettings
from mbrl_ros.core.records import Observation, Transition
from mbrl_ros.learning.dynamics_learner import DynamicsLearner
from mbrl_ros.learning.settings import TrainerSettings
from mbrl_ros.models.packing import pack
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning.settings import PlannerSettings
from mbrl_ros.safety.safe_command import SafeCommand

TURNS = 15


def learned(transitions: int) -> DynamicsLearner:
    """Return a learner that has seen so many transitions."""
    learner = DynamicsLearner(OBSERVATION, ACTION, TrainerSettings(), 0)
    rng = np.random.default_rng(0)
    state = rng.normal(size=OBSERVATION.dim)
    for k in range(transitions):
        action = rng.uniform(-1, 1, 1)
        next_observation = 0.99 * state + 0.1 * rng.normal(size=OBSERVATION.dim)
        learner.append(Transition(state, action, next_observation, k // 200, k % 200))
        state = next_observation
    learner.update()
    return learner


def controller(learner: DynamicsLearner, candidates: int, horizon: int) -> Controller:
    """Return a controller that plans with what was learned."""
    planner = PlannerSettings(type="cem", candidates=candidates, horizon=horizon, iterations=3)
    values = {"terms": ["near"], "near.type": "quadratic", "near.of": ["x"]}
    objective = Objective.from_parameters(values, OBSERVATION, ACTION)
    settings = ControllerSettings(planner=planner)
    made = Controller(
        OBSERVATION,
        ACTION,
        objective,
        settings,
        period=1.0,
        lock_step=True,
        seed=0,
        safe=SafeCommand(OBSERVATION, ACTION),
    )
    made.models.offer(pack(learner.model), 1, 1)
    return made


def tick_times(controllers: list[Controller]) -> list[float]:
    """Return the median time of each controller's tick [ms], measured in turns."""
    times: list[list[float]] = [[] for _ in controllers]
    for step in range(TURNS):
        observation = Observation(
            0, step, np.zeros(OBSERVATION.dim), action_step=step - 1, received=time.monotonic()
        )
        for made, own in zip(controllers, times, strict=True):
            began = time.perf_counter()
            made.tick(observation)
            own.append(1e3 * (time.perf_counter() - began))
    return [float(np.median(own[3:])) for own in times]


def main() -> None:
    """Measure, fit and print."""
    torch.set_num_threads(1)
    little = learned(1000)
    sizes = list(itertools.product((32, 64, 128, 256), (10, 20, 40, 80)))
    times = tick_times([controller(little, n, h) for n, h in sizes])
    # A step costs something by itself, whatever the number of candidates.
    columns = np.array([[1.0, h, n * h] for n, h in sizes])
    relative = np.array(times)
    weights = 1 / relative
    fit, *_ = np.linalg.lstsq(columns * weights[:, None], relative * weights, rcond=None)
    print("candidates  horizon  tick [ms]   fit [ms]")
    for (n, h), found, expected in zip(sizes, times, columns @ fit, strict=True):
        print(f"{n:10}  {h:7}  {found:9.2f}  {expected:9.2f}")
    explained = 1 - np.var(times - columns @ fit) / np.var(times)
    print(f"tick = {fit[0]:.2f} ms + {fit[1]:.3f} ms x horizon + ", end="")
    print(f"{1e3 * fit[2]:.2f} us x candidates x horizon; R2 = {explained:.4f}\n")
    print("transitions  tick [ms] with 64 candidates, horizon 40")
    amounts = (1_000, 10_000, 100_000)
    made = [controller(learned(amount), 64, 40) for amount in amounts]
    for amount, found in zip(amounts, tick_times(made), strict=True):
        print(f"{amount:11}  {found:9.2f}")


if __name__ == "__main__":
    main()
