"""How many perturbed episodes hold, with and without caution and randomised training.

    python benchmarks/robustness.py [--task cartpole_rig] [--seeds 0 1 2] [--draws 12] [--wide 2]
        [--settings objective.caution=0 objective.caution=1 objective.tail=0.4] [--out FOLDER]

Models are learned in lock-step, with the physics as they are (``plain``) and with physics drawn
anew for each episode (``randomised``); those that lie in the folder already are taken. Each of them
plays the same draws with each setting, in simulated time with the planner as configured. Thresholds
and ranges are those of the task's graduation, the ranges of physics wider by a power.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

from mbrl_ros.cli.graduation_stage import make_stage
from mbrl_ros.cli.main import main as run
from mbrl_ros.core.cpu_quota import usable_cores
from mbrl_ros.core.settings import build, flat
from mbrl_ros.core.workers import workers
from mbrl_ros.evaluation.graduation.choosing import Trial, try_values
from mbrl_ros.evaluation.graduation.settings import (
    GraduationSettings,
    RangeSettings,
    read_graduation,
)
from mbrl_ros.models.checkpoint import load
from mbrl_ros.system.configuration import parse_assignments, read_task

WAYS = {"plain": [], "randomised": ["--randomise"]}
# Around these, ranges are widened; the others begin at 0.
_CENTRES = {"mass_scale": 1.0, "friction_scale": 1.0, "gain_scale": 1.0}


def widened(settings: GraduationSettings, factor: float) -> GraduationSettings:
    """Return settings whose physics are drawn from ranges so much wider, of factors as powers."""
    ranges = flat(settings.ranges)
    wide = {name: [end**factor for end in ranges[name]] for name in _CENTRES}
    return replace(settings, ranges=build(RangeSettings, {**ranges, **wide}))


def learned(task: str, way: str, seed: int, steps: int, out: Path) -> Path:
    """Return a checkpoint; learn it, if there is none yet."""
    folder = out / f"{way}-{seed}"
    if not (folder / "checkpoints").is_dir():
        words = ["learn", task, "--steps", str(steps), "--seed", str(seed), "--out", str(folder)]
        if code := run([*words, "--eval-episodes", "0", *WAYS[way]]):
            raise SystemExit(code)
    return max((folder / "checkpoints").glob("model-*.safetensors"))


def main() -> None:
    """Learn, play and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", default="cartpole_rig")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=[*WAYS])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=6000, help="environment steps to learn from")
    parser.add_argument("--draws", type=int, default=12)
    parser.add_argument("--wide", type=float, default=2.0, help="of masses, friction and motors")
    parser.add_argument(
        "--settings", nargs="+", metavar="NAME=VALUE",
        default=["objective.caution=0", "objective.caution=1", "objective.tail=0.4"],
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("runs/robustness"))
    parser.add_argument("--jobs", type=int, default=usable_cores())
    a = parser.parse_args()
    words = [setting.replace("=", ":=", 1) for setting in a.settings]
    configurations = [read_task(a.task, parse_assignments([word])) for word in words]
    shipped = read_graduation(None, configurations[0])
    settings = widened(replace(shipped, draws=a.draws), a.wide)
    rows = []
    print(f"{'':<12} seed {'':<22} passed  median and least share", flush=True)
    for way in a.ways:
        for seed in a.seeds:
            model = learned(a.task, way, seed, a.steps, a.out)
            stages = [
                (name, make_stage(configuration, a.task, load(model), settings))
                for name, configuration in zip(a.settings, configurations, strict=True)
            ]

            def tell(trial: Trial, way: str = way, seed: int = seed) -> None:
                median, least = trial.shares
                passed = sum(outcome.passed for outcome in trial.outcomes)
                of = f"{passed:>3} of {len(trial.outcomes)}"
                print(f"{way:<12} {seed:<4} {trial.value:<22} {of}  {median:.2f} {least:.2f}")

            with workers(a.jobs) as pool:
                trials = try_values(stages, settings, pool, tell)
            rows += [
                {"way": way, "seed": seed, "setting": t.value,
                 "shares": [o.share for o in t.outcomes], "passed": [o.passed for o in t.outcomes]}
                for t in trials
            ]  # fmt: skip
            (a.out / "robustness.json").write_text(json.dumps(rows, indent=1) + "\n")
    for way in a.ways:
        for name in a.settings:
            each = [p for r in rows if (r["way"], r["setting"]) == (way, name) for p in r["passed"]]
            print(f"{way:<12} all  {name:<22} {sum(each):>3} of {len(each)}")


if __name__ == "__main__":
    main()
