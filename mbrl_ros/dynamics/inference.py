"""A trained model arranged for speed: the mean of its predictions only, no gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from mbrl_ros.dynamics.folding import folded_functions, folded_layers
from mbrl_ros.dynamics.model import DynamicsModel
from mbrl_ros.dynamics.process import LEAST_EXPONENT, GaussianProcess

# A product with few columns runs at a fraction of the usual speed: 5 take twice as long as 16.
_COLUMNS = 16
# From so many multiply-adds in a layer on, oneDNN's product with the activation built in is
# the faster one.
_FUSED_WORK = 1_800_000


class Scratch:
    """Memory that is used again and again; it grows to the largest need."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._memory: dict[str, Tensor] = {}

    def take(self, name: str, *shape: int) -> Tensor:
        """Return memory of a shape; what it was used for under this name is overwritten."""
        size = math.prod(shape)
        if name not in self._memory or self._memory[name].numel() < size:
            self._memory[name] = torch.empty(size, device=self._device)
        return self._memory[name][:size].view(shape)


class Mean(Protocol):
    """Predicts targets (see `Encoding.target`) in SI units, with every member.

    docs/performance.md has the measurements behind how.

    Attributes:
        members: M.
        device: where it computes.
    """

    members: int
    device: torch.device

    def for_rows(self, n: int) -> Callable[[Tensor], Tensor]:
        """Return the function that predicts for n rows per member.

        It takes inputs as `Encoding` writes them, shape ``(M, n, input_dim)``, and returns
        targets, shape ``(M, n, O)``, which its next call overwrites.
        """


def make_mean(model: DynamicsModel, members: int | None = None) -> Mean:
    """Return what predicts as a model does now.

    Args:
        model: to predict with.
        members: how many of its members to use, the first ones; None: all.
    """
    if isinstance(model.network, GaussianProcess):
        return MeanProcess(model, members)
    return MeanNetwork(model, members)


class MeanNetwork:
    """An ensemble's `Mean`."""

    def __init__(self, model: DynamicsModel, members: int | None = None) -> None:
        """Take over a model's present weights.

        Args:
            model: to predict with.
            members: how many of its members to use, the first ones; None: all.
        """
        *hidden, (weight, bias) = folded_layers(model, members)
        self._layers = [*hidden, (_widened(weight), _widened(bias))]
        self.members = len(weight)
        self.device = weight.device
        self._outputs = model.observation.dim
        self._scratch = Scratch(self.device)
        # The layers between hidden ones, member by member, as oneDNN wants them.
        self._fused = [
            [_packed(weight[m], bias[m, 0]) for weight, bias in self._layers[1:-1]]
            for m in range(self.members if _has_fused(self.device) else 0)
        ]

    def renew_last_layer(self, model: DynamicsModel) -> None:
        """Take over the last layer of a model, whose other weights are those of before."""
        weight, bias = folded_layers(model, self.members)[-1]
        self._layers[-1] = _widened(weight), _widened(bias)

    def for_rows(self, n: int) -> Callable[[Tensor], Tensor]:
        """See `Mean.for_rows`."""
        outs = [
            self._scratch.take(f"layer {i}", self.members, n, weight.shape[-1])
            for i, (weight, _) in enumerate(self._layers)
        ]
        between = max((weight[0].numel() for weight, _ in self._layers[1:-1]), default=0)
        if self._fused and between and n * between >= _FUSED_WORK:
            return lambda inputs: self._fused_into(outs[0], outs[-1], inputs)
        return lambda inputs: self._stacked_into(outs, inputs)

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


class MeanProcess:
    """A Gaussian process's `Mean`."""

    def __init__(self, model: DynamicsModel, members: int | None = None) -> None:
        """Take over a model's present weights; arguments as for `make_mean`."""
        self._functions = folded_functions(model, members)
        self.members, self._inputs, self._outputs = self._functions.linear.shape
        self.device = model.low.device
        self._ratio = 1 / model.input_std
        self._shift = -model.input_mean / model.input_std
        self._scratch = Scratch(self.device)

    def for_rows(self, n: int) -> Callable[[Tensor], Tensor]:
        """See `Mean.for_rows`."""
        f, take = self._functions, self._scratch.take
        m, i, o = self.members, self._inputs, self._outputs
        both = take("inputs and squares", m, n, 2 * i)
        straight, square = both[..., :i], both[..., i:]
        rows = both.view(1, m * n, 2 * i).expand(o, -1, -1)
        one = take("exponentials", o, m * n, f.exponents.shape[-1])
        other = take("cosines", o, m * n, f.angles.shape[-1])
        # With the weights on the left: one column on the right takes ten times as long.
        turned = [part.view(o * m, n, -1).transpose(1, 2) for part in (one, other)]
        value = take("value", o * m, 1, n)
        target = take("target", m, n, o)

        def predict(inputs: Tensor) -> Tensor:
            torch.addcmul(self._shift, inputs, self._ratio, out=straight)
            torch.square(straight, out=square)
            torch.baddbmm(f.exponent_offsets, rows, f.exponents, out=one)
            one.clamp_min_(LEAST_EXPONENT).exp_()
            torch.baddbmm(f.phases, rows[..., :i], f.angles, out=other).cos_()
            torch.bmm(f.exponential_weights, turned[0], out=value)
            value.baddbmm_(f.cosine_weights, turned[1])
            torch.baddbmm(f.offsets, straight, f.linear, out=target)
            return target.add_(value.view(o, m, n).permute(1, 2, 0))

        return predict


def _packed(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Return a layer as oneDNN wants it, its weights in the order in which they are used."""
    turned = weight.T.contiguous()
    return torch.ops.mkldnn._reorder_linear_weight(turned, None), bias.contiguous()


def _widened(last: Tensor) -> Tensor:
    """Pad the columns of the last layer with zeros to a multiple that is fast."""
    return functional.pad(last, (0, -last.shape[-1] % _COLUMNS)).contiguous()


def _has_fused(device: torch.device) -> bool:
    """Return whether torch has the operators that its own compiler uses, and they work here."""
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    one = torch.ones(1, 1)
    try:
        weight, bias = _packed(one, one[0])
        torch.ops.mkldnn._linear_pointwise(one, weight, bias, "swish", [], "")
    except (AttributeError, RuntimeError, NotImplementedError):
        return False
    return True
