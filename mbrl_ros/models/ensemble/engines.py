"""Ways to compute an ensemble's mean; which is the fastest depends on the CPU and the size."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.ensemble.inference import MeanNetwork
from mbrl_ros.models.ensemble.networks import Ensemble
from mbrl_ros.models.inference import Scratch

# For fewer rows no other engine is faster, and what is predicted of a single one, which is where
# a plan begins, stays exact.
_ROWS = 16
# Layers from which there is a product between hidden ones.
_LAYERS = 3

_MKLDNN: Any = torch.backends.mkldnn


class _OtherProducts(MeanNetwork):
    """Has its own products between hidden layers.

    The first and the last layer, which see and make the state, are float32 as ever.
    """

    @abstractmethod
    def _between(self, outs: list[Tensor]) -> Callable[[Tensor], Tensor]:
        """Return the function from the first hidden layer's output to that of the last one.

        Args:
            outs: buffers of all layers' outputs.
        """

    def for_rows(self, n: int) -> Callable[[Tensor], Tensor]:
        """See `Mean.for_rows`."""
        if n < _ROWS or len(self._layers) < _LAYERS:
            return super().for_rows(n)
        outs = self._outs(n)
        between = self._between(outs)

        def predict(inputs: Tensor) -> Tensor:
            (weight, bias), *_, (last_weight, last_bias) = self._layers
            first = torch.baddbmm(bias, inputs, weight, out=outs[0])
            x = between(functional.silu(first, inplace=True))
            return torch.baddbmm(last_bias, x, last_weight, out=outs[-1])[..., : self._outputs]

        return predict


class OneDnnNetwork(_OtherProducts):
    """Products by oneDNN, which has wider vectors than MKL on CPUs that are not Intel's.

    It may round factors to bfloat16 where the CPU has matrix units for that; sums are float32.
    """

    def _between(self, outs: list[Tensor]) -> Callable[[Tensor], Tensor]:
        inner, matmul = self._layers[1:-1], _MKLDNN.matmul

        def between(x: Tensor) -> Tensor:
            # To allow it less precision is what has torch ask oneDNN at all. It holds for all
            # threads, but only for as long as this takes.
            matmul.fp32_precision = "bf16"
            try:
                for (weight, bias), out in zip(inner, outs[1:], strict=False):
                    x = functional.silu(torch.baddbmm(bias, x, weight, out=out), inplace=True)
            finally:
                matmul.fp32_precision = "none"
            return x

        return between


class Bfloat16Network(_OtherProducts):
    """Products of bfloat16 factors, summed in float32."""

    def __init__(self, model: DynamicsModel, members: int | None = None) -> None:
        """See `MeanNetwork`."""
        super().__init__(model, members)
        self._inner = [(weight.bfloat16(), bias.bfloat16()) for weight, bias in self._layers[1:-1]]
        self._narrow = Scratch(self.device, torch.bfloat16)

    def _between(self, outs: list[Tensor]) -> Callable[[Tensor], Tensor]:
        narrow = [self._narrow.take(f"layer {i}", *out.shape) for i, out in enumerate(outs[:-1])]

        def between(first: Tensor) -> Tensor:
            x = narrow[0].copy_(first)
            for k, ((weight, bias), out) in enumerate(zip(self._inner, narrow[1:], strict=True)):
                if k:
                    functional.silu(x, inplace=True)
                x = torch.baddbmm(bias, x, weight, out=out)
            return functional.silu(outs[-2].copy_(x), inplace=True)

        return between


#: By name; the first is the reference.
ENGINES: dict[str, type[MeanNetwork]] = {
    "float32": MeanNetwork,
    "onednn": OneDnnNetwork,
    "bfloat16": Bfloat16Network,
}


def engines_of(model: DynamicsModel) -> tuple[str, ...]:
    """Return the names of the engines that make a difference to a model where it is."""
    network = model.network
    assert isinstance(network, Ensemble)
    if len(network.weights) < _LAYERS or model.low.device.type != "cpu":
        return ("float32",)
    # Before torch 2.9 the precision of products could not be set for oneDNN alone.
    has_onednn = _MKLDNN.is_available() and hasattr(_MKLDNN, "matmul")
    return tuple(name for name in ENGINES if name != "onednn" or has_onednn)
