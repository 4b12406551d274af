"""The kind ``ensemble``."""

from mbrl_ros.core.kinds import Kind
from mbrl_ros.models.ensemble.settings import EnsembleSettings

KIND = Kind(
    EnsembleSettings,
    "mbrl_ros.models.packing:make_world_model",
    "mbrl_ros.learning.one_step:make_one_step_learner",
    corrects=True,
)
