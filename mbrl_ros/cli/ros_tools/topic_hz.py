"""`topic hz`."""

from __future__ import annotations

import argparse
import time
from collections import deque

from mbrl_ros.cli.ros_tools.graph import absolute
from mbrl_ros.cli.ros_tools.session import Session
from mbrl_ros.cli.ros_tools.topic_echo import topic_type
from mbrl_ros.cli.ros_tools.verbs import Interrupted
from mbrl_ros.ros import QoSProfile, ReliabilityPolicy

# Matches every publisher; deep, since each message counts.
_ANY = QoSProfile(depth=1000, reliability=ReliabilityPolicy.BEST_EFFORT)
# How often the rate is printed [s].
_PERIOD = 1.0


def hz(arguments: argparse.Namespace) -> int:
    """Print the rate of a topic about once a second."""
    topic = absolute(arguments.topic_name, "topic")
    with Session(arguments.spin_time) as session:
        message_class = topic_type(session, topic)
        meter = Meter(arguments.window)

        def arrived(data: bytes) -> None:
            report = meter.message(time.monotonic())
            if report:
                print(report, flush=True)

        session.node.create_subscription(message_class, topic, arrived, _ANY, raw=True)
        try:
            session.spin_until(lambda: False)
        except Interrupted:
            return 0
    return 0


class Meter:
    """Statistics of the times between messages."""

    def __init__(self, window: int) -> None:
        """Start; ``window`` is the number of messages to average over."""
        self._gaps: deque[float] = deque(maxlen=window)
        self._last: float | None = None
        self._printed = 0.0

    def message(self, now: float) -> str | None:
        """Record the arrival of a message [s]; return a report when one is due."""
        if self._last is None:
            self._last = self._printed = now
            return None
        self._gaps.append(now - self._last)
        self._last = now
        if now < self._printed + _PERIOD:
            return None
        self._printed = now
        count = len(self._gaps)
        mean = sum(self._gaps) / count
        deviation = (sum((gap - mean) ** 2 for gap in self._gaps) / count) ** 0.5
        return (
            f"average rate: {1.0 / mean if mean else 0.0:.3f}\n"
            f"\tmin: {min(self._gaps):.3f}s max: {max(self._gaps):.3f}s "
            f"std dev: {deviation:.5f}s window: {count}"
        )
