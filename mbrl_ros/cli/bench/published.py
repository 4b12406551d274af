"""Published returns of other methods for the shipped tasks."""

from __future__ import annotations

from typing import Any

SOURCE = (
    "TD-MPC2, DreamerV3, SAC: means of their seeds, from the result tables in the repository "
    "of TD-MPC2 (Hansen et al. 2024). They learn the reward, and repeat each action twice."
)
_MIRROR = "the plant's mirror symmetry"
#: What mbrl_ros is told of a task and the others are not.
TOLD = {
    "cartpole_swingup": f"the reward function; {_MIRROR}; four steps of the suite for each action",
    "pendulum_swingup": f"the reward function, with a small term that leads upwards; {_MIRROR}",
    "reacher_easy": "the reward function, with terms that lead to the target and keep off the "
    f"wrist's stop; {_MIRROR}; that the target does not move the arm; "
    "to learn in episodes of 5 s",
    "acrobot_swingup": f"the reward function, with a small term that leads upwards; {_MIRROR}; "
    "four steps of the suite for each action",
    "cheetah_run": "the reward function, with terms against falling; to learn in episodes of 3 s",
}
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


#: Their names.
METHODS = ("TD-MPC2", "DreamerV3", "SAC")


def published(task: str) -> list[dict[str, Any]]:
    """Return a row of each method for a task: ``task``, ``method`` and ``curve``."""
    return [
        {"task": task, "method": method, "curve": list(zip(_STEPS, returns, strict=True))}
        for method, returns in _RETURNS.get(task, {}).items()
    ]
