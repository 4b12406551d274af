"""Settings of the controller."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.planning.settings import PlannerSettings
from mbrl_ros.settings import group, setting


@dataclass(frozen=True)
class ExplorationSettings:
    """Coloured noise, until a first model has passed its gate."""

    noise_beta: float = setting(1.0, "colour of the noise: 0 white, 2 a random walk", low=0, high=5)
    std: float = setting(
        1.0, "standard deviation, as a share of half the action range", low=0.0, high=10.0
    )


@dataclass(frozen=True)
class ControllerSettings:
    """The controller's parameters."""

    autostart: bool = setting(
        True, "configure at start and activate with the first valid observation"
    )
    observation_timeout: float = setting(
        0.2, "without an observation for so long, the safe command [s]", low=1e-3
    )
    deadline_margin: float = setting(
        0.15, "share of the period kept free for transport between the nodes", low=0.0, high=0.9
    )
    latency_compensation: bool = setting(
        True, "plan from where the plant will be when the command acts, not from where it was seen"
    )
    autotune: bool = setting(
        True,
        "in real time, with the first model: measure which candidates, iterations, knots and "
        "members the machine has the time for; those that the configuration names stay as they are",
    )
    device: str = setting("cpu", "where plans are computed", choices=("cpu", "cuda"))
    planner: PlannerSettings = group(PlannerSettings)
    exploration: ExplorationSettings = group(ExplorationSettings)
