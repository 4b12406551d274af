"""Fast mean predictions of a Gaussian process, without gradients."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.gaussian_process.folding import folded_functions
from mbrl_ros.models.gaussian_process.process import LEAST_EXPONENT
from mbrl_ros.models.inference import Scratch


class MeanProcess:
    """A Gaussian process's `Mean`."""

    def __init__(self, model: DynamicsModel, members: int | None = None) -> None:
        """Copy a model's present weights.

        Args:
            model: to predict with.
            members: number of members to use, the first ones; None: all.
        """
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
        # Weights on the left: a product with one column on the right takes ten times as long.
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
