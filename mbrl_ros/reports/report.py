"""The final report of a run: summary and figures."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mbrl_ros.data.finishing import locked
from mbrl_ros.reports.curves import CURVES
from mbrl_ros.reports.history import checkpoints, read_history
from mbrl_ros.reports.lines import number
from mbrl_ros.reports.summary import SUMMARY, summarize, write_summary

FIGURE = "report.png"
# Maximum time for the logger to finish its bag [s].
_BAG_TIMEOUT = 30.0
_POLL = 0.1


@dataclass
class Report:
    """The result of writing a report.

    Attributes:
        summary: as in summary.json.
        written: paths of the run's outputs, with descriptions.
        notes: one sentence per problem.
    """

    summary: dict[str, Any]
    written: list[tuple[Path, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return the main figures as plain text."""
        s = self.summary
        best = s["best_return"]
        text = f"{s['episodes']} episodes, best return {number(best, 0) if best else '-'}, "
        text += f"{s['models_published']} models, {s['ticks_late']} of {s['ticks']} ticks late"
        found = [f"found: {finding}" for finding in s["findings"]]
        return [text, *found, *self.notes, *(f"{path}: {what}" for path, what in self.written)]


def write_report(run_dir: Path, wait_for_bag: bool = False) -> Report:
    """Write summary.json and report.png from a run's folder.

    Args:
        run_dir: the run's folder.
        wait_for_bag: whether a logger may still be finishing the bag.

    Raises:
        ValueError: if it is not a run folder.
        OSError: if they cannot be written.
    """
    if wait_for_bag:
        _wait_for_bag(run_dir / "bag")
    history = read_history(run_dir)
    summary = summarize(history)
    write_summary(summary, run_dir)
    # Imported lazily: matplotlib and torch take seconds.
    from mbrl_ros.reports.figure import draw_report

    draw_report(history, summary, run_dir / FIGURE)
    return Report(summary, _written(run_dir), history.notes)


def _wait_for_bag(bag: Path) -> None:
    end = time.monotonic() + _BAG_TIMEOUT
    while bag.is_dir() and time.monotonic() < end:
        with locked(bag) as mine:
            if mine:
                return
        time.sleep(_POLL)


def _written(run_dir: Path) -> list[tuple[Path, str]]:
    models = len(checkpoints(run_dir))
    candidates = [
        ("config.yaml", "the parameters; starts the same system again"),
        ("bag", "what was published, but for models (MCAP)"),
        ("checkpoints", f"the newest models ({models})"),
        ("metrics.jsonl", "the state, once a second"),
        (CURVES, "the same and more as curves: tensorboard --logdir"),
        ("logs", "what the nodes said"),
        ("video.mp4", "what the camera saw"),
        ("video.gif", "what the camera saw"),
        (SUMMARY, "these figures and more"),
        (FIGURE, "returns, model error, trust, planning time, predictions"),
    ]
    shown = _short(run_dir)
    return [(shown / name, what) for name, what in candidates if (run_dir / name).exists()]


def _short(path: Path) -> Path:
    try:
        return path.resolve().relative_to(Path.cwd())
    except ValueError:
        return path
