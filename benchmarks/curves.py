"""The documented learning curves, one seed after another on one thread: `make curves`.

What is measured is kept in runs/bench-learning and not measured again, unless a setting changes
that it depends on; so an interrupted run goes on where it was. After every measurement,
benchmarks/curves.json and the tables of the documentation are written anew, with what is finished.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mbrl_ros.cli.bench import curve_markdown
from mbrl_ros.cli.bench.curve import Job
from mbrl_ros.cli.bench.curve_points import Row
from mbrl_ros.cli.bench.kept import Measurement, keep
from mbrl_ros.cli.bench.reference import Reference

ROOT = Path(__file__).parents[1]
CURVES = ROOT / "benchmarks" / "curves.json"
PAGES = (ROOT / "README.md", ROOT / "docs" / "experiments" / "learning-curves.md")
SEEDS = range(10)


@dataclass(frozen=True)
class Entry:
    """How a task is measured.

    Attributes:
        task: its name.
        points: environment steps to learn from.
        episodes: for each seed, each from a start of its own.
        ceiling: how many of them the true dynamics play, too.
        most: what an episode pays at most, where the planner reaches that with the true dynamics.
    """

    task: str
    points: tuple[int, ...]
    episodes: int = 30
    ceiling: int = 6
    most: float | None = None

    def measurements(self, seed: int) -> Iterator[Measurement]:
        """Return what is to be measured for a seed, each point by itself."""
        for point in self.points:
            yield Job(self.task, seed, self.episodes, {}, (point,))
        yield Reference(self.task, seed, self.episodes, {}, "random")
        if self.most is None:
            yield Reference(self.task, seed, self.ceiling, {}, "true dynamics")


# Where the start hardly matters, and nearly every episode pays the most it can, a few of them tell
# as much as many. With the true dynamics an episode takes ten times as long as with a model.
ENTRIES = (
    Entry("inverted_pendulum", (500,), 3, most=1000.0),
    Entry("cartpole_v1", (1000,), 5, most=500.0),
    Entry("cartpole_swingup", (3000,)),
    Entry("pendulum_swingup", (3000,)),
    Entry("reacher_easy", (3000,)),
)


def measurements() -> list[Measurement]:
    """Return all in order: the cheap tasks, then the others seed by seed."""
    cheap = [entry for entry in ENTRIES if entry.most is not None]
    others = [entry for entry in ENTRIES if entry.most is None]
    order = [(entry, seed) for entry in cheap for seed in SEEDS]
    order += [(entry, seed) for seed in SEEDS for entry in others]
    return [made for entry, seed in order for made in entry.measurements(seed)]


def finished(made: Sequence[Measurement], folder: Path) -> list[Row]:
    """Return a row for each task, method and seed of which something is measured."""
    most = {entry.task: entry.most for entry in ENTRIES if entry.most is not None}
    rows: dict[tuple[str, str, int], Row] = {}
    for measurement in made:
        if measurement.kept(folder) is None:
            continue
        row = measurement.row(folder)
        key = row["task"], row["method"], row["seed"]
        for name, values in rows.setdefault(key, {}).items():
            row[name] = values + row[name] if isinstance(values, list) else values
        rows[key] = {**row, **({"most": most[row["task"]]} if row["task"] in most else {})}
    return list(rows.values())


def write(rows: Sequence[Row]) -> None:
    """Write results and tables.

    What was measured from the same starts for every seed, and so has no ``returns``, stays in the
    results until its task is measured anew.
    """
    tasks = {row["task"] for row in rows}
    before = json.loads(CURVES.read_text(encoding="utf-8"))
    rows = sorted(rows, key=lambda row: [entry.task for entry in ENTRIES].index(row["task"]))
    old = [row for row in before if "returns" not in row and row["task"] not in tasks]
    lines = ",\n".join(json.dumps(_rounded(row), allow_nan=False) for row in [*rows, *old])
    CURVES.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    tables = {
        "results": curve_markdown.results(rows),
        "references": curve_markdown.references(rows),
        "comparison": curve_markdown.comparison(rows),
        "older": curve_markdown.older(old),
    }
    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8"), tables), encoding="utf-8")


def filled(page: str, tables: Mapping[str, str]) -> str:
    """Return a page with tables in their places, between `<!-- NAME -->` and `<!-- end -->`."""
    for name, text in tables.items():
        begin, end = f"<!-- {name}: make curves -->\n", "<!-- end -->"
        if begin in page:
            head, _, rest = page.partition(begin)
            page = f"{head}{begin}\n{text}\n\n{end}{rest.partition(end)[2]}"
    return page


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 2) if math.isfinite(value) else None
    if isinstance(value, list):
        return [_rounded(own) for own in value]
    return (
        {name: _rounded(own) for name, own in value.items()} if isinstance(value, dict) else value
    )


def main() -> int:
    """Measure what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/bench-learning"))
    parser.add_argument(
        "--finished", action="store_true", help="measure nothing; write what is finished"
    )
    arguments = parser.parse_args()
    todo = measurements()
    if not arguments.finished:
        os.nice(15)
        arguments.out.mkdir(parents=True, exist_ok=True)
        for number, made in enumerate(todo, start=1):
            began = time.monotonic()
            keep(made, arguments.out, 1)
            ((steps, mean),) = made.row(arguments.out)["curve"]
            print(
                f"[{number}/{len(todo)}, {time.monotonic() - began:.0f} s] {made.name}, "
                f"{made.method}, seed {made.seed}: {mean:.1f} after {steps}",
                flush=True,
            )
            write(finished(todo, arguments.out))
    write(finished(todo, arguments.out))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
