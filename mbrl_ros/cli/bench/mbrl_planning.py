"""Configuration of mbrl-lib's cross-entropy planner, as in its PETS example."""

from __future__ import annotations

from typing import Any


def planning(horizon: int, iterations: int, candidates: int) -> dict[str, Any]:
    """Return the configuration of an agent; mbrl-lib takes the limits from the environment.

    Source: ``mbrl/examples/conf`` of mbrl-lib 0.2.0, ``overrides/pets_cartpole.yaml``.
    """
    return {
        "_target_": "mbrl.planning.TrajectoryOptimizerAgent",
        # Otherwise, current hydra would instantiate nested objects too early.
        "_recursive_": False,
        "action_lb": "???",
        "action_ub": "???",
        "planning_horizon": horizon,
        "optimizer_cfg": {
            "_target_": "mbrl.planning.CEMOptimizer",
            "num_iterations": iterations,
            "elite_ratio": 0.1,
            "population_size": candidates,
            "alpha": 0.1,
            "device": "cpu",
            "lower_bound": "???",
            "upper_bound": "???",
            "return_mean_elites": True,
            "clipped_normal": False,
        },
    }
