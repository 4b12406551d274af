"""What an update, a decision and the memory of the trainer cost as its data grows.

    .venv/bin/python benchmarks/replay.py [--most 1000000]

Transitions of a random walk of cart-pole's size are handed to one learner. At each size, updates
and decisions are timed side by side with a small matrix product, whose time says how busy the
machine was.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np
import torch

from mbrl_ros.core.records import Transition
from mbrl_ros.core.spaces import Space
from mbrl_ros.learning.dynamics_learner import DynamicsLearner
from mbrl_ros.learning.settings import TrainerSettings

OBSERVATION = Space.of(["cart", "cos", "sin", "speed", "turn"])
ACTION = Space.of(["motor"], [-1.0], [1.0])
EPISODE = 250


def timed(work: Callable[[], object], times: int) -> float:
    """Return the median time of a call [s]."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return float(np.median(took))


def grow(learner: DynamicsLearner, rng: np.random.Generator, size: int) -> float:
    """Hand over transitions until there are so many, and return the time of each [s]."""
    observation, began, first = rng.normal(size=5), time.perf_counter(), learner.received
    while learner.received < size:
        episode, step = divmod(learner.received, EPISODE)
        if step == 0:
            observation = rng.normal(size=5)
        action = rng.uniform(-1.0, 1.0, 1)
        next_observation = 0.99 * observation + 0.1 * rng.normal(size=5)
        learner.append(Transition(observation, action, next_observation, episode, step))
        observation = next_observation
    return (time.perf_counter() - began) / (learner.received - first)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=1_000_000, help="transitions")
    most = parser.parse_args().most
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    learner = DynamicsLearner(OBSERVATION, ACTION, TrainerSettings(), seed=0)
    a, out = torch.randn(512, 512), torch.empty(512, 512)
    print(f"{'transitions':>12} {'update':>10} {'decision':>10} {'product':>10} {'append':>10} "
          f"{'kept':>8} {'held back':>10} {'peak memory':>12}")  # fmt: skip
    size = 1000
    while size <= most:
        append = grow(learner, rng, size)
        learner.update()
        update, product = timed(learner.update, 100), timed(lambda: torch.mm(a, a, out=out), 100)
        decision = timed(learner.judge, 10)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{size:>12,} {1e3 * update:>7.2f} ms {1e3 * decision:>7.1f} ms "
            f"{1e3 * product:>7.2f} ms {1e6 * append:>7.1f} µs {len(learner.replay):>8,} "
            f"{len(learner.holdout):>10,} {memory:>8.1f} MiB",
            flush=True,
        )
        size *= 10


if __name__ == "__main__":
    main()
