"""Terms of a learned reward model."""

from __future__ import annotations

from torch import Tensor

from mbrl_ros.models.world_model import UnlearnedError
from mbrl_ros.objectives.batch import Batch
from mbrl_ros.objectives.term import Term
from mbrl_ros.objectives.term_settings import TermSettings


class LearnedReward(Term[TermSettings]):
    """The plant's reward, as predicted by the model."""

    def value(self, batch: Batch) -> Tensor:
        """See `Term.value`.

        Raises:
            UnlearnedError: if the model has not learned it.
        """
        if batch.imagined is not None and batch.imagined.rewards is not None:
            return batch.imagined.rewards
        reward_model = batch.reward_model
        if reward_model is None or not reward_model.has_reward:
            raise UnlearnedError(
                "learned_reward: the model has learned no reward: expected model.reward_model of "
                "the trainer to be true, and a plant with a reward"
            )
        return reward_model.reward(*batch.steps, own=batch.imagined is not None)


class LearnedSurvival(Term[TermSettings]):
    """The probability of continuation, which weights the rewards of later steps.

    It is 1 until a termination has been observed.
    """

    def value(self, batch: Batch) -> Tensor:
        """See `Term.value`.

        Raises:
            UnlearnedError: if the model does not learn it.
        """
        if batch.imagined is not None and batch.imagined.continues is not None:
            return batch.imagined.continues
        reward_model = batch.reward_model
        if reward_model is None:
            raise UnlearnedError(
                "learned_survival: the model learns no termination: expected "
                "model.reward_model of the trainer to be true"
            )
        before, action, after = batch.steps
        if not reward_model.has_termination:
            return after.new_ones(after.shape[:-1])
        own = batch.imagined is not None
        return 1.0 - reward_model.termination(before, action, after, own)
