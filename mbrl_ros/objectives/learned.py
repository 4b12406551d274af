"""Terms that a model has learned from the plant."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from mbrl_ros.objectives.batch import Batch
from mbrl_ros.objectives.term import Term
from mbrl_ros.objectives.term_settings import TermSettings


class UnlearnedError(ValueError):
    """A term asks for what no model has learned yet."""


class Outcomes(Protocol):
    """What a model has learned of steps; observations ``(..., O)`` and actions ``(..., A)``."""

    @property
    def has_reward(self) -> bool:
        """Whether a reward has been learned."""

    @property
    def has_termination(self) -> bool:
        """Whether an end of the task has been learned."""

    def reward(self, before: Tensor, action: Tensor, after: Tensor) -> Tensor:
        """Return the reward of each step, shape ``(...)``."""

    def termination(self, before: Tensor, action: Tensor, after: Tensor) -> Tensor:
        """Return the probability that a step ends the task, shape ``(...)``."""


class LearnedReward(Term[TermSettings]):
    """The reward that the plant pays, as the model has learned it."""

    def value(self, batch: Batch) -> Tensor:
        """See `Term.value`.

        Raises:
            UnlearnedError: if the model has learned none.
        """
        outcomes = batch.outcomes
        if outcomes is None or not outcomes.has_reward:
            raise UnlearnedError(
                "learned_reward: the model has learned no reward: expected model.outcomes of "
                "the trainer to be true, and a plant that pays one"
            )
        return outcomes.reward(*batch.steps)


class LearnedSurvival(Term[TermSettings]):
    """The probability that the task goes on; what is paid after a step counts by it.

    Until an end of the task has been seen, none is expected.
    """

    def value(self, batch: Batch) -> Tensor:
        """See `Term.value`.

        Raises:
            UnlearnedError: if the model learns nothing of the kind.
        """
        outcomes = batch.outcomes
        if outcomes is None:
            raise UnlearnedError(
                "learned_survival: the model learns no ends of the task: expected "
                "model.outcomes of the trainer to be true"
            )
        before, action, after = batch.steps
        if not outcomes.has_termination:
            return after.new_ones(after.shape[:-1])
        return 1.0 - outcomes.termination(before, action, after)
