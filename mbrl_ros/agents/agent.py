"""What every agent is: it decides, at each tick, what to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from mbrl_ros.models.world_model import WorldModel
from mbrl_ros.planning.loop import PlanResult
from mbrl_ros.planning.planner import Planner
from mbrl_ros.planning.problem import Problem
from mbrl_ros.planning.settings import PlannerSettings


class Agent(ABC):
    """Decides what to do from what is believed.

    Attributes:
        needs_model: whether it can do nothing before a first model.
        planner: what it searches with; None: it does not search.
    """

    needs_model: ClassVar[bool] = True
    planner: Planner | None = None

    @property
    @abstractmethod
    def effort(self) -> str:
        """What a decision comes to, in words."""

    @abstractmethod
    def act(
        self,
        problem: Problem | None,
        deadline: float | None = None,
        elapsed: int = 1,
        reach: float = 1.0,
    ) -> PlanResult | None:
        """Decide.

        Args:
            problem: belief, model, objective and the commands sent; None without a model.
            deadline: on the clock it was made with [s]; None: no limit.
            elapsed: control steps since the last decision.
            reach: share of its horizon up to which the model is trusted.

        Returns:
            the actions from now on, the first of which is executed; None if there was no time.

        Raises:
            NoPlanError: if nothing can be decided.
            UnlearnedError: if the model has not learned what is needed.
        """

    def reset(self) -> None:  # noqa: B027
        """Forget the last decision, as at the start of an episode."""

    def check(self, model: WorldModel) -> None:  # noqa: B027
        """Check that a model has what the agent needs.

        Raises:
            ValueError: naming what it lacks.
        """

    def configure(  # noqa: B027
        self, settings: PlannerSettings, model: WorldModel | None = None
    ) -> None:
        """Take other settings of planning, from the next decision on.

        Args:
            settings: the new ones.
            model: in use; None: none yet.

        Raises:
            ValueError: if they do not fit, or need what the model lacks, with nothing changed.
        """
