"""``mbrl-ros report RUN_DIR``."""

from __future__ import annotations

import argparse
from pathlib import Path

from mbrl_ros.cli.terminal import Terminal


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("run_dir", type=Path, help="folder of a run, whether it ended well or not")


def run(arguments: argparse.Namespace) -> int:
    """Write summary.json and report.png of a run, and show the main figures."""
    # Imported lazily: reading bags is slow to import.
    from mbrl_ros.reports.report import write_report
    from mbrl_ros.reports.table import print_report

    print_report(write_report(arguments.run_dir), Terminal())
    return 0
