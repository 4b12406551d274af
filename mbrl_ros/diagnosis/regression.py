"""How well inputs predict outputs, robust against rare jumps: kernel ridge regression."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mbrl_ros.core.spaces import FloatArray

# Lengths of the kernel, in deviations of the inputs together, and shares of noise; the best count.
_LENGTHS = (0.5, 1.0, 2.0)
_NOISES = (1e-5, 1e-3, 1e-1)
# Variance of the linear part: slopes may be steep.
_SLOPES = 10.0
# Rows in a row that are trained on or judged together: neighbours would reveal each other.
_BLOCK = 15
# Outputs are cut off at so many deviations, so that an impact is not all that counts.
_MOST = 4.0


def judged(rows: int) -> NDArray[np.bool_]:
    """Return which of some rows are judged, every third block; the others are trained on."""
    test: NDArray[np.bool_] = np.arange(rows) // _BLOCK % 3 == 2
    return test


def errors(inputs: FloatArray, outputs: FloatArray) -> FloatArray:
    """Return absolute errors of predictions on the rows that `judged` names, shape ``(J, P)``.

    Args:
        inputs: shape ``(N, I)``, in any unit.
        outputs: as `deviations` returns them, shape ``(N, P)``.
    """
    x = _normalized(inputs)
    test = judged(len(x))
    product = x @ x.T / x.shape[1]
    square = np.diag(product)
    distance = np.maximum(square[:, None] + square[None] - 2 * product, 0.0)
    best, of_best = None, np.full(outputs.shape[1], np.inf)
    for length in _LENGTHS:
        kernel = np.exp(-distance / (2 * length**2)) + _SLOPES * product
        onto, among = kernel[test][:, ~test], kernel[~test][:, ~test]
        for noise in _NOISES:
            noisy = among + noise * np.eye(len(among))
            predicted = onto @ np.linalg.solve(noisy, outputs[~test])
            error = np.abs(outputs[test] - predicted)
            median = np.median(error, axis=0)
            best = error if best is None else np.where(median < of_best, error, best)
            of_best = np.minimum(median, of_best)
    assert best is not None
    return best


def deviations(values: FloatArray) -> FloatArray:
    """Return columns in robust deviations from their medians; zero where nothing varies."""
    centred = values - np.median(values, axis=0)
    usual, deviation = 1.4826 * np.median(np.abs(centred), axis=0), values.std(axis=0)
    scale = np.where(usual > 0.01 * deviation, usual, deviation)
    return np.clip(centred / np.where(_varies(values), scale, np.inf), -_MOST, _MOST)


def _normalized(values: FloatArray) -> FloatArray:
    deviation = np.where(_varies(values), values.std(axis=0), np.inf)
    normalized: FloatArray = (values - values.mean(axis=0)) / deviation
    return normalized


def _varies(values: FloatArray) -> NDArray[np.bool_]:
    """Return which columns vary by more than rounding."""
    varies: NDArray[np.bool_] = values.std(axis=0) > 1e-9 * np.abs(values).max(axis=0)
    return varies
