"""A Gaussian process with the normalisation folded in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor

from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.gaussian_process.process import Functions, GaussianProcess


def folded_functions(model: DynamicsModel, members: int | None = None) -> Functions:
    """Return a Gaussian process from a model's normalised input to the mean target in SI units.

    Its inputs stay normalised: their squares in other units would exceed float32's precision.

    Args:
        model: its present weights are copied.
        members: number of members to use, the first ones; None: all.
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


def mean_function(model: DynamicsModel, members: int | None = None) -> Callable[[Tensor], Tensor]:
    """Return a model's mean as a differentiable function; see `OneStepModel.mean_function`."""
    functions = folded_functions(model, members)
    mean, std = model.input_mean, model.input_std
    return lambda inputs: functions((inputs - mean) / std)
