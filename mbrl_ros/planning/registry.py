"""Planners by name."""

from __future__ import annotations

import inspect

from mbrl_ros.core.extensions import load
from mbrl_ros.core.spaces import Space
from mbrl_ros.planning.categorical_cem import CategoricalCEM
from mbrl_ros.planning.cem import CEM
from mbrl_ros.planning.gradient import GradientPlanner
from mbrl_ros.planning.icem import ICEM
from mbrl_ros.planning.ilqr import ILQR
from mbrl_ros.planning.mppi import MPPI
from mbrl_ros.planning.planner import Planner
from mbrl_ros.planning.random_shooting import RandomShooting
from mbrl_ros.planning.settings import PlannerSettings

PLANNERS: dict[str, type[Planner]] = {
    "random_shooting": RandomShooting,
    "cem": CEM,
    "icem": ICEM,
    "mppi": MPPI,
    "categorical_cem": CategoricalCEM,
    "gradient": GradientPlanner,
    "ilqr": ILQR,
}


def make_planner(action: Space, settings: PlannerSettings) -> Planner:
    """Create the planner of the settings.

    Raises:
        ValueError: if it is unknown, or does not suit the action space.
    """
    kind = PLANNERS.get(settings.type) or _own(settings.type)
    return kind(action, settings)


def _own(name: str) -> type[Planner]:
    if ":" not in name:
        raise ValueError(
            f"planner.type: expected one of {', '.join(PLANNERS)} or module:attribute, got '{name}'"
        )
    found = load(name, "planner.type")
    if not (inspect.isclass(found) and issubclass(found, Planner)):
        raise ValueError(
            f"planner.type: expected a subclass of mbrl_ros.planning.planner.Planner, "
            f"'{name}' is {found!r}"
        )
    return found
