"""``mbrl-ros report RUN...``."""

from __future__ import annotations

import argparse
from pathlib import Path

from mbrl_ros.cli.terminal import Terminal


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "run_dir", type=Path, nargs="+", help="folder of a run, whether it ended well or not"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE.html",
        help="write one page of the run, or of several beside each other, instead",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write summary.json and report.png of a run and show the main figures, or write a page."""
    if arguments.output is not None:
        if arguments.output.suffix not in (".html", ".htm"):
            raise ValueError(f"--output: expected a file .html, got '{arguments.output}'")
        # Imported lazily: reading bags is slow to import.
        from mbrl_ros.reports.html_report import write_html

        write_html(arguments.run_dir, arguments.output)
        print(arguments.output)
        return 0
    if len(arguments.run_dir) > 1:
        raise ValueError(f"{len(arguments.run_dir)} runs: expected -o FILE.html for their page")
    from mbrl_ros.reports.report import write_report
    from mbrl_ros.reports.table import print_report

    print_report(write_report(arguments.run_dir[0]), Terminal())
    return 0
