"""User-defined reward terms."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor

from mbrl_ros.core.extensions import load
from mbrl_ros.objectives.batch import Batch, Dimension
from mbrl_ros.objectives.term import Term
from mbrl_ros.objectives.term_settings import TermSettings

Reward = Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], Tensor]


class Function(Term[TermSettings]):
    """A user-defined function, named by the type as ``module:attribute``.

    It is called with two mappings, from the names of observation and of action dimensions to
    tensors of shape ``(..., H)``, and returns the reward of each step in that shape. It must be
    pure: deterministic, without modifying its input. For example::

        def near(observation, action):
            return -(observation["x"] - observation["y"]).abs() - 0.1 * action["u"] ** 2
    """

    def check(self, where: str, known: Mapping[str, Dimension]) -> None:
        """See `Term.check`; loads the function and calls it once."""
        try:
            function = _function(self.settings.type)
        except ValueError as error:
            raise ValueError(f"{where}.{error}") from error
        shape = (2, 3, 4)
        observed = {n: torch.full(shape, 0.5) for n, d in known.items() if not d.acted}
        acted = {n: torch.full(shape[1:], 0.5) for n, d in known.items() if d.acted}
        try:
            rewards = function(observed, acted)
        except Exception as error:
            reason = " ".join(str(error).split())
            raise ValueError(
                f"{where}.type '{self.settings.type}': {type(error).__name__}: {reason}"
            ) from error
        expected = [shape, shape[1:]]
        if not isinstance(rewards, Tensor) or tuple(rewards.shape) not in expected:
            got = getattr(rewards, "shape", type(rewards).__name__)
            raise ValueError(
                f"{where}.type '{self.settings.type}': expected a tensor of its input's shape, "
                f"got {got}"
            )

    def value(self, batch: Batch) -> Tensor:
        """See `Term.value`."""
        return _function(self.settings.type)(batch.observed, batch.acted)

    @property
    def content(self) -> dict[str, Any]:
        """See `Term.content`: includes the function's source."""
        try:
            source = inspect.getsource(_function(self.settings.type))
        except (OSError, TypeError):  # not defined in a file
            source = ""
        return {**super().content, "source": source}


@cache
def _function(reference: str) -> Reward:
    found: Reward = load(reference, "type")
    if not callable(found):
        raise ValueError(f"type '{reference}': expected a function, got {type(found).__name__}")
    return found
