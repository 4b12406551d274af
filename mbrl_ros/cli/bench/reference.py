"""References for learning: random actions, and the same planner on the true dynamics."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.agents.planner_agent import PlannerAgent
from mbrl_ros.agents.random_agent import RandomAgent
from mbrl_ros.cli.bench.curve import Evaluated
from mbrl_ros.cli.bench.kept import Curve
from mbrl_ros.evaluation.true_model import TrueModel
from mbrl_ros.simulation.true_dynamics import NoTrueDynamicsError, true_dynamics
from mbrl_ros.system.lock_step import LockStepSystem, mean_return


@dataclass(frozen=True)
class Reference(Evaluated):
    """A return without learning; its curve is one point, at zero steps.

    Attributes:
        kind: random, or true dynamics.
    """

    kind: str

    @property
    def method(self) -> str:
        """Its kind."""
        return self.kind

    @property
    def label(self) -> str:
        """Its kind and its seed."""
        return f"{self.kind.replace(' ', '_')}-{self.seed}"

    def measure(self, threads: int) -> Curve:
        """Run the episodes.

        Raises:
            NoTrueDynamicsError: if the plant's true dynamics cannot be planned with.
            ValueError: naming the invalid parameter.
        """
        system = LockStepSystem(self.judged)
        controller = system.controller
        if self.kind == "random":
            controller.agent = RandomAgent(controller.action, self.seed)
            return [(0, mean_return(system.evaluate(self.episodes)))]
        if self.judged.own("mujoco_sim").get("actuation_delay"):
            raise NoTrueDynamicsError("actuation_delay: pending commands are not supported")
        dynamics = true_dynamics(system.simulator.plant, threads)
        planner = controller.settings.planner
        controller.agent = PlannerAgent(controller.action, planner, self.seed)
        model = TrueModel(controller.observation, controller.action, dynamics)
        try:
            controller.models.use(model, 1, 1)
        except ValueError as error:
            raise NoTrueDynamicsError(str(error)) from None
        return [(0, mean_return(system.evaluate(self.episodes)))]
