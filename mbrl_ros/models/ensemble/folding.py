"""An ensemble with the normalisation folded into its layers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.ensemble.networks import Ensemble


def folded_layers(model: DynamicsModel, members: int | None = None) -> list[tuple[Tensor, Tensor]]:
    """Return layers from a model's input (see `Encoding`) to the mean target in SI units.

    Args:
        model: its present weights are copied.
        members: number of members to use, the first ones; None: all.

    Returns:
        weight ``(M, inputs, outputs)`` and bias ``(M, 1, outputs)`` of each layer.
    """
    network = model.network
    assert isinstance(network, Ensemble)
    weights = [w.detach()[:members].clone() for w in network.weights]
    biases = [b.detach()[:members].clone() for b in network.biases]
    biases[0] -= ((model.input_mean / model.input_std) @ weights[0])[:, None]
    weights[0] /= model.input_std[:, None]
    # After the first layer: without hidden layers, they are the same.
    weights[-1], biases[-1] = _in_units(model, weights[-1], biases[-1])
    return list(zip(weights, biases, strict=True))


def folded_last_layer(model: DynamicsModel, members: int | None = None) -> tuple[Tensor, Tensor]:
    """Return the last one of `folded_layers`, without folding the others where it need not be."""
    network = model.network
    assert isinstance(network, Ensemble)
    if len(network.weights) == 1:
        return folded_layers(model, members)[-1]
    last = (part[-1].detach()[:members] for part in (network.weights, network.biases))
    return _in_units(model, *last)


def _in_units(model: DynamicsModel, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Return the part of a last layer that tells the mean, in SI units."""
    o = model.observation.dim
    return weight[..., :o] * model.target_std, bias[..., :o] * model.target_std + model.target_mean


def mean_function(model: DynamicsModel, members: int | None = None) -> Callable[[Tensor], Tensor]:
    """Return a model's mean as a differentiable function; see `OneStepModel.mean_function`."""
    layers = folded_layers(model, members)
    return lambda inputs: _through(layers, inputs)


def _through(layers: list[tuple[Tensor, Tensor]], x: Tensor) -> Tensor:
    *hidden, (last_weight, last_bias) = layers
    for weight, bias in hidden:
        x = functional.silu(torch.baddbmm(bias, x, weight))
    return torch.baddbmm(last_bias, x, last_weight)
