"""The state from which a learner resumes, as tensors by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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


def found(name: str, optimizer: torch.optim.Optimizer, state: Mapping[str, Tensor]) -> Loaded:
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
            loaded.setdefault(parameter, {})[part] = numbers(state, key, shape)
    return loaded


def numbers(state: Mapping[str, Tensor], name: str, shape: Sequence[int] = ()) -> Tensor:
    """Return a tensor of a state.

    Raises:
        ValueError: if it is missing, or has another shape or numbers that are not finite.
    """
    told = state.get(name)
    if told is None or told.shape != tuple(shape) or not told.isfinite().all():
        raise ValueError(f"learner's state: '{name}': expected {tuple(shape)} numbers")
    return told


def count(state: Mapping[str, Tensor], name: str, missing: int | None = None) -> int:
    """Return a count of a state.

    Args:
        state: read.
        name: of the count.
        missing: what it is if the state does not have it; None: it must.

    Raises:
        ValueError: if there is none, or it is no whole number from 0.
    """
    told = state.get(name, None if missing is None else torch.tensor(missing))
    if told is None or told.shape != () or told.is_floating_point() or told < 0:
        raise ValueError(f"learner's state: '{name}': expected a count")
    return int(told)


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
