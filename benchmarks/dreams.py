"""World Models at work: CMA-ES in the dream beside what its controllers return in the real plant.

    .venv/bin/python benchmarks/dreams.py [--task cartpole_pixels] [--seed 1] [--out FOLDER]

Learns in lock-step, prints a line for each stretch of real steps, and writes FOLDER/dreams.png and
FOLDER/dreams.json. The dream's figure is the mean discounted return of a generation, as a share of
the most that its steps could pay; the real one is of whole episodes, with the controller that was
published last, without exploring.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mbrl_ros.evaluation.episodes import Evaluation
from mbrl_ros.learning.vae_mdn_rnn.evolution import Evolution
from mbrl_ros.learning.vae_mdn_rnn.learner import VaeMdnRnnLearner
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.episodes import mean_return
from mbrl_ros.system.lock_step import LockStepSystem

_COMMON = {
    "learner": "vae_mdn_rnn",
    "mpc_controller.agent": "policy",
    "model_trainer.policy.learn": True,
    "model_trainer.policy.batch_size": 8,
    "model_trainer.policy.imagined_steps": 40,
    "model_trainer.model.sequence": 16,
    "model_trainer.optimizer.batch_size": 256,
    "model_trainer.optimizer.learning_rate": 2e-3,
    "model_trainer.optimizer.updates_per_transition": 0.4,
}


@dataclass(frozen=True)
class Trial:
    """How a task is learned.

    Attributes:
        steps: control steps to learn from.
        stretch: control steps between two lines.
        paid: the most that an episode returns.
        reward: the most that the objective gives a control step.
        settings: of its own.
    """

    steps: int
    stretch: int
    paid: float
    reward: float
    settings: dict[str, Any]


TASKS = {
    "cartpole_v1": Trial(1500, 100, 500.0, 1.0, {}),
    "cartpole_pixels": Trial(4000, 200, 1000.0, 1.0, {"model_trainer.gate.first_transitions": 600}),
}


@dataclass(frozen=True)
class Point:
    """What was reached after some steps; returns are NaN before there are any."""

    steps: int
    updates: int
    models: int
    error: float
    dream: float
    exploring: float
    real: float
    seconds: float


def learn(task: str, seed: int, evaluated: int) -> list[Point]:
    """Learn a task and print a line for each stretch."""
    trial = TASKS[task]
    configuration = read_task(task, {**_COMMON, **trial.settings, "seed": seed})
    system, evaluation = LockStepSystem(configuration), Evaluation(configuration, evaluated)
    learner = system.learner
    assert isinstance(learner, VaeMdnRnnLearner)
    evolution = learner.dreamer
    assert isinstance(evolution, Evolution)
    policy = learner.settings.policy
    most = trial.reward * sum(policy.discount**k for k in range(policy.imagined_steps))
    print("steps  updates  models  hold-out error  dream  real, exploring  real  CPU time")
    points: list[Point] = []
    for steps in range(trial.stretch, trial.steps + 1, trial.stretch):
        returns = []
        while len(system.transitions) < steps:
            _, _, episode = system.step()
            if episode is not None:
                returns.append(episode.total_reward)
        real = evaluation.model(system.published).mean if system.published else math.nan
        point = Point(
            steps, learner.updates, system.models,
            system.holdout_errors[-1][1] if system.holdout_errors else math.nan,
            evolution.dreamed / most,
            mean_return(returns) / trial.paid,
            real / trial.paid,
            time.process_time(),
        )  # fmt: skip
        points.append(point)
        print(
            f"{point.steps:5d}  {point.updates:7d}  {point.models:6d}  {point.error:14.2f}  "
            f"{point.dream:5.2f}  {point.exploring:15.2f}  {point.real:4.2f}  "
            f"{point.seconds:6.0f} s",
            flush=True,
        )
    return points


def draw(task: str, seed: int, points: list[Point], path: Path) -> None:
    """Draw dream and reality over the steps."""
    figure = Figure(figsize=(8.0, 4.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes: Any = figure.subplots()
    steps = [point.steps for point in points]
    for name, color, label in (
        ("dream", "#2a6f97", "in the dream: a generation of CMA-ES, mean"),
        ("real", "#b3392f", "real: its mean controller, without exploring"),
        ("exploring", "#d9a39e", "real: while it learned and explored"),
    ):
        values = [getattr(point, name) for point in points]
        axes.plot(steps, values, color=color, marker="o", markersize=3, label=label)
    axes.set_title(f"{task}, seed {seed}: World Models", loc="left")
    axes.set_xlabel("real control steps")
    axes.set_ylabel("share of the most possible return")
    axes.set_ylim(min(0.0, *axes.get_ylim()), 1.05)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(True, color="#e6e8eb")
    axes.legend(frameon=False)
    figure.savefig(path)


def main() -> None:
    """Learn, and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", choices=tuple(TASKS), default="cartpole_v1")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--evaluated", type=int, default=2, help="episodes at each line")
    parser.add_argument("--out", type=Path, default=Path("runs/world_models"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    points = learn(arguments.task, arguments.seed, arguments.evaluated)
    path = arguments.out / "dreams.json"
    path.write_text(json.dumps([asdict(point) for point in points], indent=1) + "\n")
    draw(arguments.task, arguments.seed, points, arguments.out / "dreams.png")
    print(f"{path} and dreams.png beside it")


if __name__ == "__main__":
    main()
