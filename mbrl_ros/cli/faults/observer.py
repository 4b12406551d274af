"""An independent observer: hears every command that reaches the plant, and sees recovery."""

from __future__ import annotations

import math
import time
from typing import Any

from mbrl_ros.cli.faults.judge import Judge
from mbrl_ros.nodes.qos import EVENTS, LATCHED
from mbrl_ros.ros import Node
from mbrl_ros.ros import interfaces as ri

#: Marks what the harness itself makes up: reward of observations and transitions, planning time of
#: actions.
STRANGE = -12345.0
# Observations in a row, each after a command that acted, that show that the plant is controlled.
_CONTROLLED = 5


class Observer(Node):
    """Hears everything.

    Attributes:
        judge: of the commands.
        transitions: index to (episode, step) of each that the logger has published.
    """

    def __init__(self, judge: Judge) -> None:
        """Begin to observe."""
        super().__init__("fault_observer", enable_rosout=False)
        self.judge = judge
        self.transitions: dict[int, tuple[int, int]] = {}
        self._heard: dict[str, tuple[float, Any]] = {}
        # Since when, and for how many observations, commands have acted.
        self._controlled: tuple[float, int] = (math.inf, 0)
        for topic, kind, callback in (
            ("observation", ri.Observation, self._on_observation),
            ("action", ri.Action, self._on_action),
            ("transition", ri.Transition, self._on_transition),
            ("training_status", ri.TrainingStatus, self._keep("model_trainer")),
            ("controller_status", ri.ControllerStatus, self._keep("mpc_controller")),
        ):
            self.create_subscription(kind, topic, callback, EVENTS)
        self.create_subscription(
            ri.GuardStatus, "guard_status", self._keep("safety_guard"), LATCHED
        )

    def missing(self, since: float) -> str:
        """Return what does not work again yet; empty if everything does.

        Args:
            since: the end of the fault, on ``time.monotonic`` [s].
        """
        for node in ("data_logger", "model_trainer", "mpc_controller", "safety_guard"):
            if self._heard.get(node, (-math.inf, None))[0] <= since:
                return f"nothing from {node}"
        status, guard = self._heard["mpc_controller"][1], self._heard["safety_guard"][1]
        if status.state != "active" or status.model_sequence == 0:
            return f"the controller: {status.state}, {status.reason}"
        if guard.state != "armed":
            return f"the guard: {guard.state}, {guard.reason}"
        began, count = self._controlled
        if began <= since or count < _CONTROLLED:
            return "the plant is not controlled"
        return ""

    def forget(self) -> None:
        """Begin to count anew how long the plant is controlled."""
        self._controlled = (math.inf, 0)

    def _keep(self, node: str) -> Any:
        return lambda message: self._heard.__setitem__(node, (time.monotonic(), message))

    def _on_transition(self, message: Any) -> None:
        if message.reward == STRANGE:
            return
        self.transitions[int(message.index)] = (int(message.episode), int(message.step))
        self._heard["data_logger"] = (time.monotonic(), message)

    def _on_observation(self, message: Any) -> None:
        if message.reward == STRANGE:
            return
        acts = self.judge.observed(message)
        if acts is not None:
            began, count = self._controlled
            now = time.monotonic()
            self._controlled = (min(began, now), count + 1) if acts else (math.inf, 0)

    def _on_action(self, message: Any) -> None:
        if message.plan_time != STRANGE:  # whether it acts, the plant will tell
            self.judge.commanded(message)
