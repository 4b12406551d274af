"""Runs as one self-contained page, to keep, to send and to print."""

from __future__ import annotations

import base64
import contextlib
import csv
import io
import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from matplotlib.figure import Figure

from mbrl_ros import __version__
from mbrl_ros.core.whole_file import write_whole
from mbrl_ros.reports.comparison import comparison_figure, differences, shipped
from mbrl_ros.reports.figure import report_figure
from mbrl_ros.reports.history import CURVE, History, is_learned, read_history
from mbrl_ros.reports.html_template import TEMPLATE
from mbrl_ros.reports.lines import clock
from mbrl_ros.reports.report import FIGURE
from mbrl_ros.reports.summary import SUMMARY, summarize

# A larger video is linked, not in the page [bytes].
_LARGEST_VIDEO = 30_000_000
_VIDEOS = {"video.mp4": "video/mp4", "video.gif": "image/gif"}


def write_html(run_dirs: Sequence[Path], path: Path) -> None:
    """Write the page of a run, or of several beside each other.

    Args:
        run_dirs: folders of runs.
        path: of the page.

    Raises:
        ValueError: if one is not a run folder.
        OSError: if the page cannot be written.
    """
    histories = [read_history(run_dir, learned=True) for run_dir in run_dirs]
    summaries = [_summary(history) for history in histories]
    labels = _labels(run_dirs)
    own = [history.parameters for history in histories]
    task = shipped(histories)
    columns = [*([("the task's own", task)] if task else []), *zip(labels, own, strict=True)]
    figure = comparison_figure(histories, summaries, labels) if len(histories) > 1 else None
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["number"] = _number
    text = environment.from_string(TEMPLATE).render(
        title=_title(histories),
        version=__version__,
        written=time.strftime("%Y-%m-%d %H:%M"),
        runs=[_run(*each) for each in zip(histories, summaries, labels, strict=True)],
        comparison=_svg(figure) if figure else None,
        columns=[name for name, _ in columns],
        differences=differences([nodes for _, nodes in columns]),
    )
    write_whole(path, text)


def _summary(history: History) -> dict[str, Any]:
    """Return the figures of a run; those of `mbrl-ros learn` are what it wrote itself.

    Raises:
        ValueError: naming a file that is damaged.
    """
    summary = summarize(history)
    if not is_learned(history.run_dir):
        return summary
    told = history.run_dir / SUMMARY
    with contextlib.suppress(FileNotFoundError):  # it has only begun
        try:
            summary |= json.loads(told.read_text(encoding="utf-8"))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{told}: damaged: {error}") from None
    steps, returns = [], []
    with (history.run_dir / CURVE).open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            with contextlib.suppress(KeyError, TypeError, ValueError):  # half a row, at the end
                pair = int(row["env_steps"]), float(row["return"])
                steps.append(pair[0])
                returns.append(pair[1])
    summary |= {"episode_env_steps": steps, "episode_returns": returns}
    summary["best_return"] = max(summary["episode_returns"], default=None)
    return summary


def _title(histories: Sequence[History]) -> str:
    tasks = ", ".join(dict.fromkeys(history.task.task or "a task" for history in histories))
    return f"{len(histories)} runs of {tasks}" if len(histories) > 1 else f"A run of {tasks}"


def _labels(run_dirs: Sequence[Path]) -> list[str]:
    """Return the folders' names, with their parents' where they would be the same."""
    names = [run_dir.resolve().name for run_dir in run_dirs]
    return [
        name if names.count(name) == 1 else f"{run_dir.resolve().parent.name}/{name}"
        for name, run_dir in zip(names, run_dirs, strict=True)
    ]


def _run(history: History, summary: dict[str, Any], label: str) -> dict[str, Any]:
    command = [str(word) for word in history.record.get("command", [])]
    began = history.started
    return {
        "label": label,
        "summary": summary,
        "in_time": None if summary["in_time"] is None else 100 * summary["in_time"],
        "clock": clock(summary["wall_seconds"]),
        "begun": time.strftime("%Y-%m-%d %H:%M", time.localtime(began)) if began == began else "",
        "command": " ".join([Path(command[0]).name, *command[1:]]) if command else "",
        "learned": is_learned(history.run_dir),
        "figure": _figure(history, summary),
        "interventions": _events(
            began, [(t, "safety_guard", why) for t, why in history.interventions]
        ),
        "complaints": _events(began, history.complaints),
        "video": _video(history.run_dir),
    }


def _events(began: float, events: Sequence[tuple[float, str, str]]) -> list[dict[str, Any]]:
    """Return events of a kind as one, with their number, the most frequent first."""
    counts = Counter((who, what) for _, who, what in events)
    times = {key: [t - began for t, *rest in events if tuple(rest) == key] for key in counts}
    return [
        {
            "who": who,
            "what": what,
            "count": count,
            "first": clock(min(times[who, what])),
            "last": clock(max(times[who, what])),
        }
        for (who, what), count in counts.most_common()
    ]


def _video(run_dir: Path) -> dict[str, str] | None:
    for name, kind in _VIDEOS.items():
        file = run_dir / name
        if not file.is_file():
            continue
        if file.stat().st_size > _LARGEST_VIDEO:
            return {"kind": "link", "source": file.resolve().as_uri()}
        return {"kind": kind, "source": _data(kind, file.read_bytes())}
    return None


def _figure(history: History, summary: dict[str, Any]) -> str:
    own = history.run_dir / FIGURE
    if is_learned(history.run_dir) and own.is_file():  # it knows what is in no bag
        return _data("image/png", own.read_bytes())
    return _svg(report_figure(history, summary))


def _svg(figure: Figure) -> str:
    file = io.BytesIO()
    figure.savefig(file, format="svg")
    return _data("image/svg+xml", file.getvalue())


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None or value != value else f"{value:.{digits}f}"
