"""Every transition of a logger, in order, whenever one started to listen."""

from __future__ import annotations

import time
from collections.abc import Callable

from mbrl_ros.core.records import Transition
from mbrl_ros.data.messages import read_transition
from mbrl_ros.nodes.qos import EVENTS
from mbrl_ros.ros import Future, Node
from mbrl_ros.ros import interfaces as ri

# Transitions per request; small enough not to block the logger.
_CHUNK = 500
# Timeout of a request [s].
_PATIENCE = 3.0


class LoggedTransitions:
    """Hears the topic ``transition``, and requests from the logger what it has missed.

    A new log, which begins at 0 again, is followed like the one before.
    """

    def __init__(self, node: Node, take: Callable[[Transition], object], robot: str = "") -> None:
        """Start to listen.

        Args:
            node: that listens.
            take: called with each transition, in the order of the log.
            robot: namespace of the logger; empty: that of the node.
        """
        self._take_in = take
        self._expected = 0
        self._asking: Future | None = None
        self._asked_at = 0.0
        self._in_doubt = False
        above = f"{robot}/" if robot else ""
        self._earlier = node.create_client(ri.GetTransitions, f"{above}data_logger/get_transitions")
        node.create_subscription(ri.Transition, f"{above}transition", self._on_transition, EVENTS)

    def look(self) -> None:
        """Request what was missed, if anything may have been; to be called about once a second."""
        # A killed logger does not answer, and its successor has not received the request.
        if self._asking is not None and time.monotonic() - self._asked_at > _PATIENCE:
            self._earlier.remove_pending_request(self._asking)
            self._asking, self._in_doubt = None, True
        # Before the first transition of its own, a restarted trainer may have missed many.
        if self._in_doubt or self._expected == 0:
            self._in_doubt = False
            self._ask()

    def _on_transition(self, message: ri.Transition) -> None:
        if message.index == self._expected:
            self._take(message)
        elif message.index < self._expected:
            # Either a response overtook the topic, or the logger has started a new log, as a
            # request will show.
            self._in_doubt = True
        elif not self._in_doubt:
            self._ask()

    def _take(self, message: ri.Transition) -> None:
        self._expected += 1
        self._take_in(read_transition(message))

    def _ask(self) -> None:
        """Request missing transitions from the logger, unless a request is pending."""
        if self._asking is not None or not self._earlier.service_is_ready():
            return
        request = ri.GetTransitions.Request(first=self._expected, count=_CHUNK)
        self._asked_at = time.monotonic()
        self._asking = self._earlier.call_async(request)
        self._asking.add_done_callback(self._on_earlier)

    def _on_earlier(self, future: Future) -> None:
        self._asking = None
        if future.cancelled() or future.exception() is not None:
            return
        response = future.result()
        if response.total < self._expected:
            # What was learned from the old log is kept.
            self._expected = 0
            self._ask()
            return
        for message in response.transitions:
            if message.index == self._expected:
                self._take(message)
        if response.transitions and self._expected < response.total:
            self._ask()
        elif self._expected < response.total:
            # The logger cannot read them, and takes time to find out: `look` alone asks again.
            self._in_doubt = True
