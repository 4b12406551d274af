"""What every learner is: takes transitions as they come, and judges what it has made of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor

from mbrl_ros.core.records import Transition
from mbrl_ros.models.update import ModelUpdate


@dataclass(frozen=True)
class GateDecision:
    """Whether a model may be published, and why.

    Attributes:
        update: the model, or None if it is held back.
        holdout_error: the figure that decided, such as the open-loop error on the hold-out in
            standard deviations; NaN where there is none.
        one_step_error: error of single steps, in standard deviations; NaN where there is none.
        reason: the decision in words.
    """

    update: ModelUpdate | None
    holdout_error: float
    one_step_error: float
    reason: str


class Learner(ABC):
    """Learns from a growing log, an update at a time.

    The caller owns the time: it calls `append` for each transition, `update` while
    `owed_updates` is at least one, and `judge` when `is_due` says so. A learner that solves for its
    model when it judges has no updates, and nothing to restore: the log is given to it again.

    Attributes:
        kind: as the parameter ``learner`` names it; what its models are to say they are.
        received: transitions so far.
    """

    kind: str = ""
    received: int = 0

    @abstractmethod
    def append(self, transition: Transition) -> None:
        """Take in one transition.

        Raises:
            ValueError: for a wrong size or a number that is not finite, with nothing changed.
        """

    @property
    def updates(self) -> int:
        """Updates so far, such as gradient steps."""
        return 0

    @property
    def owed_updates(self) -> float:
        """Updates that the data received so far still calls for."""
        return 0.0

    def update(self) -> None:  # noqa: B027
        """Learn a little, within milliseconds: whoever trains gives way in between."""

    @property
    @abstractmethod
    def is_due(self) -> bool:
        """Whether enough has come in or been learned since the last decision for another one."""

    @abstractmethod
    def judge(self) -> GateDecision:
        """Decide whether what was learned may be published."""

    @property
    def kept_back(self) -> int:
        """Transitions that nothing is learned from, since models are judged by them."""
        return 0

    def take_loss(self) -> float:
        """Return the mean loss since the last call, NaN if there was no update."""
        return float("nan")

    def state(self) -> dict[str, Tensor]:
        """Return what, with the newest model and the data, is needed to go on where it is."""
        return {}

    def restore(  # noqa: B027
        self, update: ModelUpdate, state: dict[str, Tensor] | None = None
    ) -> None:
        """Continue from a model that was published earlier.

        Args:
            update: to go on with.
            state: as `state` returned it then; None: unknown.

        Raises:
            ValueError: if it is damaged or of other spaces or settings, with nothing changed.
        """
