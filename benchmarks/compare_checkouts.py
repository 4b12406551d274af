"""Two checkouts compared: are their curves the same to the bit, and is planning as fast?

    .venv/bin/python benchmarks/compare_checkouts.py OLD NEW [--seeds 0 1] [--rounds 5] [--json F]

`mbrl-ros learn` runs in both for every task and seed; what a refactoring must not change is
compared exactly. `mbrl-ros bench planning` runs in both in turn, so that a noisy machine is noisy
for both; the ratio is of evaluations per second, NEW over OLD, one for each round.
"""

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

TASKS = {
    "cartpole_swingup": 3000,
    "pendulum_swingup": 2000,
    "cartpole_v1": 500,
    "reacher_easy": 1000,
}
SAME = (
    "env_steps", "episode_returns", "eval_returns", "models_published", "transitions", "updates",
    "holdout_error",
)  # fmt: skip


def run(checkout: Path, *words: object) -> None:
    """Run mbrl-ros from a checkout, which its Python finds first."""
    command = [sys.executable, "-m", "mbrl_ros.cli", *map(str, words)]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{checkout}: {' '.join(command)}: {done.stderr[-500:]}")


def learned(checkout: Path, task: str, steps: int, seed: int, out: Path) -> tuple[Any, Any]:
    """Return the curve and the figures that must be the same."""
    run(checkout, "learn", task, "--steps", steps, "--seed", seed, "--eval-episodes", 3,
        "--out", out)  # fmt: skip
    with (out / "curve.csv").open(encoding="utf-8") as file:
        curve = list(csv.reader(file))
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    return curve, {name: summary[name] for name in SAME}


def planned(checkout: Path, file: Path) -> dict[tuple[str, int], float]:
    """Return evaluations per second by setting and candidates."""
    run(checkout, "bench", "planning", "--repetitions", 10, "--json", file)
    rows = json.loads(file.read_text(encoding="utf-8"))
    return {
        (row["setting"], row["candidates"]): row["model_evals_per_s"]
        for row in rows
        if row["engine"] in ("mbrl_ros", "mbrl_ros float32")
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1])
    parser.add_argument("--tasks", nargs="*", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--rounds", type=int, default=5, help="of the planning benchmark; 0: none")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found: dict[str, list[dict[str, object]]] = {"curves": [], "planning": []}
    different = 0
    with tempfile.TemporaryDirectory() as folder:
        for task in arguments.tasks:
            for seed in arguments.seeds:
                old, new = (
                    learned(checkout, task, TASKS[task], seed, Path(folder) / f"{task}{seed}{i}")
                    for i, checkout in enumerate((arguments.old, arguments.new))
                )
                same, returns = old == new, new[1]["eval_returns"]
                different += not same
                print(
                    f"{task} seed {seed}: {'same' if same else 'DIFFERENT'} {returns}", flush=True
                )
                found["curves"].append({"task": task, "seed": seed, "same": same, "eval": returns})
        ratios: dict[tuple[str, int], list[float]] = {}
        for turn in range(arguments.rounds):
            order = (arguments.old, arguments.new) if turn % 2 else (arguments.new, arguments.old)
            rates = {checkout: planned(checkout, Path(folder) / "rates.json") for checkout in order}
            for setting, rate in rates[arguments.new].items():
                ratios.setdefault(setting, []).append(rate / rates[arguments.old][setting])
        for (name, candidates), each in ratios.items():
            median, shown = statistics.median(each), ", ".join(f"{ratio:.2f}" for ratio in each)
            print(f"planning {name} N={candidates}: ratio {median:.3f} ({shown})")
            found["planning"].append({"setting": name, "candidates": candidates, "ratios": each})
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
