"""The kind ``tabular``."""

from mbrl_ros.core.kinds import Kind
from mbrl_ros.models.tabular.settings import TabularSettings

KIND = Kind(
    TabularSettings,
    "mbrl_ros.models.tabular.packing:make_world_model",
    "mbrl_ros.learning.tabular.learner:TabularLearner",
)
