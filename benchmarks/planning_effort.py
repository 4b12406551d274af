"""What a plan's effort is worth: returns of one frozen model under more and less planning.

    mbrl-ros learn cartpole_swingup --steps 5000 --seed 0 --out RUN
    python benchmarks/planning_effort.py RUN [--episodes 2]

In lock-step, so the time a plan takes has no influence; it is shown beside the return.
"""

from __future__ import annotations

import argparse
import statistics
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path


def played(arguments: tuple[Path, int, dict[str, int]]) -> tuple[list[float], float]:
    """Return the returns of some episodes and the median planning time [ms]."""
    from mbrl_ros.models.checkpoint import load
    from mbrl_ros.system.configuration import read_task
    from mbrl_ros.system.lock_step import LockStepSystem

    run, episodes, planner = arguments
    overrides = {f"planner.{name}": value for name, value in planner.items()}
    system = LockStepSystem(read_task(str(run / "config.yaml"), {**overrides, "seed": 7}))
    checkpoint = next((run / "checkpoints").glob("*.safetensors"))
    system.controller.models.offer(load(checkpoint), 1, 1)
    return system.evaluate(episodes), statistics.median(system.plan_ms)


def main() -> None:
    """Play all efforts and print the table."""
    from mbrl_ros.control.autotune import EFFORTS

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder that `mbrl-ros learn` wrote")
    parser.add_argument("--episodes", type=int, default=2, help="played for each effort")
    arguments = parser.parse_args()
    efforts = [asdict(effort) for effort in EFFORTS]
    # The same without knots, and with all members.
    efforts += [{**effort, "knots": 0} for effort in efforts]
    efforts += [{**effort, "members": 0} for effort in efforts if effort["members"]]
    cases = [(arguments.run, arguments.episodes, effort) for effort in efforts]
    print("candidates iterations knots members   mean return   worst   plan [ms]")
    with ProcessPoolExecutor() as pool:
        for effort, (returns, plan_ms) in zip(efforts, pool.map(played, cases), strict=True):
            figures = "{candidates:10} {iterations:10} {knots:5} {members:7}".format(**effort)
            mean, worst = statistics.fmean(returns), min(returns)
            print(f"{figures}   {mean:11.1f} {worst:7.1f} {plan_ms:11.1f}", flush=True)


if __name__ == "__main__":
    main()
