"""References for learning: random actions, and the same planner on the true dynamics."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.cli.bench.curve import Evaluated
from mbrl_ros.cli.bench.kept import Curve


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
        if self.kind == "random":
            return [(0, self.evaluation.random().returns)]
        return [(0, self.evaluation.true_dynamics(threads).returns)]
