"""The main figures of a run as a table for the terminal."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mbrl_ros.reports.report import Report


def summary_table(summary: dict[str, Any]) -> Table:
    """Return the table."""
    s = summary
    table = Table(
        title=f"{s['task']}, seed {s['seed']}",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_header=False,
        pad_edge=False,
    )
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    returns = s["episode_returns"]
    table.add_row("time", f"{s['wall_seconds']:.0f} s, {s['env_steps']} environment steps")
    if returns:
        shown = " ".join(f"{value:.0f}" for value in returns[-8:])
        more = "… " if len(returns) > 8 else ""
        best = (f"best {s['best_return']:.0f}", "bold")
        table.add_row("episode returns", Text.assemble(f"{more}{shown}  ", best))
    elif s["episodes"]:
        table.add_row("episodes", f"{s['episodes']}, for which the plant pays no reward")
    else:
        table.add_row("episode returns", "none: no episode was completed")
    error = f", hold-out error {s['holdout_error']:.3f}" if s["holdout_error"] is not None else ""
    table.add_row("models", f"{s['models_published']} published{error}")
    table.add_row("transitions", f"{s['transitions_logged']} logged")
    if s["plan_ms_p50"] is not None:
        table.add_row(
            "planning time",
            f"median {s['plan_ms_p50']:.1f} ms, 99 % within {s['plan_ms_p99']:.1f} ms, "
            f"budget {s['budget_ms']:.1f} ms",
        )
    if s["ticks"]:
        table.add_row(
            "ticks", f"{s['ticks']}, of these {100 * s['in_time']:.2f} % answered in time"
        )
        counts = {name.lower(): n for name, n in s["sources"].items() if n}
        table.add_row("sources", ", ".join(f"{n} {name}" for name, n in counts.items()))
        table.add_row("longest silence", f"{1e3 * s['longest_silence_s']:.0f} ms between actions")
    return table


def print_report(report: Report, terminal: Console) -> None:
    """Print the table, problems, and the paths of the outputs."""
    terminal.print(summary_table(report.summary))
    for note in report.notes:
        terminal.print(note, style="yellow")
    terminal.print("written:")
    for path, what in report.written:
        terminal.print(Text.assemble(f"  {path}  ", (what, "dim")))
