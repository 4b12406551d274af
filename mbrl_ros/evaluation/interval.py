"""How well a mean is known, and how near it is to the ceiling."""

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
    """Return a mean in words, with its interval if that is known: ``846 ± 31``, ``0.54 ± 0.12``."""
    half, mean = margin(values), fmean(values)
    known = 0.0 < half < math.inf
    digits = _digits(half if known else mean)
    shown = f"{mean:.{digits}f}"
    return f"{shown} ± {half:.{digits}f}{unit}" if math.isfinite(half) else f"{shown}{unit}"


def share(value: float, ceiling: float) -> float:
    """Return a return's share of the ceiling [%]; NaN: a ceiling below zero is none."""
    return 100.0 * value / ceiling if ceiling > 0.0 else math.nan


def _digits(value: float) -> int:
    """Return how many decimals show two digits of a number."""
    return max(0, 1 - math.floor(math.log10(abs(value)))) if value else 0
