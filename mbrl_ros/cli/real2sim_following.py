"""``mbrl-ros real2sim --follow``: what a running robot differs from its simulation in."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mbrl_ros.cli.ros_tools.session import Session
from mbrl_ros.cli.ros_tools.verbs import Interrupted
from mbrl_ros.cli.terminal import Terminal
from mbrl_ros.core.niceness import yield_process
from mbrl_ros.data.finishing import mcap_files
from mbrl_ros.data.streaming import BagError
from mbrl_ros.diagnosis.finding import Finding
from mbrl_ros.nodes.qos import EVENTS
from mbrl_ros.nodes.record_messages import findings_message
from mbrl_ros.ros import interfaces as ri

if TYPE_CHECKING:
    from mbrl_ros.evaluation.real2sim import Identified

# The bags are looked at so often, and fitted again once they have grown by this factor [s].
_PERIOD, _GROWTH = 1.0, 1.2


def follow(
    bags: Sequence[Path],
    fit: Callable[[], Identified],
    write: Callable[[Identified], None],
    console: Terminal,
) -> None:
    """Fit again and again while bags grow, until a signal; tell it on ``/diagnostics``.

    Args:
        bags: folders or files that are being recorded.
        fit: to what they hold now.
        write: the files that were asked for; called after each fit.
        console: to print a line for each fit to.

    Raises:
        ValueError: if the bags cannot be read at first, or do not fit the simulation.
        OSError: if a file cannot be written at first.
    """
    from mbrl_ros.evaluation.real2sim import TooLittleError

    yield_process()  # whatever controls the robot comes first
    findings: list[Finding] = []
    fitted, said = 0, ""
    sizes: dict[Path, int] = {}
    with Session() as session:
        publisher = session.node.create_publisher(ri.DiagnosticArray, "/diagnostics", EVENTS)
        try:
            while True:
                size = ever_held(bags, sizes)
                if size > _GROWTH * fitted:
                    try:
                        found = fit()
                        findings, line = differences(found), summary(found)
                        write(found)
                    except TooLittleError as error:
                        line = f"waiting: {error}"
                    except (BagError, OSError) as error:
                        if not fitted:
                            raise  # what was asked for is wrong
                        # A disk that is full, or a file that cannot be read now.
                        if isinstance(error, OSError):
                            line = f"waiting: {error.filename}: {error.strerror}"
                        else:
                            line = f"waiting: {error}"
                    fitted = size
                    if line != said:
                        said = line
                        console.print(line)
                now = session.node.get_clock().now().to_msg()
                publisher.publish(findings_message("real2sim", findings, now))
                session.sleep(_PERIOD)
        except Interrupted:
            return


def summary(found: Identified) -> str:
    """Return what was found in one line."""
    parts = [
        f"{e.name} {e.value:.3g} ({e.low:.3g} to {e.high:.3g})"
        if math.isfinite(e.high)
        else f"{e.name} not told"
        for e in found.estimates
    ]
    parts += [f"delay {found.delay}"] if found.delay_errors else []
    return f"{found.windows} stretches: {', '.join(parts)}"


def differences(found: Identified) -> list[Finding]:
    """Return in what the data differ from the simulation for certain."""
    told = [
        Finding(
            "identified",
            e.name,
            f"physics.{e.name} is {e.value:.3g} times the simulation's ({e.low:.3g} to "
            f"{e.high:.3g} with 95 %)",
        )
        for e in found.estimates
        if math.isfinite(e.high) and not e.low <= 1.0 <= e.high
    ]
    if found.delay and found.delay_clear:
        what = "1 control step" if found.delay == 1 else f"{found.delay} control steps"
        text = f"actions act {what} later than the plant reports: model.delay: {found.delay}"
        told.append(Finding("identified", "delay", text))
    return told


def ever_held(bags: Sequence[Path], sizes: dict[Path, int]) -> int:
    """Return the number of bytes that bags have held so far.

    It grows with what is recorded, also where full files are compressed or make room for others.

    Args:
        bags: folders or files.
        sizes: of each file, the largest so far; brought up to date.
    """
    for bag in bags:
        for file in mcap_files(bag) if bag.is_dir() else [bag]:
            with contextlib.suppress(FileNotFoundError):  # it has just made room
                sizes[file] = max(sizes.get(file, 0), file.stat().st_size)
    return sum(sizes.values())
