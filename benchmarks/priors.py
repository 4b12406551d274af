"""A wrong simulation as the prior: robot time to the return of the unperturbed task.

    python benchmarks/priors.py [--task cartpole_swingup] [--ways nothing wrong exact]
                                [--seeds 0 1 2] [--json FILE] [--figure FILE]

- ``nothing``: the ensemble learns everything.
- ``wrong``: it learns what a simulation with masses 30 % too large and joints with 30 % too little
  damping leaves.
- ``exact``: the same of the plant's own simulation.
- ``formula``: the same of the equations of motion in examples/own_prior.py, with masses 30 % too
  large and no damping; for the cart-pole only.

Each run learns in lock-step; at each point a copy of it plays episodes with the model frozen. With
--json, what is there already is not measured again.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from statistics import median
from typing import Any

from copies import in_a_copy

from mbrl_ros.core.extensions import load

#: What a prior simulates for each task.
ENVIRONMENTS = {
    "cartpole_swingup": "dm_control/cartpole-swingup-v0",
    "pendulum_swingup": "dm_control/pendulum-swingup-v0",
    "inverted_pendulum": "InvertedPendulum-v5",
}
#: Parameters of each way.
WAYS: dict[str, list[str]] = {
    "nothing": [],
    "wrong": ["prior.mass_scale:=1.3", "prior.friction_scale:=0.7"],
    "exact": [],
    "formula": [],
}
#: What each is called in the figure.
LABELS = {
    "nothing": "no prior",
    "wrong": "MuJoCo, masses and damping 30 % wrong",
    "exact": "MuJoCo, exact",
    "formula": "formula, masses 30 % wrong, no damping",
}
#: Of the cart-pole, whose integrator is so good that one time step is enough.
TIME_STEPS = {"cartpole_swingup": 1}


def heavy_cartpole(observation: Any, action: Any) -> Any:
    """Return next observations of a cart-pole that is too heavy; see examples/own_prior.py."""
    formula = load(f"{Path(__file__).parents[1] / 'examples' / 'own_prior.py'}", "prior.model")
    return formula.step(observation, action, 1.3 * formula.CART, 1.3 * formula.POLE)


def parameters(task: str, way: str) -> list[str]:
    """Return a way's parameters."""
    if way == "nothing":
        return []
    if way == "formula":
        return [f"prior.model:={__file__}:heavy_cartpole"]
    return [
        "prior.model:=mujoco",
        f"prior.environment:={ENVIRONMENTS[task]}",
        f"prior.time_steps:={TIME_STEPS.get(task, 0)}",
        *WAYS[way],
    ]


def run(
    task: str, way: str, seed: int, points: list[int], episodes: int, words: list[str]
) -> dict[str, Any]:
    """Learn once, and return the mean return of each point and the median time of a plan."""
    from mbrl_ros.system.configuration import parse_assignments, read_task
    from mbrl_ros.system.episodes import mean_return
    from mbrl_ros.system.lock_step import LockStepSystem

    overrides = {**parse_assignments([*parameters(task, way), *words]), "seed": seed, "run_dir": ""}
    system = LockStepSystem(read_task(task, overrides))
    repeat = system.simulator.plant.action_repeat
    step_time = system.simulator.period / repeat
    curve = []
    for point in points:
        system.run(point)
        found = in_a_copy(lambda: mean_return(system.evaluate(episodes)))
        curve.append((point * step_time, found))
        print(f"{task} {way} seed {seed}: {found:.0f} after {point * step_time:g} s", flush=True)
    plan = median(system.plan_ms) if system.plan_ms else math.nan
    row = {"task": task, "way": way, "seed": seed, "curve": curve, "plan_ms": plan}
    return {**row, "models": system.models}


def reached(curve: list[list[float]], wanted: float) -> float:
    """Return the first time from which on a curve stays at a return or above it; inf: never."""
    time_of = math.inf
    for at, found in reversed(curve):
        if not found >= wanted:
            break
        time_of = at
    return time_of


def draw(rows: list[dict[str, Any]], wanted: dict[str, float], path: Path) -> None:
    """Draw the curves of all seeds, a panel for each task."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    tasks = list(dict.fromkeys(row["task"] for row in rows))
    figure, panels = plt.subplots(1, len(tasks), figsize=(5 * len(tasks), 3.6), squeeze=False)
    for task, panel in zip(tasks, panels[0], strict=True):
        for number, way in enumerate(WAYS):
            curves = [r["curve"] for r in rows if (r["task"], r["way"]) == (task, way)]
            if not curves:
                continue
            for curve in curves:
                label = LABELS[way] if curve is curves[0] else None
                panel.plot(*zip(*curve, strict=True), f"C{number}o-", alpha=0.6, ms=3, label=label)
        panel.axhline(wanted[task], color="0.5", ls=":", lw=1)
        panel.set(
            title=task, xlabel="robot time [s]", ylabel="return, model frozen", ylim=(0, None)
        )
        panel.legend(loc="lower right", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measure what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", default="cartpole_swingup", choices=ENVIRONMENTS)
    parser.add_argument("--ways", nargs="*", choices=WAYS, default=["nothing", "wrong"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--points", type=int, nargs="+", default=[0, 250, 500, 750, 1000, 1500, 2000, 3000],
        help="environment steps; at 0 the prior plans alone",
    )  # fmt: skip
    parser.add_argument("--episodes", type=int, default=1, help="played at each point")
    parser.add_argument(
        "--wanted", default="cartpole_swingup=825,pendulum_swingup=855,inverted_pendulum=950",
        help="the return that counts as reached: 95 %% of what learning from nothing ends at",
    )  # fmt: skip
    parser.add_argument("--parameters", nargs="*", default=[], help="of all ways, name:=value")
    parser.add_argument("--json", type=Path, help="file of all runs, read and written")
    parser.add_argument("--figure", type=Path, help="image to draw")
    a = parser.parse_args()
    rows = json.loads(a.json.read_text()) if a.json and a.json.exists() else []
    wanted = {k: float(v) for k, v in (pair.split("=") for pair in a.wanted.split(","))}
    known = {(r["task"], r["way"], r["seed"]) for r in rows}
    for seed in a.seeds:
        for way in a.ways:
            if (a.task, way, seed) in known:
                continue
            began = time.monotonic()
            row = run(a.task, way, seed, a.points, a.episodes, a.parameters)
            rows.append({**row, "wall_seconds": round(time.monotonic() - began, 1)})
            if a.json:
                lines = ",\n".join(json.dumps(each) for each in rows)
                a.json.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    print(f"{'task':<18} {'way':<8} robot time [s] to {a.wanted}, each seed; ms per plan")
    for task, way in dict.fromkeys((r["task"], r["way"]) for r in rows):
        these = [r for r in rows if (r["task"], r["way"]) == (task, way)]
        times = " ".join(f"{reached(r['curve'], wanted[task]):6g}" for r in these)
        print(f"{task:<18} {way:<8} {times}  {median(r['plan_ms'] for r in these):.0f}")
    if a.figure:
        draw(rows, wanted, a.figure)


if __name__ == "__main__":
    main()
