"""``mbrl-ros bench``: performance of planner, control loop and learner on this machine."""

from __future__ import annotations

import argparse

from mbrl_ros.cli.bench import dyna, learning, planning, tables, tick


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    benchmarks = parser.add_subparsers(dest="benchmark", required=True, metavar="benchmark")
    for name, text, module in (
        ("planning", "model evaluations per second, against other libraries and a matrix product",
         planning),
        ("tick", "whether every tick is on time while the whole system runs", tick),
        ("tables", "real steps until a table's policy is the best one, beside Q-learning", tables),
        ("dyna", "Dyna-Q and Dyna-Q+ in mazes: figures 8.2, 8.4 and 8.5 of Sutton and Barto", dyna),
        ("learning", "learning curves, several seeds, beside published ones", learning),
    ):  # fmt: skip
        benchmark = benchmarks.add_parser(name, help=text, description=text.capitalize() + ".")
        module.configure(benchmark)
        benchmark.set_defaults(run_benchmark=module.run)


def run(arguments: argparse.Namespace) -> int:
    """Run one benchmark.

    Raises:
        SettingsError: for an invalid argument.
        OSError: if a file cannot be written.
    """
    return int(arguments.run_benchmark(arguments))
