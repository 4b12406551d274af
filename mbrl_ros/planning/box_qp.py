"""Small box-constrained quadratic programmes."""

from __future__ import annotations

import numpy as np

from mbrl_ros.core.spaces import FloatArray

_ITERATIONS = 50
# Of the gradient, relative to that at the start.
_SMALLEST = 1e-9
# Backtracking line search with Armijo's condition.
_ENOUGH, _SHRINK, _SMALLEST_STEP = 0.1, 0.5, 1e-8


def box_qp(
    quadratic: FloatArray, linear: FloatArray, low: FloatArray, high: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Minimise ``x' Q x / 2 + q' x`` for ``low <= x <= high``, by projected Newton steps.

    Tassa, Mansard and Todorov 2014, "Control-limited differential dynamic programming",
    section III.

    Args:
        quadratic: Q, positive definite, shape ``(n, n)``.
        linear: q, shape ``(n,)``.
        low: shape ``(n,)``.
        high: shape ``(n,)``.

    Returns:
        x, and which of its dimensions are not at an active limit; each ``(n,)``.
    """

    def cost(x: FloatArray) -> float:
        return float(0.5 * x @ quadratic @ x + linear @ x)

    smallest = _SMALLEST * np.abs(linear).max()
    x = np.clip(np.zeros_like(linear), low, high)
    free = np.ones_like(linear, dtype=bool)
    for _ in range(_ITERATIONS):
        gradient = linear + quadratic @ x
        free = ~(((x <= low) & (gradient > 0)) | ((x >= high) & (gradient < 0)))
        if not free.any() or np.abs(gradient[free]).max() <= smallest:
            break
        direction = np.zeros_like(x)
        direction[free] = -np.linalg.solve(quadratic[np.ix_(free, free)], gradient[free])
        step, slope = 1.0, float(gradient @ direction)
        while step > _SMALLEST_STEP:
            tried = np.clip(x + step * direction, low, high)
            if cost(tried) <= cost(x) + _ENOUGH * step * slope:
                break
            step *= _SHRINK
        else:
            break
        x = tried
    return x, free
