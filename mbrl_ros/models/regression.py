"""Small networks from one vector to another."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional

from mbrl_ros.data.segments import Batch
from mbrl_ros.models.ensemble.networks import DeterministicEnsemble
from mbrl_ros.models.normalizing import take_inputs, take_targets

_RATE = 2e-3
_DECAY = 1e-3


class _Network(nn.Module):
    """K networks with normalised inputs, trained on the same data from other random weights.

    Attributes:
        count: K.
    """

    input_mean: Tensor
    input_std: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        hidden: list[int],
        generator: torch.Generator | None = None,
        count: int = 1,
    ) -> None:
        """Create networks with random weights.

        Args:
            inputs: input size.
            outputs: output size.
            hidden: units of each hidden layer.
            generator: of the weights.
            count: K.
        """
        super().__init__()
        self.count = count
        self._network = DeterministicEnsemble(inputs, outputs, count, hidden)
        self._network.initialize(generator)
        self.register_buffer("input_mean", torch.zeros(inputs))
        self.register_buffer("input_std", torch.ones(inputs))

    def optimizer(self) -> torch.optim.Optimizer:
        """Return a new optimiser of its parameters."""
        parameters = self._network.parameters()
        return torch.optim.AdamW(parameters, lr=_RATE, weight_decay=_DECAY, fused=True)

    def _say(self, inputs: Tensor) -> Tensor:
        """Return what every network says, from shape ``(..., inputs)`` to ``(K, ..., outputs)``."""
        return self._say_own(inputs.expand(self.count, *inputs.shape))

    def _say_own(self, inputs: Tensor) -> Tensor:
        """Return what each of the first M networks says, ``(M, ..., inputs)`` of its own inputs."""
        normalized = (inputs - self.input_mean) / self.input_std
        mean, _ = self._network(normalized.reshape(len(inputs), -1, inputs.shape[-1]))
        return mean.reshape(*inputs.shape[:-1], -1)


class HeadsTrainer(ABC):
    """Trains networks beside the dynamics on the same batches.

    Attributes:
        optimizers: one per network.
    """

    def __init__(self, *heads: _Network) -> None:
        self.optimizers = [head.optimizer() for head in heads]

    @abstractmethod
    def normalize_from(self, data: Batch) -> None:
        """Set means and standard deviations from data of shape ``(N, ...)``."""

    @abstractmethod
    def update(self, data: Batch) -> None:
        """Make one gradient step with each network on a batch of shape ``(B, ...)``."""


class Regression(_Network):
    """Predicts means."""

    output_mean: Tensor
    output_std: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        hidden: list[int],
        generator: torch.Generator | None = None,
        count: int = 1,
    ) -> None:
        """See `_Network`."""
        super().__init__(inputs, outputs, hidden, generator, count)
        self.register_buffer("output_mean", torch.zeros(outputs))
        self.register_buffer("output_std", torch.ones(outputs))

    @torch.no_grad()
    def normalize_from(self, inputs: Tensor, outputs: Tensor, unit: Tensor | None = None) -> None:
        """Set means and standard deviations from data, ``(N, inputs)`` and ``(N, outputs)``.

        Args:
            inputs: of the network.
            outputs: that it is to predict.
            unit: as for `take_targets`.
        """
        take_inputs(self.input_mean, self.input_std, inputs)
        take_targets(self.output_mean, self.output_std, outputs, unit)

    def forward(self, inputs: Tensor) -> Tensor:
        """Predict, from shape ``(..., inputs)`` to ``(..., outputs)``; differentiable."""
        return self._say(inputs).mean(dim=0) * self.output_std + self.output_mean

    def own(self, inputs: Tensor) -> Tensor:
        """Predict with each of the first M networks, of its own inputs ``(M, ..., inputs)``."""
        return self._say_own(inputs) * self.output_std + self.output_mean

    def update(self, optimizer: torch.optim.Optimizer, inputs: Tensor, outputs: Tensor) -> None:
        """Make a gradient step on a batch, ``(B, inputs)`` and ``(B, outputs)``."""
        error = self._say(inputs) - (outputs - self.output_mean) / self.output_std
        optimizer.zero_grad()
        (error.square().mean() * self.count).backward()
        optimizer.step()


class Classification(_Network):
    """Predicts probabilities."""

    def __init__(
        self,
        inputs: int,
        hidden: list[int],
        generator: torch.Generator | None = None,
        count: int = 1,
    ) -> None:
        """See `_Network`."""
        super().__init__(inputs, 1, hidden, generator, count)

    @torch.no_grad()
    def normalize_from(self, inputs: Tensor) -> None:
        """Set means and standard deviations from data, ``(N, inputs)``."""
        take_inputs(self.input_mean, self.input_std, inputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """Predict, from shape ``(..., inputs)`` to ``(..., 1)``; differentiable."""
        return torch.sigmoid(self._say(inputs)).mean(dim=0)

    def own(self, inputs: Tensor) -> Tensor:
        """Predict with each of the first M networks, of its own inputs ``(M, ..., inputs)``."""
        return torch.sigmoid(self._say_own(inputs))

    def update(self, optimizer: torch.optim.Optimizer, inputs: Tensor, outputs: Tensor) -> None:
        """Make a gradient step on a batch, ``(B, inputs)`` and ones or zeros ``(B, 1)``."""
        said = self._say(inputs)
        loss = functional.binary_cross_entropy_with_logits(said, outputs.expand_as(said))
        optimizer.zero_grad()
        (loss * self.count).backward()
        optimizer.step()
