"""The state of a system as pieces of HTML."""

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
# A plant that tells nothing new for so long is paused, or has failed [s].
_STILL = 2.0
#: How text is set.
TEXT = "font:13px/1.5 sans-serif;padding:4px 12px"


def status_html(watched: Watched, now: float) -> str:
    """Return who is alive, what the controller and the guard do, and the newest trouble.

    Its height changes with who is there only, so that no button below it moves away from a hand.
    """
    metrics, controller, guard = watched.metrics, watched.controller, watched.guard
    stopped = (controller is not None and controller.estopped) or (
        guard is not None and guard.state == "stopped"
    )
    rows: list[str] = []
    if controller is not None:
        source = SOURCES[controller.source] if controller.source < len(SOURCES) else "?"
        late = controller.ticks_late
        share = f" ({100 * late / controller.ticks:.2f} %)" if controller.ticks else ""
        rows += [
            _row("controller", f"{controller.state}, {source.lower()}", controller.reason, lines=2),
            _row("objective", controller.objective),
            _row("planner", controller.planner, lines=2),
            _row("trust", controller.trust, _model(controller), color=_trusted(controller.trust)),
            _row("expected return", _number(controller.expected_return)),
            _supposed(watched),
            _row("ticks late", f"{late}{share}", color=_YELLOW if late else _GREEN),
        ]
    if guard is not None:
        color = _GREEN if guard.state == "armed" else _RED
        counts = f"{guard.passed} passed, {guard.changed} changed, {guard.replaced} replaced"
        rows += [
            _row("guard", guard.state, guard.reason, color=color, lines=2),
            _row("commands", counts, lines=2),
            _row("stepped in", next(iter(_interventions(watched, now)), "-"), lines=2),
        ]
    warning = next((f"{name}: {told}" for _, name, told in _warnings(watched, now)), "-")
    steps, paid = metrics.running_steps, _number(metrics.running_return)
    rows += [
        _row("episode", f"{len(metrics.episodes) + 1}, step {steps}, return {paid}"),
        _row("transitions", str(metrics.transitions)),
        _row("warning", warning, lines=2),
    ]
    table = "width:100%;table-layout:fixed;border-spacing:0"
    return (
        f"<div style='{TEXT}'>{_banner(stopped, watched, now)}"
        f"<table style='{table}'><col style='width:104px'><col>{''.join(rows)}</table>"
        f"{_life(watched, now)}</div>"
    )


def news_html(watched: Watched, now: float) -> str:
    """Return in full what is wrong and what was lately; empty: nothing."""
    parts = []
    if watched.controller is not None and watched.controller.reason:
        parts.append(f"<b>controller</b><br>{escape(watched.controller.reason)}")
    if lines := [
        f"{_colored('▲', _LEVELS.get(level, _GREY))} {escape(f'{name}: {message}')}"
        for level, name, message in _warnings(watched, now)
    ]:
        parts.append(f"<b>warnings</b><br>{'<br>'.join(lines)}")
    if lines := [escape(line) for line in _interventions(watched, now)]:
        parts.append(f"<b>guard stepped in</b><br>{'<br>'.join(lines)}")
    return f"<div style='{TEXT}'>{'<br>'.join(parts)}</div>" if parts else ""


def _row(name: str, value: str, reason: str = "", color: str = "", lines: int = 1) -> str:
    """Return a row of so many lines of text, however much it says."""
    shown = _colored(value, color) if color else escape(value)
    told = f"{shown}: {escape(reason)}" if reason else shown
    return (
        f"<tr><td style='color:{_GREY};white-space:nowrap;vertical-align:top'>{name}</td>"
        f"<td><div style='height:{1.5 * lines}em;overflow:hidden;overflow-wrap:anywhere;"
        f"display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:{lines}'>"
        f"{told}</div></td></tr>"
    )


def _banner(stopped: bool, watched: Watched, now: float) -> str:
    if stopped:
        return _bar("E-STOPPED: the safe command, until armed", _RED)
    if watched.controller is None:
        told = "recorded without a controller" if watched.recorded else "waiting for a controller"
        return _bar(told, _GREY)
    if watched.controller.state != "active":
        return _bar(f"controller {watched.controller.state}", _YELLOW)
    if (still := now - watched.metrics.moved_at) > _STILL:
        return _bar(f"the plant stands still for {still:.0f} s", _YELLOW)
    return _bar("running", _GREEN)


def _bar(text: str, color: str) -> str:
    return (
        f"<div style='background:{color};color:white;font-weight:700;padding:6px 10px;"
        f"border-radius:6px;margin-bottom:6px;white-space:nowrap'>{escape(text)}</div>"
    )


def _life(watched: Watched, now: float) -> str:
    """Return each node with the time since it was last heard."""
    alive, ages = watched.metrics.alive(now), watched.metrics.ages(now)
    cells = [
        f"<div style='white-space:nowrap;overflow:hidden'>"
        f"{_colored('●', _GREEN if alive[node] else _RED)} {escape(node)} "
        f"<span style='color:{_GREY}'>{ages[node]:.1f} s</span></div>"
        for node in sorted(ages)
    ]
    grid = "display:grid;grid-template-columns:1fr 1fr;margin-top:8px"
    return f"<div style='{grid}'>{''.join(cells)}</div>"


def _warnings(watched: Watched, now: float) -> list[tuple[int, str, str]]:
    """Return level, name and message of present diagnostics, the worst first."""
    found = [
        (level, name, message)
        for name, (level, message, heard) in sorted(watched.diagnostics.items())
        if level and now - heard < _OLD
    ]
    return sorted(found, key=lambda each: -each[0])


def _interventions(watched: Watched, now: float) -> list[str]:
    """Return when the guard stepped in, and why, the newest first."""
    return [f"{now - t:.0f} s ago: {reason}" for t, reason in watched.interventions][::-1]


def _supposed(watched: Watched) -> str:
    future = watched.supposed
    if future is None:
        return _row("what if", "-")
    said = f"{future.objective}: {_number(future.expected_return)}"
    return _row("what if", said, color=_PURPLE)


def _trusted(trust: str) -> str:
    return _GREEN if trust == "full" else _RED


def _model(controller: object) -> str:
    sequence = getattr(controller, "model_sequence", 0)
    if not sequence:
        return "no model yet"
    return f"model {sequence}{', held' if getattr(controller, 'model_held', False) else ''}"


def _colored(text: str, color: str) -> str:
    return f"<span style='color:{color};font-weight:600'>{escape(text)}</span>"


def _number(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "-"
