"""Learning curves as tables of the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mbrl_ros.cli.bench.curve_points import Row, points
from mbrl_ros.cli.bench.published import METHODS, SOURCE, TOLD, published
from mbrl_ros.evaluation.interval import with_margin
from mbrl_ros.system.configuration import read_task

Line = Sequence[str]


def results(rows: Sequence[Row]) -> str:
    """Return the table of returns: mean over seeds with its interval, and that of each seed."""
    header = ("task", "steps", "robot time", "seeds x episodes", "return", "of the ceiling")
    return table((*header, "each seed"), _results(rows))


def references(rows: Sequence[Row]) -> str:
    """Return the table of random actions and true dynamics."""
    lines = []
    for task in _tasks(rows):
        shown = [task]
        for method in ("random", "true dynamics"):
            of = _of(rows, task, method)
            shown += [points(rows, task, method)[0].mean, _many(of)] if of else ["", ""]
        lines.append(shown)
    header = ("task", "random", "seeds x episodes", "true dynamics", "seeds x episodes")
    return table(header, lines)


def older(rows: Sequence[Row]) -> str:
    """Return the table of what was measured from the same starts for every seed."""
    lines = []
    for task in _tasks(rows):
        ceiling = [p.mean for p in points(rows, task, "true dynamics")]
        for point in points(rows, task, "mbrl_ros"):
            of = _of(rows, task, "mbrl_ros")[0]["episodes"]
            lines.append((task, str(point.steps), str(of), point.each or point.mean, *ceiling))
    return table(("task", "steps", "episodes", "each seed", "true dynamics"), lines)


def comparison(rows: Sequence[Row]) -> str:
    """Return the table beside published returns, which says what ours is told."""
    lines = []
    for task in _tasks(rows):
        others = {row["method"]: dict(row["curve"]) for row in published(task)}
        told = TOLD.get(task, "")
        for point in points(rows, task, "mbrl_ros") if others else []:
            shown = [" / ".join(str(v) for v in others[name].values()) for name in METHODS]
            lines.append((task, f"{point.mean} after {point.steps}", *shown, told))
            told = ""
    steps = "100k / 200k / 500k"
    header = ("task", "mbrl_ros, steps", *(f"{name}, {steps}" for name in METHODS))
    return f"{table((*header, 'told to mbrl_ros only'), lines)}\n\n{SOURCE}"


def table(header: Line, lines: Iterable[Line]) -> str:
    """Return a table in Markdown; what stands above is not repeated in the first column."""
    shown, before = [header, ["---"] * len(header)], ""
    for first, *rest in lines:
        missing = [""] * (len(header) - 1 - len(rest))
        shown.append(["" if first == before else f"`{first}`", *rest, *missing])
        before = first
    return "\n".join(f"| {' | '.join(line)} |" for line in shown)


def _results(rows: Sequence[Row]) -> Iterable[Line]:
    for task in _tasks(rows):
        many = _many(_of(rows, task, "mbrl_ros"))
        for point in points(rows, task, "mbrl_ros"):
            seconds = f"{point.steps * _step(task):.0f} s"
            share = point.share
            if not share and (most := _of(rows, task, "mbrl_ros")[0].get("most")):
                share = with_margin([100.0 * value / most for value in point.values], " %")
            yield task, str(point.steps), seconds, many, point.mean, share, point.each


def _tasks(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row["task"] for row in rows if row["method"] == "mbrl_ros"))


def _of(rows: Sequence[Row], task: str, method: str) -> list[Row]:
    return [row for row in rows if (row["task"], row["method"]) == (task, method)]


def _many(rows: Sequence[Row]) -> str:
    """Return how many seeds, and episodes of each."""
    return f"{len(rows)} x {len(rows[0]['returns'][0])}"


def _step(task: str) -> float:
    """Return the time of an environment step [s]."""
    configuration = read_task(task)
    repeat = int(configuration.own("mujoco_sim").get("action_repeat", 1))
    return float(configuration.shared["period"]) / repeat
