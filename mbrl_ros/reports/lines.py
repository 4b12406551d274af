"""A run in one line of text."""

from __future__ import annotations

import math

from mbrl_ros.reports.metrics import RunMetrics


def clock(seconds: float) -> str:
    """Return a time as minutes and seconds, with hours if any."""
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{whole % 60:02d}"
    return f"{minutes:02d}:{whole % 60:02d}"


def number(value: float, digits: int = 1, unit: str = "") -> str:
    """Return a number; a dash for NaN."""
    return f"{value:.{digits}f}{unit}" if math.isfinite(value) else "-"


def one_line(metrics: RunMetrics, now: float, elapsed: float) -> str:
    """Return the state of a run.

    Args:
        metrics: of the run.
        now: since 1970 [s].
        elapsed: since the start [s].
    """
    returns = metrics.returns
    if metrics.trained and not metrics.ticks:  # a fleet's trainer hears no plant
        models = f"{metrics.models_published} models, error {number(metrics.holdout_error, 3)}"
        return f"{clock(elapsed)} | {metrics.trained} transitions | {models}"
    parts = [
        clock(elapsed),
        f"{metrics.env_steps} steps",
        f"episode {len(metrics.episodes) + 1}: {number(metrics.running_return, 0)}",
    ]
    if returns:
        parts.append(f"last {returns[-1]:.0f}, best {max(returns):.0f}")
    if metrics.model[1]:
        parts.append(f"model {metrics.models_published}, error {number(metrics.holdout_error, 3)}")
    else:
        parts.append("no model yet")
    p50, p99 = metrics.plan_ms
    if math.isfinite(p50):
        parts.append(f"plan {p50:.0f}/{p99:.0f} of {metrics.budget_ms:.0f} ms")
    parts.append(f"{metrics.ticks_late} of {metrics.ticks} ticks late")
    silent = [node for node, alive in metrics.alive(now).items() if not alive]
    if silent:
        parts.append(f"silent: {', '.join(silent)}")
    return " | ".join(parts)
