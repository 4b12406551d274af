"""What a model computes, with the normalisation inside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from mbrl_ros.dynamics.model import DynamicsModel
from mbrl_ros.dynamics.networks import Ensemble
from mbrl_ros.dynamics.process import Functions, GaussianProcess


def folded_layers(model: DynamicsModel, members: int | None = None) -> list[tuple[Tensor, Tensor]]:
    """Return layers from a model's input, as `Encoding` has it, to the mean target in SI units.

    Args:
        model: at its present weights, which are copied.
        members: how many of its members to use, the first ones; None: all.

    Returns:
        weight ``(M, inputs, outputs)`` and bias ``(M, 1, outputs)`` of each layer.
    """
    network, o = model.network, model.observation.dim
    assert isinstance(network, Ensemble)
    weights = [w.detach()[:members].clone() for w in network.weights]
    biases = [b.detach()[:members].clone() for b in network.biases]
    biases[0] -= ((model.input_mean / model.input_std) @ weights[0])[:, None]
    weights[0] /= model.input_std[:, None]
    # Without hidden layers, the last one is the first.
    weights[-1] = weights[-1][..., :o] * model.target_std
    biases[-1] = biases[-1][..., :o] * model.target_std + model.target_mean
    return list(zip(weights, biases, strict=True))


def folded_functions(model: DynamicsModel, members: int | None = None) -> Functions:
    """Return a Gaussian process from a model's normalised input to the mean target in SI units.

    Its inputs stay normalised: their squares in other units would not fit into float32.

    Args:
        model: at its present weights, which are copied.
        members: how many of its members to use, the first ones; None: all.
    """
    assert isinstance(model.network, GaussianProcess)
    found, std = model.network.functions(members), model.target_std
    count = len(found.linear)
    by_row = std.repeat_interleave(count)[:, None, None]
    return replace(
        found,
        exponential_weights=(found.exponential_weights * by_row).detach(),
        cosine_weights=(found.cosine_weights * by_row).detach(),
        linear=(found.linear * std).detach(),
        offsets=(found.offsets * std + model.target_mean).detach(),
    )


def mean_function(
    model: DynamicsModel, members: int | None = None
) -> tuple[int, Callable[[Tensor], Tensor]]:
    """Return how many members there are, and a function that can be differentiated.

    It takes a model's inputs, as `Encoding` has them, shape ``(M, B, input_dim)``, and returns
    targets in SI units, shape ``(M, B, O)``. It is cheap enough to be made for every plan.

    Args:
        model: at its present weights.
        members: how many of its members to use, the first ones; None: all.
    """
    if isinstance(model.network, GaussianProcess):
        functions = folded_functions(model, members)
        mean, std = model.input_mean, model.input_std
        return len(functions.linear), lambda inputs: functions((inputs - mean) / std)
    layers = folded_layers(model, members)
    return len(layers[0][0]), lambda inputs: _through(layers, inputs)


def _through(layers: list[tuple[Tensor, Tensor]], x: Tensor) -> Tensor:
    *hidden, (last_weight, last_bias) = layers
    for weight, bias in hidden:
        x = functional.silu(torch.baddbmm(bias, x, weight))
    return torch.baddbmm(last_bias, x, last_weight)
