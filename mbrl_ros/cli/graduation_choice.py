"""A parameter that is chosen before a graduation, by what comes of it in other draws."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mbrl_ros.evaluation.graduation.settings import GraduationSettings
    from mbrl_ros.evaluation.graduation.stage import Stage


def choose(
    name: str,
    stages: list[tuple[str, Stage]],
    settings: GraduationSettings,
    pool: Executor | None,
) -> tuple[dict[str, Any], int]:
    """Try the values of a parameter.

    Args:
        name: of the parameter.
        stages: each value, as text, with the stage that has it.
        settings: of the graduation.
        pool: plays the episodes; None: this process.

    Returns:
        what came of each, for JSON, empty where nothing was played; and the number of the best.
    """
    from mbrl_ros.evaluation.graduation.choosing import Trial, best, try_values

    def tell(trial: Trial) -> None:
        median, least = trial.shares
        told = f"{name} {trial.value}".ljust(24)
        print(
            f"{told} passes {trial.pass_rate:.2f}, share {median:.2f}, least {least:.2f}",
            flush=True,
        )

    trials = try_values(stages, settings, pool, tell)
    if not trials:
        return {}, 0
    found = best(trials)
    figures = [
        {"value": t.value, "pass_rate": t.pass_rate, "median_share": t.shares[0],
         "least_share": t.shares[1], "passed": [o.passed for o in t.outcomes]}
        for t in trials
    ]  # fmt: skip
    return {"parameter": name, "value": found.value, "trials": figures}, trials.index(found)


def chosen_told(chosen: dict[str, Any]) -> str:
    """Return what was chosen, and what the others came to."""
    rates = ", ".join(f"{each['value']}: {each['pass_rate']:.2f}" for each in chosen["trials"])
    return f"{chosen['value']} (passed of other draws: {rates})"
