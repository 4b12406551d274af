"""The live view of a run in a terminal."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.columns import Columns
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mbrl_ros.reports.lines import clock, number
from mbrl_ros.reports.metrics import RunMetrics

_BARS = " ▁▂▃▄▅▆▇█"
_WIDEST = 100
# Rows of the chart of returns, and of a terminal large enough for it.
_CHART, _ROOM = 4, 20
# From this width on, planning and sources are shown beside learning.
_SIDE_BY_SIDE = 64
_STYLES = {
    "PLANNED": "green",
    "TRUNCATED": "yellow",
    "REUSED": "yellow",
    "EXPLORATION": "cyan",
    "HOLD": "yellow",
    "FALLBACK": "red",
}


class View:
    """Draws the state of a run whenever it is rendered.

    Attributes:
        stopping: whether the run is stopping.
    """

    def __init__(
        self,
        metrics: RunMetrics,
        shared: Mapping[str, Any],
        nodes: Sequence[str],
        started: float,
        duration: float,
    ) -> None:
        """Create a view.

        Args:
            metrics: of the run; read while another thread changes them.
            shared: the parameters shared by all nodes.
            nodes: whose liveness is shown.
            started: since 1970 [s].
            duration: of the run [s]; 0: unlimited.
        """
        self.stopping = False
        self._metrics = metrics
        self._shared = shared
        self._nodes = nodes
        self._started = started
        self._duration = duration

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render within the available width."""
        width = min(options.max_width, _WIDEST)
        now = time.time()
        learning, control = self._learning(), self._control()
        if width >= _SIDE_BY_SIDE:
            body: Any = Table.grid(padding=(0, 3), expand=True)
            body.add_column(ratio=1)
            body.add_column(ratio=1)
            body.add_row(learning, control)
        else:
            body = Group(learning, Text(), control)
        title = Text.assemble(
            (f" {self._shared.get('task') or 'robot'} ", "bold"),
            (f"seed {self._shared.get('seed', 0)} ", "dim"),
        )
        height = _CHART if console.size.height >= _ROOM else 1
        chart = self._curve(width - 4, height)
        yield Panel(
            Group(self._time(now), Text(), chart, Text(), body, Text(), self._life(now)),
            title=title,
            title_align="left",
            subtitle=Text(" stopping … " if self.stopping else " Ctrl-C stops ", "dim"),
            subtitle_align="right",
            box=box.ROUNDED,
            border_style="yellow" if self.stopping else "dim",
            width=width,
        )

    def _time(self, now: float) -> Table:
        elapsed = now - self._started
        row = Table.grid(padding=(0, 1), expand=True)
        row.add_column(no_wrap=True)
        row.add_column(ratio=1)
        row.add_column(no_wrap=True, justify="right")
        steps = Text(f"{self._metrics.env_steps} steps", "dim")
        if self._duration <= 0:
            row.add_row(Text(clock(elapsed), "bold"), Text(), steps)
            return row
        left = max(0.0, self._duration - elapsed)
        bar = ProgressBar(total=self._duration, completed=min(elapsed, self._duration))
        row.add_row(Text(clock(elapsed), "bold"), bar, Text(f"{clock(left)} left", "bold"))
        return row

    def _curve(self, width: int, height: int) -> Text:
        """Return the returns of the episodes as bars, with a caption."""
        returns = self._metrics.returns
        if not returns:
            return Text("\n" * (height - 1) + "no episode is complete yet", "dim")
        caption = f"best {max(returns):.0f}\nlast {returns[-1]:.0f}\nreturns".split("\n")
        indent = max(map(len, caption)) + 2
        if height < len(caption):
            caption = [f"returns {returns[-1]:.0f}"]
            indent = len(caption[0]) + 2
        text = Text()
        captions = [*caption[:-1], *[""] * (height - len(caption)), caption[-1]]
        for label, row in zip(captions, bars(returns, width - indent, height), strict=True):
            text.append(f"{label:{indent}}", "dim")
            text.append(f"{row}\n", "green")
        text.rstrip()
        return text

    def _learning(self) -> Table:
        m = self._metrics
        table = _facts()
        table.add_row("episode", f"{len(m.episodes) + 1}, step {m.running_steps}")
        table.add_row("return so far", number(m.running_return, 0))
        table.add_row("model", f"{m.model[1]} ({m.models_published} so far)" if m.model[1] else "-")
        table.add_row("hold-out error", number(m.holdout_error, 3))
        table.add_row("transitions", str(m.transitions))
        return table

    def _control(self) -> Table:
        m = self._metrics
        table = _facts()
        state = m.state
        table.add_row("controller", Text(state or "-", "green" if state == "active" else "yellow"))
        p50, p99 = m.plan_ms
        planning = Text("-")
        if p50 == p50:
            style = "green" if p99 <= m.budget_ms else "yellow"
            planning = Text.assemble(
                (f"{p50:.1f}", style), " / ", (f"{p99:.1f}", style), f" of {m.budget_ms:.0f} ms"
            )
        table.add_row("plan p50/p99", planning)
        share = m.ticks_late / m.ticks if m.ticks else 0.0
        late = Text(f"{m.ticks_late} ({100 * share:.1f} %)", "red" if share > 0.01 else "default")
        table.add_row("ticks", f"{m.ticks}")
        table.add_row("missed", late)
        sources = Text()
        for name, count in m.sources.items():
            if count:
                sources.append(f"{' ' if sources else ''}{count} {name.lower()}", _STYLES[name])
        table.add_row("sources", sources if sources else "-")
        return table

    def _life(self, now: float) -> Columns:
        alive = self._metrics.alive(now)
        styles = {True: "green", False: "red", None: "dim"}
        return Columns(
            Text.assemble(
                ("● ", styles[alive.get(node)]),
                (node, "default" if alive.get(node) else "dim"),
                no_wrap=True,
            )
            for node in self._nodes
        )


def bars(values: Sequence[float], width: int, height: int) -> list[str]:
    """Return rows of a bar chart with the newest values, zero included, from the top down."""
    space = max(1, width)
    # Bars two wide with a gap, while there is room for that.
    pattern = "{0}{0} " if 3 * len(values) <= space else "{0}"
    shown = values[-max(1, space // len(pattern.format("x"))) :]
    low, high = min(0.0, *shown), max(0.0, *shown)
    eighths = height * (len(_BARS) - 1)
    levels = [max(1, round(eighths * (v - low) / ((high - low) or 1.0))) for v in shown]
    rows = []
    for row in reversed(range(height)):
        cells = (min(max(level - row * (len(_BARS) - 1), 0), len(_BARS) - 1) for level in levels)
        rows.append("".join(pattern.format(_BARS[cell]) for cell in cells))
    return rows


def _facts() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    return table
