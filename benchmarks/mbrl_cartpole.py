"""mbrl-lib's continuous cart-pole, learned by mbrl-lib and by this project, on one thread each.

    make .venv-bench/ready.stamp
    .venv-bench/bin/python benchmarks/mbrl_cartpole.py mbrl_ros --seeds 0 1 2 3 4
    .venv-bench/bin/python benchmarks/mbrl_cartpole.py mbrl-lib --seeds 0      # half an hour

The environment is mbrl-lib's own (200 steps a trial, 1 paid for each). mbrl-lib is configured
as its PETS example for it is (``mbrl/examples/conf/overrides/pets_cartpole.yaml``): ensemble of
5 networks of 4 x 200, CEM with 350 candidates x 5 iterations, horizon 15, 20 particles. Each
line is a trial: its return, and the median planning time of an action. Learning curves of both:
``make bench-learning ARGS=--mbrl``.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from statistics import median

import torch

from mbrl_ros.cli.bench.mbrl_cartpole import OnTrial, learn
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.episodes import Episode
from mbrl_ros.system.lock_step import LockStepSystem


def reporter() -> OnTrial:
    """Return what prints one trial after the other."""
    numbers = itertools.count()

    def report(env_steps: int, total: float, plan_ms: list[float]) -> None:
        planning = f"{median(plan_ms):9.2f}" if plan_ms else "         "
        print(f"{next(numbers):5}  {env_steps:9}  {total:6.1f}  {planning}", flush=True)

    return report


def learn_ours(seed: int, steps: int, on_trial: OnTrial) -> None:
    """Learn with this project, in lock-step."""
    file = Path(__file__).with_name("mbrl_cartpole.yaml")
    system = LockStepSystem(read_task(str(file), {"seed": seed}))
    known = 0

    def on_episode(episode: Episode) -> None:
        nonlocal known
        on_trial(episode.env_steps, episode.total_reward, system.plan_ms[known:])
        known = len(system.plan_ms)

    system.run(steps, on_episode=on_episode)


def main() -> None:
    """Learn with one of the two."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", choices=("mbrl_ros", "mbrl-lib"))
    parser.add_argument("--steps", type=int, default=1000, help="environment steps")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for seed in arguments.seeds:
        print(f"{arguments.library}, seed {seed}\ntrial  env steps  return  plan [ms]")
        (learn_ours if arguments.library == "mbrl_ros" else learn)(
            seed, arguments.steps, reporter()
        )


if __name__ == "__main__":
    main()
