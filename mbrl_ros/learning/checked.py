"""Learners by the kind's name; one of a user's own is checked where it answers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
from torch import Tensor

from mbrl_ros.core.extensions import ExtensionError, describe
from mbrl_ros.core.kinds import KINDS, find_kind
from mbrl_ros.core.pending import calling
from mbrl_ros.core.records import Frame, Transition
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.outliers import OutlierScreen
from mbrl_ros.learning.learner import GateDecision, Learner
from mbrl_ros.models.prior import Prior
from mbrl_ros.models.update import ModelUpdate
from mbrl_ros.objectives.objective import Objective

# Updates without data in between, none of which lowers what is owed.
_MOST_IN_VAIN = 1000


def make_learner(
    name: str,
    observation: Space,
    action: Space,
    settings: Any,
    seed: int,
    prior: Prior | None = None,
) -> Learner:
    """Return the learner of a kind.

    Args:
        name: as for `find_kind`; its models will travel under it.
        observation: O dimensions.
        action: A dimensions.
        settings: of the trainer, for this kind.
        seed: of all randomness.
        prior: of the task; None: there is none.

    Raises:
        ValueError: in one line, if there is none of that name or the arguments do not fit.
    """
    learner = find_kind(name).make_learner(observation, action, settings, seed, prior)
    if name not in KINDS:
        learner = CheckedLearner(learner, f"learner '{name}'")
    learner.kind = name
    if settings.replay.screen:
        # Before so many, nothing is learned anyway.
        first = settings.gate.first_transitions // 2
        learner.screen = OutlierScreen(observation, action, first)
    return learner


class CheckedLearner(Learner):
    """A user's learner, of which everything is checked that it answers; see `Learner`.

    What it raises and what is not as it must be is an `ExtensionError`, but for the ValueError
    that `append` and `restore` may raise.
    """

    def __init__(self, learner: Any, who: str) -> None:
        """Check it.

        Args:
            learner: a user's.
            who: it is, in messages.

        Raises:
            ExtensionError: if it is none.
        """
        self._who, self._learner = who, learner
        self._in_vain = 0
        if not isinstance(learner, Learner):
            self._refuse("its learner", "a Learner", learner)
        self.pursues = bool(learner.pursues)

    @property
    def kind(self) -> str:
        """See `Learner`."""
        return str(self._learner.kind)

    @kind.setter
    def kind(self, name: str) -> None:
        self._learner.kind = name

    @property
    def received(self) -> int:  # type: ignore[override]
        """See `Learner`."""
        return int(self._number("received"))

    @property
    def updates(self) -> int:
        """See `Learner.updates`."""
        return int(self._number("updates"))

    @property
    def owed_updates(self) -> float:
        """See `Learner.owed_updates`."""
        return float(self._number("owed_updates"))

    @property
    def kept_back(self) -> int:
        """See `Learner.kept_back`."""
        return int(self._number("kept_back"))

    @property
    def is_due(self) -> bool:
        """See `Learner.is_due`."""
        due = self._ask("is_due", lambda: self._learner.is_due)
        if not isinstance(due, bool | np.bool_):
            self._refuse("is_due", "true or false", due)
        return bool(due)

    def append(self, transition: Transition) -> None:
        """See `Learner.append`."""
        self._in_vain = 0
        self._ask("append", lambda: self._learner.append(transition), ValueError)

    def see(self, frame: Frame) -> None:
        """See `Learner.see`."""
        self._ask("see", lambda: self._learner.see(frame), ValueError)

    def pursue(self, objective: Objective) -> None:
        """See `Learner.pursue`."""
        self._ask("pursue", lambda: self._learner.pursue(objective))

    def update(self) -> None:
        """See `Learner.update`."""
        owed = self.owed_updates
        self._ask("update", self._learner.update)
        self._in_vain = self._in_vain + 1 if self.owed_updates >= owed else 0
        if self._in_vain == _MOST_IN_VAIN:
            # Who waits until none is owed would wait for ever.
            fewer = f"fewer owed_updates after {_MOST_IN_VAIN} calls"
            self._refuse("update", fewer, self.owed_updates)

    def judge(self) -> GateDecision:
        """See `Learner.judge`."""
        decision = self._ask("judge", self._learner.judge)
        if not isinstance(decision, GateDecision):
            self._refuse("judge", "a GateDecision", decision)
        if not isinstance(decision.update, ModelUpdate | None):
            self._refuse("judge: update", "a ModelUpdate or None", decision.update)
        if not isinstance(decision.reason, str):
            self._refuse("judge: reason", "text", decision.reason)
        one_step = self._as_number("judge: one_step_error", decision.one_step_error, nan=True)
        error = self._as_number("judge: holdout_error", decision.holdout_error, nan=True)
        return GateDecision(decision.update, error, one_step, decision.reason)

    def take_loss(self) -> float:
        """See `Learner.take_loss`."""
        loss = self._ask("take_loss", self._learner.take_loss)
        return self._as_number("take_loss", loss, nan=True)

    def state(self) -> dict[str, Tensor]:
        """See `Learner.state`."""
        state = self._ask("state", self._learner.state)
        if not isinstance(state, dict) or not all(
            isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
        ):
            self._refuse("state", "names to tensors", state)
        return dict(state)

    def restore(self, update: ModelUpdate, state: dict[str, Tensor] | None = None) -> None:
        """See `Learner.restore`."""
        self._ask("restore", lambda: self._learner.restore(update, state), ValueError)

    def _number(self, name: str) -> float:
        return self._as_number(name, self._ask(name, lambda: getattr(self._learner, name)))

    def _as_number(self, name: str, value: Any, nan: bool = False) -> float:
        """Return a number; at least 0 and finite, unless it may be unknown."""
        try:
            number = float(value)
        except (TypeError, ValueError, RuntimeError):
            self._refuse(name, "a number", value)
        if not nan and not 0 <= number <= sys.maxsize:
            self._refuse(name, "a number >= 0", value)
        return number

    def _ask(self, name: str, function: Callable[[], Any], *allowed: type[Exception]) -> Any:
        try:
            with calling(f"{self._who}: {name}"):
                return function()
        except allowed:
            raise
        except Exception as error:
            raise ExtensionError(f"{self._who}: {name}: {describe(error)}") from error

    def _refuse(self, name: str, expected: str, got: Any) -> NoReturn:
        text = " ".join(repr(got).split())
        raise ExtensionError(f"{self._who}: {name}: expected {expected}, got {text[:60]}")
