"""One learning curve: returns of the model frozen after given numbers of steps."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.cli.bench.kept import Curve, Measurement
from mbrl_ros.evaluation.episodes import Evaluation
from mbrl_ros.system.configuration import Configuration, read_task
from mbrl_ros.system.lock_step import LockStepSystem


@dataclass(frozen=True)
class Evaluated(Measurement):
    """A measurement by whole episodes, the same ones for all of a seed.

    Attributes:
        episodes: number of episodes per evaluation.
        parameters: name to value.
    """

    episodes: int
    parameters: dict[str, object]

    @property
    def configurations(self) -> list[Configuration]:
        """See `Measurement.configurations`: of learning and of the episodes."""
        return [self.learning, self.evaluation.configuration]

    @property
    def learning(self) -> Configuration:
        """The parameters of learning."""
        return read_task(self.task, {**self.parameters, "seed": self.seed})

    @property
    def evaluation(self) -> Evaluation:
        """The episodes."""
        return Evaluation(self.learning, self.episodes)


@dataclass(frozen=True)
class Job(Evaluated):
    """A curve to be learned.

    Attributes:
        points: environment steps after which it is evaluated, increasing.
    """

    points: tuple[int, ...]

    @property
    def method(self) -> str:
        """This project."""
        return "mbrl_ros"

    def measure(self, threads: int) -> Curve:
        """Learn, on one thread.

        Raises:
            ValueError: naming the invalid parameter.
        """
        evaluation, system = self.evaluation, LockStepSystem(self.learning)
        curve = []
        for point in self.points:
            system.run(point)
            played = evaluation.model(system.published)
            curve.append((system.simulator.env_steps, played.returns))
        return curve
