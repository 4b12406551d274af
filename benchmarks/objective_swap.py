"""An objective that changes in mid-run: what is paid after it, with and without a policy.

    python benchmarks/objective_swap.py [--seeds 0 1 2] [--figure FILE]

Each seed learns the cart-pole's swing-up in lock-step, with `agent: planner+policy`. Four seconds
into an episode, the pole is asked for elsewhere, and the run goes on in several ways from there:

- ``planner``: without policy and value.
- ``planner+policy``: without them until the learner has caught up with the new objective.
- ``kept``: with those of the old one, for which they go on being learned.

What is paid is the new objective's reward of what happens, exploration included. What is in the
file of --json already is not measured again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from copies import in_a_copy
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mbrl_ros.agents.registry import make_agent
from mbrl_ros.models.update import ModelUpdate
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.objectives.objective_manager import Way
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.lock_step import LockStepSystem

TASK, WANTED, PERIOD = "cartpole_swingup", "balance_left", 0.04
#: The agent that goes on, and whether policy and value stay those of the old objective.
WAYS = {
    "planner": ("planner", False),
    "planner+policy": ("planner+policy", False),
    "kept": ("planner+policy", True),
}
# Environment steps to learn from; control steps in the episode before and after the change, and of
# the episode after it; control steps that are averaged in the figure.
LEARNED, BEFORE, STRETCHES, WINDOW = 2000, 100, (150, 250), 25


def run(seed: int) -> list[dict[str, Any]]:
    """Learn with one seed, and go on in every way after the change."""
    values = {"agent": "planner+policy", "model_trainer.policy.learn": True}
    system = LockStepSystem(read_task(TASK, {**values, "seed": seed, "run_dir": ""}))
    system.run(LEARNED)
    objectives = system.manager.objectives.select(WANTED)
    before = paid(system, objectives.objective, BEFORE)
    rows = []
    for way, (agent, kept) in WAYS.items():

        def go_on(agent: str = agent, kept: bool = kept) -> list[float]:
            controller = system.controller
            controller.agent = make_agent(agent, controller.action, controller.settings.planner, 0)
            controller.exploring = True
            if kept:
                keep(system)
            system.manager.take(Way.SERVICE, objectives)
            return paid(system, objectives.objective, sum(STRETCHES))

        after = in_a_copy(go_on)
        rows.append({"seed": seed, "way": way, "before": before, "after": after})
        print(f"seed {seed}, {way}: {' / '.join(means(rows[-1]))}", flush=True)
    return rows


def keep(system: LockStepSystem) -> None:
    """Let policy and value stay those of the present objective, and say they are of any."""
    system.learner.pursue = lambda objective: None  # type: ignore[method-assign]
    models, offer = system.controller.models, system.controller.models.offer

    def say() -> None:
        if models.active is not None:
            for head in (models.active.model.policy, models.active.model.value):
                if head is not None:
                    head.objective = ""

    def offered(update: ModelUpdate, epoch: int, sequence: int) -> None:
        offer(update, epoch, sequence)
        say()

    models.offer = offered  # type: ignore[method-assign]
    say()


def paid(system: LockStepSystem, objective: Objective, steps: int) -> list[float]:
    """Return an objective's reward of each of the next control steps."""
    rewards: list[float] = []
    while len(rewards) < steps:
        command, after, _ = system.step()
        if command is not None:
            seen, action = (torch.tensor(v).float() for v in (after.values, command.values))
            rewards.append(round(float(objective.rewards(seen[None], action[None])), 4))
    return rewards


def means(row: dict[str, Any]) -> list[str]:
    """Return the mean reward of each stretch after the change."""
    parts = np.split(np.array(row["after"]), np.cumsum(STRETCHES)[:-1])
    return [f"{fmean(part):.3f}" for part in parts]


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw what is paid around the change in every way: each seed, and their mean."""
    figure = Figure(figsize=(7.6, 4.2), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for number, (way, (_, kept)) in enumerate(WAYS.items()):
        paid = [row["before"] + row["after"] for row in rows if row["way"] == way]
        each = np.array(paid).reshape(len(paid), -1, WINDOW).mean(axis=2)
        at = (np.arange(each.shape[1]) + 0.5) * WINDOW * PERIOD - BEFORE * PERIOD
        style = "--" if kept else "-"
        axes.plot(at, each.T, f"C{number}{style}", alpha=0.25, linewidth=0.8)
        axes.plot(at, each.mean(axis=0), f"C{number}{style}", linewidth=2, label=way)
    for moment in (0, *np.cumsum(STRETCHES)[:-1]):
        style = "-" if moment == 0 else ":"
        axes.axvline(moment * PERIOD, color="0.4", linestyle=style, linewidth=1)
    axes.set(xlabel="robot time since the change [s]", ylabel="reward by the new objective")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(True, color="#e6e8eb", linewidth=0.8)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, format="png")


def main() -> None:
    """Measure what is missing, and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--json", type=Path, default=Path("benchmarks/objective_swap.json"))
    parser.add_argument("--figure", type=Path, help="PNG to draw")
    a = parser.parse_args()
    rows = json.loads(a.json.read_text(encoding="utf-8")) if a.json.exists() else []
    known = {row["seed"] for row in rows}
    for seed in [seed for seed in a.seeds if seed not in known]:
        rows += run(seed)
        lines = ",\n".join(json.dumps(row, allow_nan=False) for row in rows)
        a.json.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    print("| way | seed | rest of the episode, 6 s | next episode, 10 s |")
    print("|---|---|---|---|")
    for way in WAYS:
        for row in rows:
            if row["way"] == way:
                print(f"| `{way}` | {row['seed']} | {' | '.join(means(row))} |")
    if a.figure:
        draw(rows, a.figure)


if __name__ == "__main__":
    main()
