"""What predicts normalised targets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Predictor(nn.Module, ABC):
    """M functions from normalised inputs to normalised targets.

    Attributes:
        members: M.
        output_dim: O.
    """

    members: int
    output_dim: int

    @abstractmethod
    def initialize(self, generator: torch.Generator | None = None) -> None:
        """Forget what was learned, and draw what is random."""

    @abstractmethod
    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Predict for a batch.

        Args:
            inputs: shape ``(M, B, input)``, normalised.

        Returns:
            mean and log-variance, each of shape ``(M, B, O)``, normalised.
        """

    @abstractmethod
    def change_inputs(self, shift: Tensor, ratio: Tensor) -> None:
        """Take inputs in other units: what was told so far was ``ratio`` times that, and shifted.

        Args:
            shift: shape ``(input,)``.
            ratio: shape ``(input,)``.
        """

    @abstractmethod
    def rescale(self, shift: Tensor, ratio: Tensor) -> None:
        """Express predictions in other units: ``ratio`` times as large, and then shifted.

        Args:
            shift: shape ``(O,)``.
            ratio: shape ``(O,)``.
        """

    def make_room(self, shapes: Mapping[str, torch.Size]) -> None:
        """Take on the sizes of tensors that are to be loaded, where they are not fixed.

        Args:
            shapes: by name; those that do not fit are left for who loads them to refuse.
        """
