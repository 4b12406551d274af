"""Our actor-critic beside Stable-Baselines3: returns of the frozen policy over environment steps.

    python -m venv .venv-sb3
    .venv-sb3/bin/pip install -r requirements.txt stable-baselines3==2.9.2
    .venv-sb3/bin/pip install --no-deps --editable .
    .venv-sb3/bin/python benchmarks/policies.py sb3 Pendulum-v1 --out runs/policies.csv
    .venv-sb3/bin/python benchmarks/policies.py ours Pendulum-v1 --out runs/policies.csv
    .venv-sb3/bin/python benchmarks/policies.py ours Pendulum-v1 --name imagined \
        --out runs/policies.csv model_trainer.policy.real_share:=0.5

Both learn from the environment's own reward, on one thread, and play the same starts with their
best known actions. Ours learns in lock-step with ``agent:=policy``, model-free unless told
otherwise. Stable-Baselines3 has the settings of its RL Zoo: SAC on Pendulum-v1, DQN on CartPole-v1
and Acrobot-v1. Each row of the file is an evaluation.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch

from mbrl_ros.models.packing import make_world_model
from mbrl_ros.models.update import ModelUpdate
from mbrl_ros.system.configuration import parse_assignments, read_task
from mbrl_ros.system.lock_step import LockStepSystem

Act = Callable[[np.ndarray], Any]
OnEvaluation = Callable[[int, float, list[float]], None]

# Of starts nobody learns from.
FIRST_START = 1_000_003
FIELDS = ("learner", "environment", "seed", "steps", "seconds", "return", "returns")
# Without a model, and as little of the dynamics beside as the gate asks for.
OURS = {
    "agent": "policy",
    "model_trainer.policy.learn": True,
    "model_trainer.policy.real_share": 1.0,
    "model_trainer.model.members": 1,
    "model_trainer.optimizer.updates_per_transition": 0.1,
    "model_trainer.gate.first_error": 1e6,
    "model_trainer.gate.good_error": 1e6,
    "mpc_controller.exploration.curiosity": 0.0,
    "mpc_controller.objective.caution": 0.0,
}
# The periods of the environments' own steps: none is repeated.
PERIODS = {"Pendulum-v1": 0.05, "CartPole-v1": 0.02, "Acrobot-v1": 0.2}
ZOO: dict[str, tuple[str, dict[str, Any]]] = {
    "Pendulum-v1": ("SAC", {"learning_rate": 1e-3}),
    "CartPole-v1": (
        "DQN",
        {
            "learning_rate": 2.3e-3,
            "batch_size": 64,
            "learning_starts": 1000,
            "target_update_interval": 10,
            "train_freq": 256,
            "gradient_steps": 128,
            "exploration_fraction": 0.16,
            "exploration_final_eps": 0.04,
            "policy_kwargs": {"net_arch": [256, 256]},
        },
    ),
    "Acrobot-v1": (
        "DQN",
        {
            "learning_rate": 6.3e-4,
            "batch_size": 128,
            "buffer_size": 50_000,
            "learning_starts": 0,
            "target_update_interval": 250,
            "gradient_steps": -1,
            "exploration_fraction": 0.12,
            "exploration_final_eps": 0.1,
            "policy_kwargs": {"net_arch": [256, 256]},
        },
    ),
}


def play(environment: str, act: Act, episodes: int) -> list[float]:
    """Return the returns of an environment's episodes."""
    env = gymnasium.make(environment)
    returns = []
    for k in range(episodes):
        seen, _ = env.reset(seed=FIRST_START + k)
        total, over = 0.0, False
        while not over:
            seen, paid, terminated, truncated, _ = env.step(act(seen))
            total += float(paid)
            over = terminated or truncated
        returns.append(total)
    return returns


def policy_of(update: ModelUpdate | None, environment: str, seed: int) -> Act:
    """Return what a published policy does; without one, random actions."""
    space = gymnasium.make(environment).action_space
    if update is None:
        space.seed(seed)
        return lambda seen: space.sample()
    policy = make_world_model(update).policy
    assert policy is not None
    discrete = isinstance(space, gymnasium.spaces.Discrete)

    def act(seen: np.ndarray) -> Any:
        with torch.inference_mode():
            chosen = policy(torch.from_numpy(seen)[None])[0].numpy()
        return round(float(chosen[0])) if discrete else chosen

    return act


def learn_ours(
    environment: str, seed: int, given: dict[str, Any], points: list[int], told: OnEvaluation,
    episodes: int,
) -> None:  # fmt: skip
    """Learn with this project, in lock-step."""
    values = {"period": PERIODS.get(environment, 0.04), **OURS, **given, "seed": seed}
    system = LockStepSystem(read_task(environment, values))
    learned = 0.0
    for point in points:
        began = time.monotonic()
        system.run(point)
        learned += time.monotonic() - began
        act = policy_of(system.published, environment, seed)
        told(point, learned, play(environment, act, episodes))


def learn_theirs(
    environment: str, seed: int, given: dict[str, Any], points: list[int], told: OnEvaluation,
    episodes: int,
) -> None:  # fmt: skip
    """Learn with Stable-Baselines3."""
    import stable_baselines3

    name, settings = ZOO[environment]
    made = getattr(stable_baselines3, name)(
        "MlpPolicy", environment, seed=seed, device="cpu", **{**settings, **given}
    )
    # In one call, since its exploration is scheduled over all steps.
    learned, began, left = 0.0, time.monotonic(), list(points)

    def after_step(known: dict[str, Any], _: dict[str, Any]) -> bool:
        nonlocal learned, began
        if made.num_timesteps >= left[0]:
            learned += time.monotonic() - began

            def act(seen: np.ndarray) -> Any:
                return made.predict(seen, deterministic=True)[0]

            told(left.pop(0), learned, play(environment, act, episodes))
            began = time.monotonic()
        return bool(left)

    made.learn(points[-1], callback=after_step)


def main() -> None:
    """Learn with one of the two."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("learner", choices=("ours", "sb3"))
    parser.add_argument("environment", help="Gymnasium id")
    parser.add_argument("--name", default="", help="of the learner, in the file")
    parser.add_argument("--steps", type=int, default=10_000, help="environment steps")
    parser.add_argument("--every", type=int, default=1000, help="steps between evaluations")
    parser.add_argument("--episodes", type=int, default=20, help="of an evaluation")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, required=True, help="CSV file that rows are added to")
    parser.add_argument("parameters", nargs="*", help="further parameters of ours, name:=value")
    arguments = parser.parse_intermixed_args()
    torch.set_num_threads(1)
    learn = learn_ours if arguments.learner == "ours" else learn_theirs
    given = parse_assignments(arguments.parameters)
    points = list(range(arguments.every, arguments.steps + 1, arguments.every))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with arguments.out.open("a", newline="") as file:
        rows = csv.writer(file)
        if not file.tell():
            rows.writerow(FIELDS)
        for seed in arguments.seeds:

            def told(steps: int, seconds: float, returns: list[float], seed: int = seed) -> None:
                mean = float(np.mean(returns))
                named = arguments.name or arguments.learner
                each = " ".join(f"{value:.4g}" for value in returns)
                row = (named, arguments.environment, seed, steps, f"{seconds:.1f}", f"{mean:.1f}")
                rows.writerow((*row, each))
                file.flush()
                print(*row, flush=True)

            learn(arguments.environment, seed, given, points, told, arguments.episodes)


if __name__ == "__main__":
    main()
