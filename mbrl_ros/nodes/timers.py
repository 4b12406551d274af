"""Timers that run by the wall clock, whatever the nodes' clock shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mbrl_ros.ros import Clock, ClockType, Node


def create_steady_timer(node: Node, period: float, callback: Callable[[], None]) -> Any:
    """Call a function every ``period`` [s] of wall time, also while simulated time stands still.

    Returns:
        the timer.
    """
    return node.create_timer(period, callback, clock=Clock(clock_type=ClockType.STEADY_TIME))
