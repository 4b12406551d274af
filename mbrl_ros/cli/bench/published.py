"""Published returns of other methods for the shipped tasks."""

from __future__ import annotations

from typing import Any

SOURCE = (
    "TD-MPC2, DreamerV3, SAC: means of their seeds, from the result tables in the repository "
    "of TD-MPC2 (Hansen et al. 2024). mbrl_ros is told what they are not: the reward as a function "
    "of readings and actions, a control period for each task and, but for cheetah_run, a mirror "
    "symmetry of the plant (model.mirrored)"
)
# Environment steps after which the returns were measured.
_STEPS = (100_000, 200_000, 500_000)
_RETURNS = {
    "cartpole_swingup": {
        "TD-MPC2": (839, 872, 876),
        "DreamerV3": (677, 796, 789),
        "SAC": (835, 842, 835),
    },
    "pendulum_swingup": {
        "TD-MPC2": (724, 824, 842),
        "DreamerV3": (699, 733, 740),
        "SAC": (96, 268, 408),
    },
    "reacher_easy": {
        "TD-MPC2": (937, 976, 919),
        "DreamerV3": (872, 844, 940),
        "SAC": (540, 715, 918),
    },
    "acrobot_swingup": {
        "TD-MPC2": (179, 296, 361),
        "DreamerV3": (101, 178, 322),
        "SAC": (8, 3, 2),
    },
    "cheetah_run": {
        "TD-MPC2": (519, 614, 758),
        "DreamerV3": (336, 353, 494),
        "SAC": (310, 574, 595),
    },
}


def published(task: str) -> list[dict[str, Any]]:
    """Return a row of each method for a task: ``task``, ``method`` and ``curve``."""
    return [
        {"task": task, "method": method, "curve": list(zip(_STEPS, returns, strict=True))}
        for method, returns in _RETURNS.get(task, {}).items()
    ]
