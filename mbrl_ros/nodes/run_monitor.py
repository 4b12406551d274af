"""The node run_monitor: follows a run and records its metrics.

Writes ``run_dir/metrics.jsonl``, a line per second, and curves to ``run_dir/tensorboard``.
Subscribes ``observation``, ``action``, ``transition``, ``controller_status``, ``guard_status`` and
``training_status``. As a separate process, it prints occasional lines, and writes the report of the
run when it ends.
"""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from mbrl_ros.core.settings import setting
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.nodes.parameters import declare
from mbrl_ros.nodes.qos import EVENTS
from mbrl_ros.nodes.runner import run_node
from mbrl_ros.nodes.subscribing import ObservationSubscription
from mbrl_ros.nodes.timers import create_steady_timer
from mbrl_ros.reports.curves import Curves
from mbrl_ros.reports.lines import one_line
from mbrl_ros.reports.metrics import RunMetrics
from mbrl_ros.reports.run_curves import RunCurves
from mbrl_ros.ros import Node, Parameter
from mbrl_ros.ros import interfaces as ri

_PERIOD = 1.0


@dataclass(frozen=True)
class MonitorSettings:
    """The monitor's parameters."""

    action_repeat: int = setting(1, "environment steps per control step, as for mujoco_sim", low=1)
    plant: str = setting("mujoco_sim", "the node that publishes the observations")
    line_period: float = setting(0.0, "time between printed lines [s]; 0: none", low=0.0)
    report: bool = setting(False, "write the report of the run at the end")


class RunMonitor(Node):
    """Connects `RunMetrics` to ROS.

    Attributes:
        metrics: updated by the thread that spins the node.
        started: start time since the epoch [s].
        settings: the node's own parameters.
        run_dir: None: write nothing.
    """

    def __init__(self, parameters: list[Parameter] | None = None) -> None:
        """Start following.

        Args:
            parameters: overrides, in addition to those on the command line.

        Raises:
            ValueError: naming the invalid parameter.
            OSError: if the files cannot be created.
        """
        super().__init__("run_monitor", parameter_overrides=parameters)
        task, settings = declare(self, TaskSettings, MonitorSettings)
        self.settings: MonitorSettings = settings
        self.run_dir = Path(task.run_dir) if task.run_dir else None
        self.metrics = RunMetrics(
            settings.action_repeat, len(task.observation.names), settings.plant
        )
        self.started = time.time()
        self._file: TextIO | None = None
        self._curves: RunCurves | None = None
        if self.run_dir is not None:
            self._file = (self.run_dir / "metrics.jsonl").open("a", encoding="utf-8")
            curves = Curves(self.run_dir, self.get_logger().error)
            self._curves = RunCurves(self.metrics, curves)
        ObservationSubscription(self, lambda message: self._take("Observation", message))
        for topic, kind in (
            ("action", "Action"),
            ("transition", "Transition"),
            ("controller_status", "ControllerStatus"),
            ("guard_status", "GuardStatus"),
            ("training_status", "TrainingStatus"),
        ):
            self._follow(topic, kind)
        create_steady_timer(self, _PERIOD, self._write)
        if settings.line_period > 0:
            create_steady_timer(self, settings.line_period, self._print)

    def destroy_node(self) -> None:
        """Write the last line."""
        self._write()
        if self._curves is not None:
            self._curves.curves.close()
            self._curves = None
        if self._file is not None:
            with contextlib.suppress(OSError):  # a full disk, reported already
                self._file.close()
            self._file = None
        super().destroy_node()

    def _follow(self, topic: str, kind: str) -> None:
        self.create_subscription(getattr(ri, kind), topic, lambda m: self._take(kind, m), EVENTS)

    def _take(self, kind: str, message: Any) -> None:
        self.metrics.feed(kind, message, time.time())
        if self._curves is not None:
            self._curves.feed(kind, message)

    def _write(self) -> None:
        if self._curves is not None:
            self._curves.curves.flush()
        if self._file is None:
            return
        now = time.time()
        line: dict[str, Any] = {"seconds": round(now - self.started, 2)}
        line |= self.metrics.snapshot(now)
        try:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
        except OSError as error:
            self.get_logger().error(f"metrics.jsonl: {error.strerror}", throttle_duration_sec=10.0)

    def _print(self) -> None:
        now = time.time()
        print(one_line(self.metrics, now, now - self.started), flush=True)


def main(args: list[str] | None = None) -> int:
    """Run the node, then write the report if requested."""
    made: list[RunMonitor] = []

    def make() -> RunMonitor:
        made.append(RunMonitor())
        return made[0]

    code = run_node(make, args)
    if code == 0 and made[0].settings.report and made[0].run_dir is not None:
        # Imported lazily: it draws figures and reads models.
        from mbrl_ros.reports.report import write_report

        report = write_report(made[0].run_dir, wait_for_bag=True)
        print("\n".join(report.lines()), flush=True)
    return code
