"""The learner of one-step models, with a policy or without."""

from __future__ import annotations

from mbrl_ros.core.spaces import Space
from mbrl_ros.learning.dynamics_learner import DynamicsLearner
from mbrl_ros.learning.learner import Learner
from mbrl_ros.learning.policy.learner import PolicyLearner
from mbrl_ros.learning.settings import TrainerSettings
from mbrl_ros.models.prior import Prior


def make_one_step_learner(
    observation: Space,
    action: Space,
    settings: TrainerSettings,
    seed: int,
    prior: Prior | None = None,
) -> Learner:
    """Return the learner of the settings; arguments as for `DynamicsLearner`.

    Raises:
        ValueError: if the settings do not suit the spaces.
    """
    learner = PolicyLearner if settings.policy.learn else DynamicsLearner
    return learner(observation, action, settings, seed, prior)
