"""Interface of networks that predict normalised targets."""

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
        """Reset to an untrained state, with new random weights."""

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
        """Change input units (``old = ratio * new + shift``) without changing predictions.

        Args:
            shift: shape ``(input,)``.
            ratio: shape ``(input,)``.
        """

    @abstractmethod
    def rescale(self, shift: Tensor, ratio: Tensor) -> None:
        """Change output units: ``new = ratio * old + shift``.

        Args:
            shift: shape ``(O,)``.
            ratio: shape ``(O,)``.
        """

    def make_room(self, shapes: Mapping[str, torch.Size]) -> None:
        """Resize tensors of variable size to tensors that are about to be loaded.

        Args:
            shapes: by name; the loader rejects those that do not fit.
        """
