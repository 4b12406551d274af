"""What each kind of model makes of the same transitions, and what it costs.

    python benchmarks/model_kinds.py --task cartpole_swingup --counts 150 300 700

A run in lock-step with the default model makes the transitions; then each kind learns from the
first so many. Errors are of 8 steps open-loop on the hold-out, in standard deviations; z-scores of
one step on the 500 transitions that come next, which the kinds have not led to. Times are the
thread's own, so that other load on the machine does not count.
"""

from __future__ import annotations

import argparse
import time

import torch

from mbrl_ros.core.extensions import load
from mbrl_ros.data.transitions import Transitions
from mbrl_ros.evaluation.accuracy import measure
from mbrl_ros.learning.dynamics_learner import DynamicsLearner
from mbrl_ros.learning.settings import TrainerSettings
from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.one_step import OneStepModel
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.lock_step import LockStepSystem

KINDS: dict[str, dict[str, object]] = {
    "gaussian": {},
    "gaussian_process": {"learner": "gaussian_process"},
    "the same, sparse": {"learner": "gaussian_process", "model.exact": 100},
}
AFTERWARDS = 500
# About what the shipped tasks plan with.
CANDIDATES, HORIZON, ITERATIONS = 64, 40, 3


def learned(
    log: Transitions, count: int, settings: TrainerSettings
) -> tuple[DynamicsLearner, float]:
    """Return a learner that has taken in so many transitions, and the time that it took [s]."""
    learner = DynamicsLearner(log.observation_space, log.action_space, settings, 0)
    spent = 0.0
    for i in range(count):
        learner.append(log.row(i))
        began = time.thread_time()
        while learner.owed_updates >= 1:
            learner.update()
        spent += time.thread_time() - began
    return learner, spent


def part(log: Transitions, first: int, last: int) -> Transitions:
    """Return some consecutive transitions of a log."""
    found = Transitions(log.observation_space, log.action_space)
    for i in range(first, min(last, len(log))):
        found.append(log.row(i))
    return found


def rollout_time(dynamics: DynamicsModel) -> float:
    """Return the time of what a plan predicts [ms]."""
    model: OneStepModel = load(dynamics.settings.world_model, "learner")(dynamics)
    start = model.initial(1)
    actions = torch.rand(CANDIDATES, HORIZON, model.action.dim) * 2 - 1
    times = []
    for _ in range(10):
        began = time.thread_time()
        for _ in range(ITERATIONS):
            model.imagine(start, actions)
        times.append(time.thread_time() - began)
    return 1e3 * sorted(times)[len(times) // 2]


def main() -> None:
    """Learn, compare and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--task", default="cartpole_swingup")
    parser.add_argument("--counts", type=int, nargs="+", default=[150, 300, 700])
    parser.add_argument("--seed", type=int, default=3)
    arguments = parser.parse_args()
    configuration = read_task(arguments.task, {"seed": arguments.seed})
    system = LockStepSystem(configuration)
    while len(system.transitions) < arguments.counts[-1] + AFTERWARDS:
        system.step()
    log = system.transitions
    print("transitions  kind              error  one step  z-score  learning [s]  ", end="")
    print("judging [s]  rollouts of a plan [ms]")
    for count in arguments.counts:
        for name, parameters in KINDS.items():
            settings = read_task(arguments.task, parameters).build("model_trainer")
            learner, spent = learned(log, count, settings)
            began = time.thread_time()
            decision = learner.judge()
            judging = time.thread_time() - began
            next_observation = part(log, count, count + AFTERWARDS)
            z = measure(learner.model, next_observation, 1).z_scores.mean()
            print(
                f"{count:11}  {name:16}  {decision.holdout_error:5.3f}  "
                f"{decision.one_step_error:8.3f}  {z:7.1f}  {spent:12.1f}  {judging:11.2f}  "
                f"{rollout_time(learner.model):23.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
