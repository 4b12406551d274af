"""The kind ``rssm``."""

from mbrl_ros.core.kinds import Kind
from mbrl_ros.models.rssm.settings import RssmSettings

KIND = Kind(
    RssmSettings,
    "mbrl_ros.models.rssm.network:make_world_model",
    "mbrl_ros.learning.rssm.learner:RssmLearner",
    sees=True,
    groups={
        "optimizer": "mbrl_ros.learning.latent.settings:LatentOptimizerSettings",
        "gate": "mbrl_ros.learning.latent.settings:LatentGateSettings",
        "policy": "mbrl_ros.learning.rssm.settings:RssmPolicySettings",
    },
)
