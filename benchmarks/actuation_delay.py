"""Cart-pole swing-up with actuators that act late, told and hidden, known and found out.

    python benchmarks/actuation_delay.py [--cases told hidden_known ...] [--delays 0 1 2 3]
                                         [--steps 5000] [--seeds 0 1 2] [--json FILE]

- ``told``: the plant tells which action acts, and the controller compensates.
- ``told_ignored``: it tells, and the controller does not compensate.
- ``hidden_known``: it tells the action that came, and acts later; ``model.delay`` is right.
- ``hidden_identified``: the same with ``model.delay: -1``, found out from the data.
- ``hidden_ignored``: the same with ``model.delay: 0``.

Each run learns from scratch in lock-step and is evaluated with the model frozen; the return is
the environment's. Runs are spread over the cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

TASK = "cartpole_swingup"
CASES = {
    "told": ["actuation_delay_told:=true"],
    "told_ignored": ["actuation_delay_told:=true", "latency_compensation:=false"],
    "hidden_known": ["actuation_delay_told:=false", "model.delay:={delay}"],
    "hidden_identified": ["actuation_delay_told:=false", "model.delay:=-1"],
    "hidden_ignored": ["actuation_delay_told:=false", "model.delay:=0"],
}
# Without a delay, these are the same as the case ``told``.
ONLY_WITH_DELAY = ("told_ignored", "hidden_known", "hidden_ignored")


def learned(arguments: tuple[str, int, int, int]) -> dict[str, Any]:
    """Learn and evaluate once.

    Returns:
        the case and its return; of the case hidden_identified also ``found``: the environment
        steps at which the learner changed its mind, each with the delay since.
    """
    from mbrl_ros.learning.dynamics_learner import DynamicsLearner
    from mbrl_ros.system.configuration import parse_assignments, read_task
    from mbrl_ros.system.lock_step import LockStepSystem

    case, delay, seed, steps = arguments
    assignments = [f"actuation_delay:={delay}", *(a.format(delay=delay) for a in CASES[case])]
    overrides = {**parse_assignments(assignments), "seed": seed, "run_dir": ""}
    system = LockStepSystem(read_task(TASK, overrides))
    found: list[tuple[int, int]] = []

    def look(env_steps: int) -> None:
        assert isinstance(system.learner, DynamicsLearner)
        now = system.learner.model.delay
        if not found or found[-1][1] != now:
            found.append((env_steps, now))

    system.run(steps, look)
    row = {"case": case, "delay": delay, "seed": seed}
    row["return"] = statistics.fmean(system.evaluate(2))
    return {**row, "found": found} if case == "hidden_identified" else row


def main() -> None:
    """Run all cases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--delays", type=int, nargs="+", default=[0, 1, 2, 3])
    parser.add_argument("--steps", type=int, default=5000, help="environment steps to learn from")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--json", type=Path, help="file to write every run to")
    arguments = parser.parse_args()
    runs = [
        (case, delay, seed, arguments.steps)
        for seed in arguments.seeds
        for case in arguments.cases
        for delay in arguments.delays
        if delay or case not in ONLY_WITH_DELAY
    ]
    rows = []
    with ProcessPoolExecutor() as pool:
        for row in pool.map(learned, runs):
            rows.append(row)
            print(row, flush=True)
    print(f"\n{'case':17}  delay  median return")
    for case in arguments.cases:
        for delay in arguments.delays:
            found = [row["return"] for row in rows if (row["case"], row["delay"]) == (case, delay)]
            if found:
                print(f"{case:17}  {delay:5}  {statistics.median(found):.0f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
