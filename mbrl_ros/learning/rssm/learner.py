"""Online learning of a recurrent state-space model."""

from __future__ import annotations

from typing import ClassVar

from mbrl_ros.learning.latent.learner import LatentLearner
from mbrl_ros.learning.rssm.behaviour import BehaviourTrainer
from mbrl_ros.learning.rssm.training import loss_of
from mbrl_ros.models.latent.network import LatentNetwork
from mbrl_ros.models.rssm.network import Rssm


class RssmLearner(LatentLearner):
    """Trains a recurrent state-space model, and with ``policy.learn`` actor and critic in it."""

    network_type: ClassVar[type[LatentNetwork]] = Rssm
    loss = staticmethod(loss_of)
    make_dreamer = staticmethod(BehaviourTrainer)
