"""What is learned in imagination of what to do."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import nn

from mbrl_ros.models.actor_critic.actor_critic import NOTHING
from mbrl_ros.models.heads import Policy, Value


class LatentBehaviour(nn.Module, ABC):
    """Networks that read features, and tell what to do or to expect.

    Attributes:
        objective: digest of what they were learned for; `NOTHING`: for none yet.
    """

    def __init__(self) -> None:
        super().__init__()
        self.objective = NOTHING

    @abstractmethod
    def initialize(self, generator: torch.Generator) -> None:
        """Draw new weights."""

    @abstractmethod
    def heads(self) -> tuple[Policy, Value | None]:
        """Return them as a policy and, if there is one, a value."""
