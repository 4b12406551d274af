"""Online learning of VAE, mixture density RNN and controller."""

from __future__ import annotations

from typing import ClassVar

from mbrl_ros.learning.latent.learner import LatentLearner
from mbrl_ros.learning.vae_mdn_rnn.evolution import Evolution
from mbrl_ros.learning.vae_mdn_rnn.training import loss_of
from mbrl_ros.models.latent.network import LatentNetwork
from mbrl_ros.models.vae_mdn_rnn.network import VaeMdnRnn


class VaeMdnRnnLearner(LatentLearner):
    """Trains V and M, and with ``policy.learn`` evolves C in the dream."""

    network_type: ClassVar[type[LatentNetwork]] = VaeMdnRnn
    loss = staticmethod(loss_of)
    make_dreamer = staticmethod(Evolution)
