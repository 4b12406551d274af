"""The value of a formula as a term."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from mbrl_ros.core.formula import Arithmetic, read_formula
from mbrl_ros.objectives.batch import Batch, Dimension, wrap
from mbrl_ros.objectives.term import Term
from mbrl_ros.objectives.term_settings import ExpressionSettings


def _constant(value: float) -> Tensor:
    # A zero-dimensional tensor adopts the type of the other operand. It is kept, so it must not be
    # an inference tensor.
    with torch.inference_mode(False):
        return torch.tensor(value, dtype=torch.float64)


TENSORS = Arithmetic(
    {
        "abs": torch.abs,
        "sqrt": torch.sqrt,
        "exp": torch.exp,
        "log": torch.log,
        "sin": torch.sin,
        "cos": torch.cos,
        "tan": torch.tan,
        "tanh": torch.tanh,
        "wrap": wrap,
        "atan2": torch.atan2,
        "min": torch.minimum,
        "max": torch.maximum,
    },
    _constant,
)


def evaluate(text: str, batch: Batch) -> Tensor:
    """Return a formula's value for each step, shape ``(..., H)``.

    Raises:
        ValueError: naming what is not allowed in a formula.
    """
    formula = read_formula(text, TENSORS)
    value: Tensor = formula.value(batch)
    for name in formula.names:
        # Planners must see non-finite values: exp(-x) of infinity alone would be 0.
        value = torch.add(value, batch[name], alpha=0.0)
    return value


class Expression(Term[ExpressionSettings]):
    """The value of a formula."""

    def check(self, where: str, known: Mapping[str, Dimension]) -> None:
        """See `Term.check`."""
        try:
            formula = read_formula(self.settings.expression, TENSORS)
        except ValueError as error:
            raise ValueError(f"{where}.expression: {error}") from None
        for name in formula.names:
            if name not in known:
                raise ValueError(
                    f"{where}.expression: unknown dimension '{name}': "
                    f"expected one of {', '.join(known)}"
                )

    def value(self, batch: Batch) -> Tensor:
        """See `Term.value`."""
        return evaluate(self.settings.expression, batch)
