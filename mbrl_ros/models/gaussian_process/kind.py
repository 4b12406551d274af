"""The kind ``gaussian_process``."""

from mbrl_ros.core.kinds import Kind
from mbrl_ros.models.gaussian_process.settings import GaussianProcessSettings

KIND = Kind(
    GaussianProcessSettings,
    "mbrl_ros.models.packing:make_world_model",
    "mbrl_ros.learning.one_step:make_one_step_learner",
    corrects=True,
)
