"""What came of a graduation: figures as JSON, JUnit XML for CI, and one page of HTML."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mbrl_ros.core.task import TaskSettings
from mbrl_ros.evaluation.graduation.course import Course
from mbrl_ros.evaluation.graduation.judging import Outcome, sources_told
from mbrl_ros.evaluation.graduation.settings import GraduationSettings

_BLUE, _RED, _GREY = "#2a6f97", "#b3392f", "#8a8f98"
_FIGURES = (
    "total", "share", "violations", "interventions", "fallback", "recovery", "deadline_misses",
)  # fmt: skip
_COLUMNS = 5
_STYLE = (
    "body{font:14px/1.5 sans-serif;max-width:1100px;margin:2em auto;color:#222}"
    "table{border-collapse:collapse}td,th{padding:2px 10px;text-align:right}"
    "td:first-child,th:first-child{text-align:left}tr:nth-child(even){background:#f4f5f7}"
    "img{max-width:100%}.passed{color:#2f8f5b}.failed{color:#b3392f}"
)


def figures(course: Course) -> dict[str, Any]:
    """Return what a course has come to, for JSON."""
    jury, hardest = course.jury, course.worst
    return {
        "passed": course.passed,
        "failed": course.failed,
        "findings": course.findings,
        "warnings": course.warnings,
        "idle_return": jury.idle if jury else None,
        "unperturbed_return": jury.reference if jury else None,
        "attained": jury.attained if jury else None,
        "pass_rate": _finite(course.pass_rate),
        "worst": course.outcomes.index(hardest) if hardest else None,
        "episodes": [_told(outcome) for outcome in course.outcomes],
    }


def junit(course: Course, name: str) -> str:
    """Return JUnit XML: a test for the checks, one for each episode, one for the verdict.

    Other episodes that fail are told in the verdict: some may.

    Args:
        course: that is over.
        name: of the suite.
    """
    suite = ElementTree.Element("testsuite", name=name)
    bad = 0

    def case(what: str, reasons: Sequence[str], tolerated: bool = False) -> None:
        nonlocal bad
        made = ElementTree.SubElement(suite, "testcase", classname=name, name=what)
        if not reasons:
            return
        text = "; ".join(reasons)
        if tolerated:
            ElementTree.SubElement(made, "system-out").text = text
        else:
            bad += 1
            ElementTree.SubElement(made, "failure", message=text).text = text

    case("checks", course.findings)
    for number, outcome in enumerate(course.outcomes):
        tolerated = outcome.kind != "unperturbed"
        case(f"{number:03d} {outcome.kind}", outcome.failed, tolerated)
    case("verdict", course.failed)
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(bad))
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def page(
    course: Course,
    settings: GraduationSettings,
    task: TaskSettings,
    told: Mapping[str, str],
    film: NDArray[np.uint8] | None,
) -> str:
    """Return one self-contained page of HTML.

    Args:
        course: that is over.
        settings: of the graduation.
        task: of the robot.
        told: what was tested, name to value.
        film: pictures of the worst case in a row, RGB, shape ``(height, width, 3)``; None: none.
    """
    word = "passed" if course.passed else "failed"
    title = f"Graduation of {html.escape(task.task)}"
    parts = [
        f"<!doctype html><meta charset='utf-8'><title>{title}</title><style>{_STYLE}</style>",
        f"<h1>{title}: <span class='{word}'>{word}</span></h1>",
        _list(course.findings + course.failed, "failed"),
        _list(course.warnings, ""),
        _rows([("", ""), *told.items()]),
    ]
    if course.jury is not None:
        parts += [_summary(course, settings), _image(_draw_shares(course, settings))]
        if hardest := course.worst:
            parts.append("<h2>The worst case</h2>")
            parts.append(_list(hardest.failed, "failed"))
            parts.append(_rows([("condition", "value"), *_values(hardest)]))
            parts.append(_image(_draw_episodes(course, task)))
    if film is not None:
        parts += ["<h2>The worst case, filmed</h2>", _image(_encoded(film))]
    return "\n".join(parts) + "\n"


def _told(outcome: Outcome) -> dict[str, Any]:
    values = {name: _finite(getattr(outcome, name)) for name in _FIGURES}
    return {
        "kind": outcome.kind,
        "seed": outcome.conditions.seed,
        "conditions": outcome.conditions.values,
        **values,
        "passed": outcome.passed,
        "failed": list(outcome.failed),
        "trouble": outcome.trouble,
        "commands": sources_told(outcome.record) if outcome.record else {},
    }


def _finite(value: float) -> float | None:
    """Return a number as JSON has it: one that is not finite is null."""
    return value if math.isfinite(value) else None


def _values(outcome: Outcome) -> list[tuple[str, str]]:
    return [(name, f"{value:.4g}") for name, value in outcome.conditions.values.items()]


def _summary(course: Course, settings: GraduationSettings) -> str:
    assert course.jury is not None
    rows = [("episodes", "number, share of the return: median, least; most of the others")]
    for kind in dict.fromkeys(outcome.kind for outcome in course.outcomes):
        own = course.of(kind)
        shares = [outcome.share for outcome in own]
        most = ", ".join(
            f"{name} {max(getattr(outcome, name) for outcome in own):.3g}"
            for name in ("violations", "interventions", "fallback", "recovery")
        )
        misses = [o.deadline_misses for o in own if math.isfinite(o.deadline_misses)]
        late = f", late ticks {max(misses):.3g}" if misses else ""
        text = f"{len(own)}, {np.median(shares):.2f}, {min(shares):.2f}; {most}{late}"
        rows.append((kind, text))
    rows.append(
        (
            "return",
            f"unperturbed {course.jury.reference:.4g}, nobody commands {course.jury.idle:.4g}",
        )
    )
    if course.of("draw"):
        rate = f"{course.pass_rate:.2f}, expected {settings.thresholds.pass_rate:g}"
        rows.append(("pass rate of the draws", rate))
    return _rows(rows)


def _rows(rows: Sequence[tuple[str, str]]) -> str:
    (head, *others) = rows
    cells = "".join(
        f"<tr><td>{html.escape(a)}</td><td>{html.escape(b)}</td></tr>" for a, b in others
    )
    top = f"<tr><th>{html.escape(head[0])}</th><th>{html.escape(head[1])}</th></tr>"
    return f"<table>{top if any(head) else ''}{cells}</table>"


def _list(items: Sequence[str], kind: str) -> str:
    lines = "".join(f"<li class='{kind}'>{html.escape(item)}</li>" for item in items)
    return f"<ul>{lines}</ul>" if items else ""


def _image(png: bytes) -> str:
    return f"<p><img alt='' src='data:image/png;base64,{base64.b64encode(png).decode()}'></p>"


def _encoded(image: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "png")
    return file.getvalue()


def _saved(figure: Figure) -> bytes:
    FigureCanvasAgg(figure)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=90)
    return file.getvalue()


def _draw_shares(course: Course, settings: GraduationSettings) -> bytes:
    """Draw the share of the return against each condition that was varied."""
    played = [*course.of("draw"), *course.of("search")]
    names = [
        name
        for name in (played[0].conditions.values if played else {})
        if len({outcome.conditions.values[name] for outcome in played}) > 1
    ]
    rows = max(1, math.ceil(len(names) / _COLUMNS))
    figure = Figure(figsize=(12.0, 2.0 * rows), layout="constrained")
    places = figure.subplots(rows, _COLUMNS, sharey=True, squeeze=False).ravel()
    for axes, name in zip(places, names, strict=False):
        for kind, marker in (("draw", "o"), ("search", "^")):
            own = course.of(kind)
            axes.scatter(
                [outcome.conditions.values[name] for outcome in own],
                [max(outcome.share, -0.5) for outcome in own],
                c=[_BLUE if outcome.passed else _RED for outcome in own],
                marker=marker, s=14,
            )  # fmt: skip
        axes.axhline(settings.thresholds.share, color=_GREY, linewidth=0.8)
        axes.set_title(name, loc="left", fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    for axes in places[len(names) :]:
        axes.set_visible(False)
    places[0].set_ylabel("share of the return", fontsize=8)
    return _saved(figure)


def _draw_episodes(course: Course, task: TaskSettings) -> bytes:
    """Draw the worst case beside the unperturbed episode."""
    hardest = course.worst
    pairs = [("unperturbed", course.outcomes[0], _BLUE), ("worst", hardest, _RED)]
    names = task.observation.names[:6]
    figure = Figure(figsize=(12.0, 1.4 * (len(names) + 1)), layout="constrained")
    places = figure.subplots(len(names) + 1, 1, sharex=True, squeeze=False)[:, 0]
    limits = {name: (low, high) for name, _, low, high in _limits(task)}
    for label, outcome, colour in pairs:
        record = outcome.record if outcome else None
        if record is None:
            continue
        for i, axes in enumerate(places[:-1]):
            seen = record.observations[:, i]
            if names[i] in task.observation.angles:
                seen = (seen + np.pi) % (2 * np.pi) - np.pi
            axes.plot(record.times, seen, color=colour, label=label, lw=1)
        places[-1].step(record.times[:-1], record.actions[:, 0], color=colour, lw=0.8, where="post")
    for name, axes in zip([*names, task.action.names[0]], places, strict=True):
        for value in limits.get(name, ()):
            if math.isfinite(value):
                axes.axhline(value, color=_GREY, linestyle="--", linewidth=0.8)
        axes.set_ylabel(name.replace("_", "\n"), fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    places[0].legend(frameon=False, fontsize=8, ncols=2, loc="upper right")
    places[-1].set_xlabel("time [s]", fontsize=8)
    return _saved(figure)


def _limits(task: TaskSettings) -> list[tuple[str, int, float, float]]:
    return task.limits.ranges(task.observation_space())


def write(folder: Path, name: str, text: str) -> Path:
    """Write a file of the report, and return its path.

    Raises:
        OSError: if it cannot be written.
    """
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
