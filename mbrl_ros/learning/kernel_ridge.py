"""How well inputs explain outputs, by kernel ridge regression."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mbrl_ros.data.segments import Indices
from mbrl_ros.models.normalizing import take_inputs

# Hyperparameter grid, of which the best is used: lengthscales, in standard deviations of all inputs
# together, and noise shares of the outputs.
_LENGTHS = (0.5, 1.0, 2.0)
_NOISES = (1e-4, 1e-3, 1e-2, 1e-1)
# Variance of the additional linear kernel. Slopes may be steep: the change due to a small action is
# small beside the change without it.
_SLOPES = 100.0


def unexplained(inputs: Tensor, outputs: Tensor, blocks: Indices) -> Tensor:
    """Return the unexplained share of the outputs' variance, shape ``(P,)``.

    By cross-validation over blocks: consecutive rows are correlated, and one would reveal the next.
    The leave-one-block-out predictions have a closed form.

    Args:
        inputs: shape ``(N, I)``.
        outputs: shape ``(N, P)``.
        blocks: the block of each row, shape ``(N,)``.
    """
    x, y = _normalized(inputs), _normalized(outputs)
    together = [torch.from_numpy(np.flatnonzero(blocks == block)) for block in np.unique(blocks)]
    distance = torch.cdist(x, x).square() / x.shape[1]
    # Never worse than predicting the mean.
    best = torch.ones(y.shape[1], dtype=y.dtype)
    kernels = [torch.exp(-distance / (2 * length**2)) for length in _LENGTHS]
    for kernel in (*kernels, _SLOPES * (x @ x.T) / x.shape[1]):
        values, vectors = torch.linalg.eigh(kernel)
        for noise in _NOISES:
            inverse = (vectors / (values.clamp_min(0.0) + noise)) @ vectors.T
            weights = inverse @ y
            error = torch.empty_like(y)
            for rows in together:
                error[rows] = torch.linalg.solve(inverse[rows][:, rows], weights[rows])
            best = torch.minimum(best, error.square().mean(dim=0))
    return best


def _normalized(values: Tensor) -> Tensor:
    mean, deviation = values.new_empty(2, values.shape[1])
    take_inputs(mean, deviation, values)
    return ((values - mean) / deviation).double()
