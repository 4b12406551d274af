"""How well a mean is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev


def margin(values: Sequence[float]) -> float:
    """Return half the width of the 95 % confidence interval of a mean.

    Student's t interval: the mean ± t(0.975, n - 1) · s / √n.

    Args:
        values: independent measurements, such as one for each seed.

    Returns:
        in the values' unit; infinity for fewer than two of them.
    """
    if len(values) < 2:
        return math.inf
    from scipy.stats import t  # slow to import

    return float(t.ppf(0.975, len(values) - 1)) * stdev(values) / math.sqrt(len(values))


def with_margin(values: Sequence[float], unit: str = "") -> str:
    """Return a mean in words, with its interval if that is known: ``846 ± 31``."""
    half, mean = margin(values), f"{fmean(values):.0f}"
    return f"{mean} ± {half:.0f}{unit}" if math.isfinite(half) else f"{mean}{unit}"
