"""Planner, policy, both and no model: returns over robot time, and what a decision costs.

    python benchmarks/agents.py learn [--tasks cartpole_swingup ...] [--agents planner ...]
                                      [--seeds 0 1 2] [--figure FILE]
    python benchmarks/agents.py cost [--tasks cartpole_swingup ...]

- ``planner``: the tasks as shipped.
- ``policy``: the policy alone, learned from real and imagined steps.
- ``planner+policy``: plans with the policy's candidates, and its value after their ends.
- ``model-free``: the policy alone, learned from real steps only.

Each run learns in lock-step; at each point another system plays episodes with what was published,
frozen, from starts that nobody learned from. Policies are cheap, and learn for longer. Times are
those of the processor, so that they mean something on a machine with other work. What is in the
file of --json already is not measured again.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from policies import OURS

from mbrl_ros.control.command import CommandSource
from mbrl_ros.evaluation.episodes import Evaluation
from mbrl_ros.models.update import ModelUpdate
from mbrl_ros.system.configuration import Configuration, read_task
from mbrl_ros.system.lock_step import LockStepSystem

AGENTS: dict[str, dict[str, Any]] = {
    "planner": {},
    "policy": {"agent": "policy", "model_trainer.policy.learn": True},
    "planner+policy": {"agent": "planner+policy", "model_trainer.policy.learn": True},
    "model-free": OURS,
}
PLANNING = ("planner", "planner+policy")
#: Environment steps after which each is evaluated, those of the policies beyond, and those without
#: a model beyond these.
POINTS = {
    "cartpole_swingup": ((500, 1000, 2000), (3000,), (6000,)),
    "inverted_pendulum": ((250, 500), (), (1000,)),
    "pendulum_swingup": ((1000, 2000), (), (3000,)),
}
#: Episodes that are played then: more where the start matters.
EPISODES = {"cartpole_swingup": 1, "inverted_pendulum": 1, "pendulum_swingup": 1}
# Decisions that are timed of each agent, after the first ones.
_DECISIONS, _WARM = 200, 10


def configuration(task: str, agent: str, seed: int) -> Configuration:
    """Return the parameters of an agent."""
    return read_task(task, {**AGENTS[agent], "seed": seed, "run_dir": ""})


def points(task: str, agent: str) -> tuple[int, ...]:
    """Return after how many environment steps an agent is evaluated."""
    all_of_them, of_policies, without_a_model = POINTS[task]
    if agent in PLANNING:
        return all_of_them
    return all_of_them + of_policies + (without_a_model if agent == "model-free" else ())


def learn(task: str, agent: str, seed: int) -> dict[str, Any]:
    """Learn once, and return a row of the file."""
    parameters = configuration(task, agent, seed)
    system, evaluation = LockStepSystem(parameters), Evaluation(parameters, EPISODES[task])
    step_time = system.simulator.period / system.simulator.plant.action_repeat
    curve: list[dict[str, Any]] = []
    learned = 0.0
    for point in points(task, agent):
        began = time.process_time()
        system.run(point)
        learned += time.process_time() - began
        began = time.process_time()
        played = evaluation.model(system.published)
        mean = played.mean
        curve.append(
            {
                "env_steps": system.simulator.env_steps,
                "robot_seconds": round(system.simulator.env_steps * step_time, 2),
                "return": round(mean, 2),
                "returns": [round(value, 2) for value in played.returns],
                "notes": played.notes,
                "learning_seconds": round(learned, 1),
                "evaluation_seconds": round(time.process_time() - began, 1),
            }
        )
        print(f"{task} {agent} seed {seed}: {mean:.0f} after {point}, {learned:.0f} s", flush=True)
    fallbacks = system.sources[CommandSource.FALLBACK]
    return {"task": task, "agent": agent, "seed": seed, "fallbacks": fallbacks, "curve": curve}


def costs(task: str, seed: int) -> dict[str, dict[str, list[float]]]:
    """Return the processor time of each agent's answers [ms], measured in turns.

    Of all that a tick does, and of the agent's decision in it.
    """
    updates = {name: learned(task, name, seed) for name in ("planner+policy", "model-free")}
    systems, times = [], {}
    for agent in AGENTS:
        system = LockStepSystem(configuration(task, agent, seed))
        system.learning = system.controller.exploring = False
        controller = system.controller
        own: dict[str, list[float]] = {"decision": [], "tick": []}
        controller.models.offer(updates.get(agent, updates["planner+policy"]), 1, 1)
        controller.agent.act = timed(controller.agent.act, own["decision"])  # type: ignore[method-assign]
        controller.tick = timed(controller.tick, own["tick"])  # type: ignore[method-assign]
        systems.append(system)
        times[agent] = own
    for _ in range(_WARM + _DECISIONS):
        for system in systems:
            system.step()
    return {
        agent: {what: found[_WARM:] for what, found in own.items()} for agent, own in times.items()
    }


def learned(task: str, agent: str, seed: int) -> ModelUpdate:
    """Return the first model of an agent; what a decision costs, others would tell as well."""
    system = LockStepSystem(configuration(task, agent, seed))
    while system.published is None:
        system.step()
    return system.published


def timed(call: Callable[..., Any], times: list[float]) -> Callable[..., Any]:
    """Return what does the same, and notes the processor time that it took [ms]."""

    def noting(*arguments: Any) -> Any:
        began = time.thread_time()
        try:
            return call(*arguments)
        finally:
            times.append(1e3 * (time.thread_time() - began))

    return noting


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw every seed's curve and the mean of each agent, a panel for each task."""
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    figure = Figure(figsize=(5.2 * len(tasks), 4.0), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    for task, axes in zip(tasks, figure.subplots(1, len(tasks), squeeze=False)[0], strict=True):
        for number, agent in enumerate(AGENTS):
            curves = [r["curve"] for r in rows if (r["task"], r["agent"]) == (task, agent)]
            each = [
                ([p["robot_seconds"] for p in curve], [p["return"] for p in curve])
                for curve in curves
            ]
            for at, found in each:
                axes.plot(at, found, f"C{number}o-", alpha=0.35, linewidth=1, markersize=3)
            if each:
                mean = np.mean([found for _, found in each], axis=0)
                # Thinner from one to the next, so that none is hidden by another.
                width = 4.4 - 0.9 * number
                axes.plot(each[0][0], mean, f"C{number}-", linewidth=width, label=agent)
        axes.set_xscale("log")
        times = sorted({p["robot_seconds"] for r in rows if r["task"] == task for p in r["curve"]})
        axes.set_xticks(times, [f"{at:g}" for at in times])
        axes.minorticks_off()
        axes.set_title(task, loc="left")
        axes.set(xlabel="robot time [s]", ylabel="return, frozen")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(True, color="#e6e8eb", linewidth=0.8)
    figure.axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, format="png")


def tabulate(rows: Sequence[dict[str, Any]]) -> None:
    """Print a table of Markdown for each task: each seed's return after each robot time."""
    for task in dict.fromkeys(row["task"] for row in rows):
        these = [row for row in rows if row["task"] == task]
        times = sorted({p["robot_seconds"] for row in these for p in row["curve"]})
        print(f"\n{task}\n\n| agent | {' | '.join(f'{t:g} s' for t in times)} | learning |")
        print("|---|" + "---|" * (len(times) + 1))
        for agent in AGENTS:
            own = [row["curve"] for row in these if row["agent"] == agent]
            found = [{p["robot_seconds"]: p["return"] for p in curve} for curve in own]
            cells = [", ".join(f"{each[t]:.0f}" for each in found if t in each) for t in times]
            took = ", ".join(f"{curve[-1]['learning_seconds']:.0f}" for curve in own)
            print(f"| `{agent}` | {' | '.join(cells)} | {took} s |")


def main() -> None:
    """Measure what is missing, and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("learn", "cost"))
    parser.add_argument("--tasks", nargs="*", choices=POINTS, default=list(POINTS))
    parser.add_argument("--agents", nargs="*", choices=AGENTS, default=list(AGENTS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--json", type=Path, default=Path("benchmarks/agents.json"))
    parser.add_argument("--figure", type=Path, help="PNG to draw")
    a = parser.parse_args()
    if a.what == "cost":
        print("| task | agent | decision, median | 99 % | whole tick, median | 99 % |")
        print("|---|---|---|---|---|---|")
        for task in a.tasks:
            for agent, times in costs(task, a.seeds[0]).items():
                found = [x for own in times.values() for x in np.percentile(own, (50, 99))]
                cells = " | ".join(f"{x:.2f} ms" for x in found)
                print(f"| `{task}` | `{agent}` | {cells} |", flush=True)
        return
    rows = json.loads(a.json.read_text(encoding="utf-8")) if a.json.exists() else []
    known = {(row["task"], row["agent"], row["seed"]) for row in rows}
    for seed in a.seeds:
        for task in a.tasks:
            for agent in a.agents:
                if (task, agent, seed) in known:
                    continue
                rows.append(learn(task, agent, seed))
                lines = ",\n".join(json.dumps(row, allow_nan=False) for row in rows)
                a.json.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    tabulate(rows)
    if a.figure:
        draw(rows, a.figure)


if __name__ == "__main__":
    main()
