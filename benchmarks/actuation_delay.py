"""Cart-pole swing-up with actuators that act late, with and without compensation.

    python benchmarks/actuation_delay.py [--steps 5000] [--seeds 0 1 2] [--json FILE]

Each run learns from scratch in lock-step and is evaluated with the model frozen; the return is
the environment's. Runs are spread over the cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

TASK = "cartpole_swingup"
DELAYS = (0, 1, 2, 3)


def learned(arguments: tuple[int, bool, int, int]) -> dict[str, object]:
    """Learn and evaluate once."""
    from mbrl_ros.cli.lock_step import LockStepSystem
    from mbrl_ros.system.configuration import parse_assignments, read_task

    delay, compensated, seed, steps = arguments
    assignments = [
        f"actuation_delay:={delay}",
        f"latency_compensation:={str(compensated).lower()}",
    ]
    overrides = {**parse_assignments(assignments), "seed": seed, "run_dir": ""}
    system = LockStepSystem(read_task(TASK, overrides))
    system.run(steps)
    returns = system.evaluate(2)
    return {
        "delay": delay,
        "compensated": compensated,
        "seed": seed,
        "return": statistics.fmean(returns),
    }


def main() -> None:
    """Run all cases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=5000, help="environment steps to learn from")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--json", type=Path, help="file to write every run to")
    arguments = parser.parse_args()
    cases = [
        (delay, compensated, seed, arguments.steps)
        for delay in DELAYS
        for compensated in (True, False)
        if compensated or delay
        for seed in arguments.seeds
    ]
    rows = []
    with ProcessPoolExecutor() as pool:
        for row in pool.map(learned, cases):
            rows.append(row)
            print(row, flush=True)
    print("\ndelay  compensated  median return")
    for delay in DELAYS:
        for compensated in (True, False):
            returns = [
                float(str(row["return"]))
                for row in rows
                if (row["delay"], row["compensated"]) == (delay, compensated)
            ]
            if returns:
                print(f"{delay:5}  {compensated!s:11}  {statistics.median(returns):.0f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
