"""The state of a system as a piece of HTML."""

from __future__ import annotations

import math
from html import escape

from mbrl_ros.reports.metrics import SOURCES
from mbrl_ros.web.watched import Watched

_GREEN, _YELLOW, _RED, _GREY = "#2b8a3e", "#e67700", "#e03131", "#868e96"
_PURPLE = "#9c36b5"
_LEVELS = {0: _GREEN, 1: _YELLOW, 2: _RED, 3: _GREY}
# Diagnostics are sent twice a second; older ones are no news [s].
_OLD = 5.0


def status_html(watched: Watched, now: float) -> str:
    """Return who is alive, what the controller and the guard do, and what was wrong lately."""
    metrics, controller, guard = watched.metrics, watched.controller, watched.guard
    stopped = (controller is not None and controller.estopped) or (
        guard is not None and guard.state == "stopped"
    )
    rows: list[tuple[str, str]] = []
    if controller is not None:
        source = SOURCES[controller.source] if controller.source < len(SOURCES) else "?"
        reason = f": {controller.reason}" if controller.reason else ""
        rows += [
            ("controller", escape(f"{controller.state}, {source.lower()}{reason}")),
            ("objective", escape(controller.objective)),
            ("planner", escape(controller.planner)),
            ("trust", _colored(controller.trust, _GREEN if controller.trust == "full" else _RED)),
            ("expected return", _number(controller.expected_return)),
            *_supposed(watched),
            ("model", _model(controller)),
        ]
        late = controller.ticks_late
        share = f" ({100 * late / controller.ticks:.2f} %)" if controller.ticks else ""
        rows.append(("ticks late", _colored(f"{late}{share}", _YELLOW if late else _GREEN)))
    if guard is not None:
        color = _GREEN if guard.state == "armed" else _RED
        counts = f"{guard.passed} passed, {guard.changed} changed, {guard.replaced} replaced"
        reason = f": {escape(guard.reason)}" if guard.reason else ""
        rows.append(("guard", f"{_colored(guard.state, color)}{reason}<br>{counts}"))
    rows += [
        ("episode", f"{len(metrics.episodes) + 1}, step {metrics.running_steps}"),
        ("return so far", _number(metrics.running_return)),
        ("transitions", str(metrics.transitions)),
    ]
    facts = "".join(
        f"<tr><td style='color:{_GREY};white-space:nowrap;padding-right:10px;vertical-align:top'>"
        f"{name}</td><td>{value}</td></tr>"
        for name, value in rows
    )
    banner = _banner(stopped, watched)
    return (
        f"<div style='font:13px/1.5 sans-serif;padding:4px 12px'>{banner}"
        f"<table style='width:100%'>{facts}</table>"
        f"{_life(watched, now)}{_interventions(watched, now)}</div>"
    )


def _banner(stopped: bool, watched: Watched) -> str:
    if stopped:
        return _bar("E-STOPPED: only the safe command, until armed", _RED)
    if watched.controller is None:
        return _bar("waiting for a controller", _GREY)
    if watched.controller.state != "active":
        return _bar(f"controller {watched.controller.state}", _YELLOW)
    return _bar("running", _GREEN)


def _bar(text: str, color: str) -> str:
    return (
        f"<div style='background:{color};color:white;font-weight:700;padding:6px 10px;"
        f"border-radius:6px;margin-bottom:6px'>{escape(text)}</div>"
    )


def _life(watched: Watched, now: float) -> str:
    """Return each node with the time since it was last heard, and what its diagnostics say."""
    alive, ages = watched.metrics.alive(now), watched.metrics.ages(now)
    lines = [
        f"{_colored('●', _GREEN if alive[node] else _RED)} {escape(node)} "
        f"<span style='color:{_GREY}'>{ages[node]:.1f} s ago</span>"
        for node in sorted(ages)
    ]
    lines += [
        f"{_colored('▲', _LEVELS.get(level, _GREY))} {escape(f'{name}: {message}')}"
        for name, (level, message, heard) in sorted(watched.diagnostics.items())
        if level and now - heard < _OLD
    ]
    return f"<div style='margin-top:8px'>{'<br>'.join(lines)}</div>" if lines else ""


def _interventions(watched: Watched, now: float) -> str:
    lines = [f"{now - t:.0f} s ago: {escape(reason)}" for t, reason in watched.interventions]
    if not lines:
        return ""
    said = "<br>".join(lines[::-1])
    return f"<div style='margin-top:8px'><b>guard stepped in</b><br>{said}</div>"


def _supposed(watched: Watched) -> list[tuple[str, str]]:
    future = watched.supposed
    if future is None:
        return []
    said = f"{future.objective}: {_number(future.expected_return)}"
    return [("what if", _colored(said, _PURPLE))]


def _model(controller: object) -> str:
    sequence = getattr(controller, "model_sequence", 0)
    if not sequence:
        return "none yet"
    return f"{sequence}{', held' if getattr(controller, 'model_held', False) else ''}"


def _colored(text: str, color: str) -> str:
    return f"<span style='color:{color};font-weight:600'>{escape(text)}</span>"


def _number(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "-"
