"""One learning curve: returns of the model frozen after given numbers of steps."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.cli.bench.kept import Curve, Measurement
from mbrl_ros.system.configuration import Configuration, read_task
from mbrl_ros.system.lock_step import LockStepSystem, mean_return

# Evaluations start from states of their own: for every seed others, the same for all of its points
# and references.
EVALUATION_SEED = 1_000_003


@dataclass(frozen=True)
class Evaluated(Measurement):
    """A measurement by whole episodes, the same ones for all of a seed.

    Attributes:
        episodes: number of episodes per evaluation.
        parameters: name to value, for learning and evaluation.
        evaluation: name to value, for the evaluation only.
    """

    episodes: int
    parameters: dict[str, object]
    evaluation: dict[str, object]

    @property
    def configurations(self) -> list[Configuration]:
        """See `Measurement.configurations`: of learning and of the episodes."""
        return [read_task(self.task, self.parameters), self.judged]

    @property
    def judged(self) -> Configuration:
        """The parameters of the episodes."""
        overrides = {**self.parameters, **self.evaluation, "seed": EVALUATION_SEED + self.seed}
        return read_task(self.task, overrides)


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
        system = LockStepSystem(read_task(self.task, {**self.parameters, "seed": self.seed}))
        system.check_ends()
        curve = []
        for point in self.points:
            system.run(point)
            curve.append((system.simulator.env_steps, self._return(system)))
        return curve

    def _return(self, learned: LockStepSystem) -> float:
        """Return the mean return of whole episodes with the newest model that passed its gate.

        The plant used for learning is not affected.
        """
        judge = LockStepSystem(self.judged)
        if learned.published is not None:
            judge.controller.models.offer(learned.published, 1, 1)
        return mean_return(judge.evaluate(self.episodes))
