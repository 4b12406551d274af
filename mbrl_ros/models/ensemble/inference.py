"""Fast mean predictions of an ensemble, without gradients."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.ensemble.folding import folded_last_layer, folded_layers
from mbrl_ros.models.inference import Scratch

# Matrix products with few columns are slow: 5 columns take twice as long as 16.
_COLUMNS = 16
# Multiply-adds per layer from which oneDNN's fused linear layer and activation is faster.
_FUSED_WORK = 1_800_000


class MeanNetwork:
    """An ensemble's `Mean`, in float32 by torch's own choice of library: the reference."""

    def __init__(self, model: DynamicsModel, members: int | None = None) -> None:
        """Copy a model's present weights.

        Args:
            model: to predict with.
            members: number of members to use, the first ones; None: all.
        """
        *hidden, (weight, bias) = folded_layers(model, members)
        self._layers = [*hidden, (_widened(weight), _widened(bias))]
        self.members = len(weight)
        self.device = weight.device
        self._outputs = model.observation.dim
        self._scratch = Scratch(self.device)
        # The layers between hidden ones, member by member, in oneDNN's layout.
        self._fused = [
            [_packed(weight[m], bias[m, 0]) for weight, bias in self._layers[1:-1]]
            for m in range(self.members if _has_fused(self.device) else 0)
        ]

    def renew_last_layer(self, model: DynamicsModel) -> None:
        """Copy the last layer of a model whose other weights are unchanged."""
        weight, bias = folded_last_layer(model, self.members)
        self._layers[-1] = _widened(weight), _widened(bias)

    def for_rows(self, n: int) -> Callable[[Tensor], Tensor]:
        """See `Mean.for_rows`."""
        outs = self._outs(n)
        between = max((weight[0].numel() for weight, _ in self._layers[1:-1]), default=0)
        if self._fused and between and n * between >= _FUSED_WORK:
            return lambda inputs: self._fused_into(outs[0], outs[-1], inputs)
        return lambda inputs: self._stacked_into(outs, inputs)

    def _outs(self, n: int) -> list[Tensor]:
        """Return the buffer of each layer's output."""
        return [
            self._scratch.take(f"layer {i}", self.members, n, weight.shape[-1])
            for i, (weight, _) in enumerate(self._layers)
        ]

    def _stacked_into(self, outs: list[Tensor], x: Tensor) -> Tensor:
        *hidden, (last_weight, last_bias) = self._layers
        for (weight, bias), out in zip(hidden, outs, strict=False):
            x = functional.silu(torch.baddbmm(bias, x, weight, out=out), inplace=True)
        return torch.baddbmm(last_bias, x, last_weight, out=outs[-1])[..., : self._outputs]

    def _fused_into(self, first: Tensor, last: Tensor, inputs: Tensor) -> Tensor:
        linear = torch.ops.mkldnn._linear_pointwise
        (weight, bias), *_, (last_weight, last_bias) = self._layers
        functional.silu(torch.baddbmm(bias, inputs, weight, out=first), inplace=True)
        for m, layers in enumerate(self._fused):
            x = first[m]
            for packed, offset in layers:
                x = linear(x, packed, offset, "swish", [], "")
            torch.addmm(last_bias[m], x, last_weight[m], out=last[m])
        return last[..., : self._outputs]


def _packed(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Return a layer in oneDNN's layout."""
    turned = weight.T.contiguous()
    return torch.ops.mkldnn._reorder_linear_weight(turned, None), bias.contiguous()


def _widened(last: Tensor) -> Tensor:
    """Pad the columns of the last layer with zeros to a multiple of `_COLUMNS`."""
    return functional.pad(last, (0, -last.shape[-1] % _COLUMNS)).contiguous()


def _has_fused(device: torch.device) -> bool:
    """Return whether the oneDNN operators of torch's compiler exist and work here."""
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    one = torch.ones(1, 1)
    try:
        weight, bias = _packed(one, one[0])
        torch.ops.mkldnn._linear_pointwise(one, weight, bias, "swish", [], "")
    except (AttributeError, RuntimeError, NotImplementedError):
        return False
    return True
