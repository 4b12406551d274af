"""Layers and numbers of recurrent state-space models."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

# Share of the uniform distribution in every categorical one: none is ever certain.
_UNIFORM = 0.01
_EPSILON = 1e-3
# Outermost bins of a two-hot number, as `symlog` has it, and how many there are.
_OUTERMOST, _BINS = 10.0, 101


def symlog(x: Tensor) -> Tensor:
    """Compress numbers, symmetrically (Hafner et al. 2023, equation 9)."""
    return x.sign() * x.abs().log1p()


def symexp(x: Tensor) -> Tensor:
    """Undo `symlog`."""
    return x.sign() * x.abs().expm1()


class Layer(nn.Module):
    """A linear layer with layer normalisation and SiLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=False)
        self.norm = nn.LayerNorm(outputs, eps=_EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """Return outputs, shape ``(..., outputs)``."""
        return functional.silu(self.norm(self.linear(x)))


class Mlp(nn.Sequential):
    """Hidden layers and a linear one."""

    def __init__(self, inputs: int, hidden: Sequence[int], outputs: int) -> None:
        sizes = [inputs, *hidden]
        layers = [Layer(a, b) for a, b in itertools.pairwise(sizes)]
        super().__init__(*layers, nn.Linear(sizes[-1], outputs))


class Recurrent(nn.Module):
    """A gated recurrent unit with layer normalisation (Hafner et al. 2020, appendix A)."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs + units, 3 * units, bias=False)
        self.norm = nn.LayerNorm(3 * units, eps=_EPSILON)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        """Return the next state, shape ``(..., units)``."""
        reset, candidate, update = self.norm(self.linear(torch.cat([x, state], dim=-1))).chunk(
            3, dim=-1
        )
        candidate = torch.tanh(reset.sigmoid() * candidate)
        # The state is rather kept than renewed at first.
        return torch.lerp(state, candidate, (update - 1.0).sigmoid())


class TwoHot(nn.Module):
    """A number as a two-hot distribution over bins (Hafner et al. 2023, equation 8)."""

    def __init__(self, inputs: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.hidden = nn.Sequential(
            *(Layer(a, b) for a, b in itertools.pairwise([inputs, *hidden]))
        )
        self.last = nn.Linear(hidden[-1], _BINS)

    def forward(self, x: Tensor) -> Tensor:
        """Return the expected numbers, shape ``(...)``."""
        return symexp((self._logits(x).softmax(dim=-1) * _bins(x)).sum(dim=-1))

    def _logits(self, x: Tensor) -> Tensor:
        logits: Tensor = self.last(self.hidden(x))
        return logits

    def loss(self, x: Tensor, numbers: Tensor) -> Tensor:
        """Return the cross entropy of numbers ``(...)``, of the same shape."""
        place = (symlog(numbers) + _OUTERMOST) / (2 * _OUTERMOST) * (_BINS - 1)
        place = place.clamp(0.0, _BINS - 1)
        below = place.floor().clamp(max=_BINS - 2)
        share = place - below
        log_probability = self._logits(x).log_softmax(dim=-1)
        index = below.long()[..., None]
        low = log_probability.gather(-1, index)[..., 0]
        high = log_probability.gather(-1, index + 1)[..., 0]
        return -(1 - share) * low - share * high


def _bins(like: Tensor) -> Tensor:
    return torch.linspace(-_OUTERMOST, _OUTERMOST, _BINS, device=like.device)


def mixed(logits: Tensor) -> Tensor:
    """Return the logarithms of probabilities, none of which is zero, from logits."""
    probability = logits.softmax(dim=-1)
    return (probability * (1 - _UNIFORM) + _UNIFORM / logits.shape[-1]).log()


def one_hot(log_probability: Tensor, luck: Tensor) -> Tensor:
    """Return one class of each variable, as Gumbel noise has it; 0: the likeliest.

    Args:
        log_probability: shape ``(..., latents, classes)``.
        luck: noise that broadcasts against it.

    Returns:
        shape ``(..., latents * classes)``.
    """
    chosen = (log_probability + luck).argmax(dim=-1)
    return functional.one_hot(chosen, log_probability.shape[-1]).to(log_probability).flatten(-2)


def gumbel(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Return noise with which `one_hot` draws."""
    drawn = torch.rand(tuple(shape), generator=generator, device=generator.device)
    return -(-drawn.clamp(1e-20, 1 - 1e-7).log()).log()


@torch.no_grad()
def initialize(module: nn.Module, generator: torch.Generator) -> None:
    """Draw the weights of all layers anew: normal within two deviations, scaled by the inputs.

    Heads of two-hot numbers begin at zero, so that nothing is promised before it was paid.
    """
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            transposed = isinstance(part, nn.ConvTranspose2d)
            fan_in = part.weight[0].numel()
            if transposed:  # each output pixel sees a quarter of the kernel
                fan_in = part.weight[:, 0].numel() // 4
            nn.init.trunc_normal_(
                part.weight, std=fan_in**-0.5, a=-2 * fan_in**-0.5, b=2 * fan_in**-0.5,
                generator=generator,
            )  # fmt: skip
            if part.bias is not None:
                part.bias.zero_()
        if isinstance(part, nn.LSTMCell):
            std = part.hidden_size**-0.5
            for weight in (part.weight_ih, part.weight_hh):
                nn.init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std, generator=generator)
            part.bias_ih.zero_()
            part.bias_hh.zero_()
            # It remembers at first.
            part.bias_ih[part.hidden_size : 2 * part.hidden_size] = 1.0
    for part in module.modules():
        if isinstance(part, TwoHot):
            part.last.weight.zero_()
