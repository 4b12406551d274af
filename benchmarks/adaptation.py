"""A plant that changes in mid-run: how soon the return is back, with and without adaptation.

    .venv/bin/python benchmarks/adaptation.py [--task cartpole_swingup] [--seeds 0 1 2] [--json F]

Each seed learns in lock-step; then the plant changes, and the run goes on in several ways from
the same moment: the trainer learning on or not, the controller adapting the last layer or not.
The returns of the next episodes are compared with those before.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import fmean, median
from typing import Any

from copies import in_a_copy

from mbrl_ros.simulation.settings import PhysicsSettings
from mbrl_ros.system.configuration import parse_assignments, read_task
from mbrl_ros.system.lock_step import LockStepSystem

POLES = {"cartpole_swingup": ["pole_1"], "pendulum_swingup": ["pole"]}
WAYS = {  # whether the trainer learns on, whether the controller adapts
    "neither": (False, False),
    "adaptation": (False, True),
    "training": (True, False),
    "both": (True, True),
}
# Episodes before the change whose mean is its level, and episodes that are looked at after it.
BEFORE, AFTER = 3, 4


def changes(task: str) -> dict[str, PhysicsSettings]:
    """Return what happens to the plant."""
    bodies = POLES.get(task, [])
    return {
        "nothing": PhysicsSettings(),
        "pole mass x2": PhysicsSettings(mass_scale=2.0, bodies=bodies),
        "motor gain x0.6": PhysicsSettings(gain_scale=0.6),
        "friction x3": PhysicsSettings(friction_scale=3.0),
    }


def run(
    arguments: tuple[str, int, int, tuple[str, ...], tuple[str, ...]],
) -> list[dict[str, Any]]:
    """Learn with one seed, and go on in every way after every change."""
    task, seed, steps, chosen, words = arguments
    system = LockStepSystem(read_task(task, {**parse_assignments(words), "seed": seed}))
    system.run(steps)
    level = fmean(played(system, BEFORE))
    rows = []
    for change in chosen:
        physics = changes(task)[change]
        for way, (trains, adapts) in WAYS.items():

            def go_on(
                physics: PhysicsSettings = physics, trains: bool = trains, adapts: bool = adapts
            ) -> list[float]:
                system.controller.models.adapt(adapts)
                system.learning = trains
                system.simulator.change_physics(physics)
                return played(system, AFTER)

            returns = in_a_copy(go_on)
            rows.append(
                {"task": task, "seed": seed, "change": change, "way": way, "before": level,
                 "after": returns}
            )  # fmt: skip
    return rows


def played(system: LockStepSystem, episodes: int) -> list[float]:
    """Return the returns of the next whole episodes."""
    returns: list[float] = []
    while len(returns) < episodes:
        _, _, episode = system.step()
        if episode is not None:
            returns.append(episode.total_reward)
    return returns


def main() -> None:
    """Run all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", default="cartpole_swingup")
    parser.add_argument("--steps", type=int, default=5000, help="the environment's, learned from")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--changes", nargs="+", default=list(changes("")), help="names of rows")
    parser.add_argument("--json", type=Path, help="file to write every run to")
    parser.add_argument("parameters", nargs="*", help="further parameters, name:=value")
    a = parser.parse_args()
    jobs = [(a.task, seed, a.steps, tuple(a.changes), tuple(a.parameters)) for seed in a.seeds]
    rows: list[dict[str, Any]] = []
    with ProcessPoolExecutor() as pool:
        for found in pool.map(run, jobs):
            rows += found
    if a.json:
        a.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    print(f"{'change':<18} {'way':<12} return of each episode after it, % of before (median)")
    for change in dict.fromkeys(row["change"] for row in rows):
        for way in WAYS:
            these = [r for r in rows if (r["change"], r["way"]) == (change, way)]
            shares = [[100 * x / r["before"] for x in r["after"]] for r in these]
            shown = " ".join(f"{median(column):6.0f}" for column in zip(*shares, strict=True))
            print(f"{change:<18} {way:<12} {shown}")


if __name__ == "__main__":
    main()
