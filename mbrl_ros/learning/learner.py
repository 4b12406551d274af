"""Interface of learners: train on incoming transitions, decide on publishing the model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor

from mbrl_ros.core.records import Frame, Transition
from mbrl_ros.data.outliers import OutlierScreen
from mbrl_ros.models.update import ModelUpdate
from mbrl_ros.objectives.objective import Objective


@dataclass(frozen=True)
class GateDecision:
    """Whether a model may be published, and why.

    Attributes:
        update: the model; None: held back.
        holdout_error: the deciding figure, such as the open-loop error on the hold-out in standard
            deviations; NaN if there is none.
        one_step_error: in standard deviations; NaN if there is none.
        reason: the decision in words.
    """

    update: ModelUpdate | None
    holdout_error: float
    one_step_error: float
    reason: str


class Learner(ABC):
    """Learns from a growing log, one update at a time.

    The caller controls the timing: it calls `take` for each transition, `update` while
    `owed_updates` is at least one, and `judge` when `is_due` is true. A learner that solves for its
    model in `judge` has no updates and no state: it is restored by replaying the log.

    Attributes:
        kind: as the parameter ``learner`` names it; what its models are to say they are.
        received: transitions so far.
        pursues: whether what it learns depends on the objective.
        screen: what `take` sees through; None: it takes everything.
    """

    screen: OutlierScreen | None = None
    kind: str = ""
    received: int = 0
    pursues: bool = False

    def take(self, transition: Transition) -> str:
        """Take the next transition of a log, and learn from it unless a reading is absurd.

        Returns:
            what was found absurd now; empty: nothing.

        Raises:
            ValueError: as `append`.
        """
        if self.screen is None:
            self.append(transition)
            return ""
        before = self.left_out
        for passed in self.screen.feed(transition):
            self.append(passed)
        return self.absurd if self.left_out > before else ""

    @property
    def left_out(self) -> int:
        """Transitions so far that are not learned from, since a reading is absurd."""
        return 0 if self.screen is None else self.screen.left_out

    @property
    def absurd(self) -> str:
        """What was found absurd so far; empty: nothing."""
        return "" if self.screen is None else self.screen.text

    @abstractmethod
    def append(self, transition: Transition) -> None:
        """Add one transition.

        Raises:
            ValueError: for a wrong size or a non-finite number; nothing is changed then.
        """

    def see(self, frame: Frame) -> None:  # noqa: B027
        """Add a frame of ``observation.images``, which may come before or after its transition.

        Raises:
            ValueError: if its image is damaged; nothing is changed then.
        """

    def pursue(self, objective: Objective) -> None:  # noqa: B027
        """Learn for an objective from the next update on, as far as what is learned depends on it.

        Args:
            objective: the present one; told again whenever it has changed.
        """

    @property
    def updates(self) -> int:
        """Updates so far, such as gradient steps."""
        return 0

    @property
    def owed_updates(self) -> float:
        """Updates still owed for the data received so far."""
        return 0.0

    def update(self) -> None:  # noqa: B027
        """Make one update, within milliseconds: the training thread yields in between."""

    @property
    @abstractmethod
    def is_due(self) -> bool:
        """Whether enough was received or learned since the last decision for another one."""

    @abstractmethod
    def judge(self) -> GateDecision:
        """Decide whether the model may be published."""

    @property
    def kept_back(self) -> int:
        """Number of hold-out transitions."""
        return 0

    def take_loss(self) -> float:
        """Return the mean loss since the last call; NaN if there was no update."""
        return float("nan")

    def state(self) -> dict[str, Tensor]:
        """Return the state that, with the newest model and the data, suffices to resume."""
        return {}

    def restore(  # noqa: B027
        self, update: ModelUpdate, state: dict[str, Tensor] | None = None
    ) -> None:
        """Resume from a model published earlier.

        Args:
            update: the model.
            state: returned by `state` then; None: unknown.

        Raises:
            ValueError: if it is corrupt or has other spaces or settings; nothing is changed then.
        """
