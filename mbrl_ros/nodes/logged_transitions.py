"""Every transition of a logger, in order, whenever one started to listen."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from mbrl_ros.core.records import Transition
from mbrl_ros.data.messages import read_transition
from mbrl_ros.nodes.qos import EVENTS
from mbrl_ros.ros import Future, Node
from mbrl_ros.ros import interfaces as ri

# Transitions per request; small enough not to block the logger.
_CHUNK = 500
# Timeout of a request [s].
_PATIENCE = 3.0
# Transitions that are recognised if a log has them again: half an hour of 50 a second.
_MEMORY = 100_000


class LoggedTransitions:
    """Hears the topic ``transition``, and requests from the logger what it has missed.

    A log that lost its end, as that of a logger that is killed while the disk is full, is followed
    from there on, and a new one from its beginning; what both have is taken once.
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
        # What the newest ones that were taken said, by their position.
        self._taken: dict[int, int] = {}
        # How far back the last search went for where a changed log agrees; 0: there is none.
        self._back = 0
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
            self._ask()

    def _on_transition(self, message: ri.Transition) -> None:
        if self._in_doubt:
            return  # what is asked for begins before it
        if message.index == self._expected:
            self._take(message)
        elif message.index > self._expected:
            self._ask()
        # Else a response overtook the topic, or the log is not what it was.
        elif not self._knows(message):
            self._in_doubt = True

    def _knows(self, message: ri.Transition) -> bool:
        """Return whether this transition was taken at its position."""
        return self._taken.get(message.index) == _digest(message)

    def _take(self, message: ri.Transition) -> None:
        """Take the next transition of the log, unless the log before had it, too."""
        self._expected = message.index + 1
        if self._knows(message):
            return
        self._taken.pop(message.index, None)
        self._taken[message.index] = _digest(message)
        if len(self._taken) > _MEMORY:
            del self._taken[next(iter(self._taken))]
        self._take_in(read_transition(message))

    def _ask(self, agreed: bool = False) -> None:
        """Request missing transitions from the logger, unless a request is pending.

        Args:
            agreed: whether the log has just been seen to be the same as before; otherwise the one
                before them is requested, too, which shows that.
        """
        if self._asking is not None or not self._earlier.service_is_ready():
            return
        self._in_doubt = False
        first = self._expected if agreed else max(0, self._expected - 1)
        request = ri.GetTransitions.Request(first=first, count=_CHUNK)
        self._asked_at = time.monotonic()
        self._asking = self._earlier.call_async(request)
        self._asking.add_done_callback(self._on_earlier)

    def _on_earlier(self, future: Future) -> None:
        self._asking = None
        if future.cancelled() or future.exception() is not None:
            return
        response, expected = future.result(), self._expected
        before = [m for m in response.transitions if m.index < expected]
        if response.total < expected or not all(self._knows(m) for m in before):
            self._go_back(response.total)
            return
        self._back = 0
        for message in response.transitions:
            if message.index >= self._expected:
                self._take(message)
        if self._expected >= response.total:
            return
        # A page ends with its file, even if that is all that agrees.
        if before or self._expected > expected:
            self._ask(agreed=True)
        else:
            # The logger cannot read them, and takes time to find out: `look` alone asks again.
            self._in_doubt = True

    def _go_back(self, total: int) -> None:
        """Look farther back for where a changed log agrees with what was taken."""
        self._back = max(_CHUNK, 2 * self._back)
        self._expected = max(0, min(self._expected, total) - self._back)
        self._ask()


def _digest(message: Any) -> int:
    """Return a number that tells a transition from others of its position."""
    numbers = (message.observation, message.action, message.next_observation)
    stamp = message.header.stamp
    return hash((
        message.episode, message.step, stamp.sec, stamp.nanosec,
        *(np.asarray(each, dtype=np.float64).tobytes() for each in numbers),
    ))  # fmt: skip
