"""An optimiser's state, as tensors by name."""

from __future__ import annotations

import torch
from torch import Tensor

Loaded = dict[Tensor, dict[str, Tensor]]


def saved(name: str, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return an optimiser's state; empty before its first step.

    Args:
        name: prefix of the tensors' names.
        optimizer: AdamW.
    """
    return {
        f"{name}.{i}.{key}": value
        for i, parameter in enumerate(_parameters(optimizer))
        for key, value in optimizer.state.get(parameter, {}).items()
    }


def found(name: str, optimizer: torch.optim.Optimizer, state: dict[str, Tensor]) -> Loaded:
    """Return a state from `saved`, for ``optimizer.state.update``.

    Raises:
        ValueError: if it belongs to other parameters.
    """
    loaded: Loaded = {}
    for i, parameter in enumerate(_parameters(optimizer)):
        for part, shape in (
            ("step", ()),
            ("exp_avg", parameter.shape),
            ("exp_avg_sq", parameter.shape),
        ):
            key = f"{name}.{i}.{part}"
            if key not in state or state[key].shape != shape or not state[key].isfinite().all():
                raise ValueError(f"learner's state: '{key}': expected {tuple(shape)} numbers")
            loaded.setdefault(parameter, {})[part] = state[key]
    return loaded


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
