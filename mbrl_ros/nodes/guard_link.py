"""What the controller hears of the guard, and asks of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mbrl_ros.control.controller import Controller
from mbrl_ros.core.limits import LimitSettings
from mbrl_ros.core.records import Observation
from mbrl_ros.data.messages import read_limits
from mbrl_ros.nodes.qos import COMMAND, LATCHED
from mbrl_ros.nodes.timers import create_steady_timer
from mbrl_ros.ros import Node
from mbrl_ros.ros import interfaces as ri

# Time in which the guard must answer whether it arms [s].
_PATIENCE = 2.0
# Minimum time between two identical warnings [s].
_COMPLAINT_PERIOD = 5.0


class GuardLink:
    """Has the controller plan within the guard's limits, and on from what the guard has sent."""

    def __init__(
        self,
        node: Node,
        controller: Controller,
        limits: LimitSettings,
        newest: Callable[[], Observation | None],
    ) -> None:
        """Hear nothing yet.

        Args:
            node: the controller's.
            controller: of the node.
            limits: of the task.
            newest: returns the newest observation; None: there is none.
        """
        self._node, self._log = node, node.get_logger()
        self._controller, self._limits, self._newest = controller, limits, newest
        self._stopped, self._told = "", False
        self._arming = node.create_client(ri.Trigger, "safety_guard/arm")

    def connect(self) -> list[Any]:
        """Hear it from now on; return the subscriptions."""
        node = self._node
        return [
            node.create_subscription(ri.GuardStatus, "guard_status", self._on_status, LATCHED),
            node.create_subscription(ri.Limits, "limits", self._on_limits, LATCHED),
            node.create_subscription(
                ri.Intervention, "intervention", self._on_intervention, COMMAND
            ),
        ]

    @property
    def missing(self) -> str:
        """What is missing of it for the plant to be commanded; empty: nothing."""
        # A controller that is e-stopped itself sends nothing but the safe command.
        if self._stopped and not self._controller.estopped:
            return f"the guard is stopped ({self._stopped}) until ~/arm is called"
        if not self._told and self._node.count_publishers("guard_status"):
            return "the guard has not told its state yet"
        return ""

    async def arm(self) -> str:
        """Ask it to arm, if it is there; return why it does not, empty: it does."""
        if not self._arming.service_is_ready():
            return ""
        asked = self._arming.call_async(ri.Trigger.Request())

        def give_up() -> None:
            if not asked.done():
                asked.set_result(None)

        patience = create_steady_timer(self._node, _PATIENCE, give_up)
        answer = await asked
        self._node.destroy_timer(patience)
        if answer is None:
            return f"no answer within {_PATIENCE:g} s"
        return "" if answer.success else str(answer.message)

    def _on_status(self, message: ri.GuardStatus) -> None:
        self._told = True
        self._stopped = message.reason if message.state == "stopped" else ""

    def _on_limits(self, message: ri.Limits) -> None:
        try:
            self._controller.limit(read_limits(message, self._limits))
        except ValueError as error:  # a stranger's: the guard's fit
            self._log.warning(str(error), throttle_duration_sec=_COMPLAINT_PERIOD)

    def _on_intervention(self, message: ri.Intervention) -> None:
        newest = self._newest()
        if newest is None or newest.episode != message.episode:
            return
        try:
            values = self._controller.action.check(message.values, "intervention")
        except ValueError as error:  # a stranger's: the guard's are well-formed
            self._log.warning(str(error), throttle_duration_sec=_COMPLAINT_PERIOD)
            return
        self._controller.known.latency.changed(message.step, values)
