"""Interface of agents."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from mbrl_ros.models.world_model import WorldModel
from mbrl_ros.planning.loop import PlanResult
from mbrl_ros.planning.planner import Planner
from mbrl_ros.planning.problem import Problem
from mbrl_ros.planning.settings import PlannerSettings


class Agent(ABC):
    """Chooses actions from beliefs.

    Attributes:
        needs_model: whether it cannot act without a model.
        planner: in use; None: it does not plan.
        exploring: whether it may try other actions than the best it knows.
    """

    needs_model: ClassVar[bool] = True
    planner: Planner | None = None
    exploring: bool = True

    @property
    @abstractmethod
    def effort(self) -> str:
        """Description of the effort of a decision."""

    @abstractmethod
    def act(
        self,
        problem: Problem | None,
        deadline: float | None = None,
        elapsed: int = 1,
        reach: float = 1.0,
    ) -> PlanResult | None:
        """Choose actions.

        Args:
            problem: belief, model, objective and the commands sent; None without a model.
            deadline: on the clock it was made with [s]; None: no limit.
            elapsed: control steps since the last decision.
            reach: trusted share of the horizon.

        Returns:
            the actions from now on, of which the first is executed; None: no time.

        Raises:
            NoPlanError: if no action can be chosen.
            UnlearnedError: if the model lacks a required output.
        """

    def completed(self, problem: Problem) -> Problem:
        """Return a problem with what the agent adds to it before it decides."""
        return problem

    def reset(self) -> None:  # noqa: B027
        """Forget the last decision, as at the start of an episode."""

    def check(self, model: WorldModel) -> None:  # noqa: B027
        """Check that a model has the outputs that the agent needs.

        Raises:
            ValueError: naming what it lacks.
        """

    def configure(  # noqa: B027
        self, settings: PlannerSettings, model: WorldModel | None = None
    ) -> None:
        """Change the settings of planning from the next decision on.

        Args:
            settings: the new ones.
            model: in use; None: none yet.

        Raises:
            ValueError: if they are invalid, or need an output that the model lacks; nothing is
                changed then.
        """
