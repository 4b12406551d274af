"""The kind ``vae_mdn_rnn``."""

from mbrl_ros.core.kinds import Kind
from mbrl_ros.models.vae_mdn_rnn.settings import VaeMdnRnnSettings

KIND = Kind(
    VaeMdnRnnSettings,
    "mbrl_ros.models.vae_mdn_rnn.network:make_world_model",
    "mbrl_ros.learning.vae_mdn_rnn.learner:VaeMdnRnnLearner",
    sees=True,
    groups={
        "optimizer": "mbrl_ros.learning.latent.settings:LatentOptimizerSettings",
        "gate": "mbrl_ros.learning.latent.settings:LatentGateSettings",
        "policy": "mbrl_ros.learning.vae_mdn_rnn.settings:EvolutionSettings",
    },
)
