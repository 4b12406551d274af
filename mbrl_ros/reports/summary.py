"""The main figures of a run: ``summary.json``."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

from mbrl_ros.core.json_text import json_text
from mbrl_ros.core.whole_file import write_whole
from mbrl_ros.reports.history import History, percentile
from mbrl_ros.reports.metrics import finite

SUMMARY = "summary.json"


def summarize(history: History) -> dict[str, Any]:
    """Return the figures of a run; empty lists and None where unknown.

    ``env_steps`` and ``episode_env_steps`` are the environment's own steps, action repeat
    included; ``episode_seconds`` are since the start.
    """
    metrics = history.metrics
    complete = [e for e in metrics.episodes if finite(e.total_reward) is not None]
    budget = finite(metrics.budget_ms, 2)
    return {
        "task": history.task.task,
        "seed": history.task.seed,
        "launch": history.record.get("launch"),
        "runtime": history.record.get("runtime"),
        "wall_seconds": round(history.wall_seconds, 2),
        "env_steps": metrics.env_steps,
        "episodes": len(metrics.episodes),
        "episode_returns": [round(e.total_reward, 3) for e in complete],
        "episode_seconds": [round(e.time - history.started, 2) for e in complete],
        "episode_env_steps": [e.env_steps for e in complete],
        "best_return": finite(max((e.total_reward for e in complete), default=float("nan")), 3),
        "ticks": metrics.ticks,
        "ticks_late": metrics.ticks_late,
        "in_time": finite(1 - metrics.ticks_late / metrics.ticks, 5) if metrics.ticks else None,
        "sources": metrics.sources,
        "by_a_person": history.by_a_person,
        "longest_silence_s": round(metrics.longest_silence, 4),
        "plan_ms_p50": finite(percentile(history.plan_ms, 50), 2),
        "plan_ms_p99": finite(percentile(history.plan_ms, 99), 2),
        "plan_ms_max": finite(max(history.plan_ms, default=float("nan")), 2),
        "budget_ms": budget,
        "models_published": metrics.models_published,
        "holdout_error": finite(metrics.holdout_error),
        "trust": _trust(history),
        "one_step_z_p50": _p50([c.one_step_z for c in history.confidence]),
        "open_loop_z_p50": _p50([c.open_loop_z for c in history.confidence]),
        "correction_p50": _p50([c.correction for c in history.confidence]),
        "transitions_logged": metrics.transitions,
        "transitions_trained": metrics.trained,
        "transitions_left_out": metrics.left_out,
        "versions": history.record.get("versions", {}),
        "findings": [f.text for f in history.diagnosis.findings] if history.diagnosis else [],
        "notes": history.notes,
    }


def _trust(history: History) -> dict[str, float]:
    """Return the share of time at each level of trust."""
    counts = Counter(c.trust for c in history.confidence)
    return {level: round(n / counts.total(), 4) for level, n in counts.most_common()}


def _p50(values: list[float]) -> float | None:
    return finite(percentile([value for value in values if math.isfinite(value)], 50))


def write_summary(summary: dict[str, Any], run_dir: Path) -> Path:
    """Write summary.json atomically.

    Raises:
        OSError: if it cannot be written.
    """
    path = run_dir / SUMMARY
    write_whole(path, json_text(summary))
    return path
