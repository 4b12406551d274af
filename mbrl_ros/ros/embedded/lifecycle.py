"""Managed nodes: the standard state machine of ROS 2."""

import threading
import traceback
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

from mbrl_ros.ros.embedded.exceptions import RCLError
from mbrl_ros.ros.embedded.messages import message_class, service_class
from mbrl_ros.ros.embedded.node import Node
from mbrl_ros.ros.embedded.publisher import Publisher
from mbrl_ros.ros.embedded.qos import QoSProfile


class TransitionCallbackReturn(Enum):
    """Outcome of a transition callback."""

    SUCCESS = 97
    FAILURE = 98
    ERROR = 99

    def to_label(self) -> str:
        """Return the name of the transition that follows."""
        return f"transition_{self.name.lower()}"


class LifecycleState(NamedTuple):
    """A state of the state machine."""

    label: str
    state_id: int


class _Transition(NamedTuple):
    number: int
    label: str
    start: int
    goal: int


_STATES = {
    0: "unknown",
    1: "unconfigured",
    2: "inactive",
    3: "active",
    4: "finalized",
    10: "configuring",
    11: "cleaningup",
    12: "shuttingdown",
    13: "activating",
    14: "deactivating",
    15: "errorprocessing",
}


def _outcomes(first: int, start: int, success: int, failure: int, error: int) -> list[_Transition]:
    return [
        _Transition(first, "transition_success", start, success),
        _Transition(first + 1, "transition_failure", start, failure),
        _Transition(first + 2, "transition_error", start, error),
    ]


_TRANSITIONS = [
    _Transition(1, "configure", 1, 10),
    *_outcomes(10, 10, 2, 1, 15),
    _Transition(2, "cleanup", 2, 11),
    *_outcomes(20, 11, 1, 2, 15),
    _Transition(3, "activate", 2, 13),
    *_outcomes(30, 13, 3, 2, 15),
    _Transition(4, "deactivate", 3, 14),
    *_outcomes(40, 14, 2, 3, 15),
    _Transition(5, "shutdown", 1, 12),
    _Transition(6, "shutdown", 2, 12),
    _Transition(7, "shutdown", 3, 12),
    *_outcomes(50, 12, 4, 4, 15),
    *_outcomes(60, 15, 1, 4, 4),
]


def _state(number: int) -> LifecycleState:
    return LifecycleState(_STATES[number], number)


class LifecyclePublisher(Publisher):
    """Publishes only while its node is active."""

    is_activated = False

    def publish(self, msg: Any) -> None:
        """Publish a message; ignored while inactive."""
        if self.is_activated:
            super().publish(msg)


class LifecycleNode(Node):
    """A node that others configure, activate, deactivate, clean up and shut down."""

    def __init__(
        self, node_name: str, *, enable_communication_interface: bool = True, **options: Any
    ) -> None:
        super().__init__(node_name, **options)
        self._state = 1
        # Transitions come from services and from the node itself, also on other threads.
        self._state_lock = threading.RLock()
        self._lifecycle_publishers: list[LifecyclePublisher] = []
        self._transition_events: Publisher | None = None
        if not enable_communication_interface:
            return
        self._transition_events = self.create_publisher(
            message_class("lifecycle_msgs/msg/TransitionEvent"),
            "~/transition_event",
            QoSProfile(depth=10),
        )
        for name, stem, callback in (
            ("change_state", "ChangeState", self._on_change_state),
            ("get_state", "GetState", self._on_get_state),
            ("get_available_states", "GetAvailableStates", self._on_get_states),
            ("get_available_transitions", "GetAvailableTransitions", self._on_get_transitions),
            ("get_transition_graph", "GetAvailableTransitions", self._on_get_graph),
        ):
            self.create_service(service_class(f"lifecycle_msgs/srv/{stem}"), f"~/{name}", callback)

    # For subclasses to override.

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Prepare for activation; ``state`` is the previous one."""
        return TransitionCallbackReturn.SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Undo `on_configure()`."""
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop for good."""
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start working; overriding methods call this one."""
        for publisher in self._lifecycle_publishers:
            publisher.is_activated = True
        return TransitionCallbackReturn.SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop working; overriding methods call this one."""
        for publisher in self._lifecycle_publishers:
            publisher.is_activated = False
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Recover from a failed transition: SUCCESS leads to unconfigured, else finalized."""
        return TransitionCallbackReturn.SUCCESS

    # Publishers.

    def create_lifecycle_publisher(
        self, msg_type: Any, topic: str, qos_profile: QoSProfile | int
    ) -> LifecyclePublisher:
        """Create a publisher that publishes only while the node is active."""
        publisher = self.create_publisher(
            msg_type, topic, qos_profile, publisher_class=LifecyclePublisher
        )
        assert isinstance(publisher, LifecyclePublisher)
        self._lifecycle_publishers.append(publisher)
        return publisher

    def destroy_lifecycle_publisher(self, publisher: LifecyclePublisher) -> bool:
        """Remove a lifecycle publisher; returns whether it was there."""
        if publisher in self._lifecycle_publishers:
            self._lifecycle_publishers.remove(publisher)
        return self.destroy_publisher(publisher)

    # Transitions.

    def trigger_configure(self) -> TransitionCallbackReturn:
        """Go from unconfigured to inactive."""
        return self._change_state("configure")

    def trigger_cleanup(self) -> TransitionCallbackReturn:
        """Go from inactive to unconfigured."""
        return self._change_state("cleanup")

    def trigger_activate(self) -> TransitionCallbackReturn:
        """Go from inactive to active."""
        return self._change_state("activate")

    def trigger_deactivate(self) -> TransitionCallbackReturn:
        """Go from active to inactive."""
        return self._change_state("deactivate")

    def trigger_shutdown(self) -> TransitionCallbackReturn:
        """Go to finalized."""
        return self._change_state("shutdown")

    def _change_state(self, wanted: str | int) -> TransitionCallbackReturn:
        with self._state_lock:
            before = _state(self._state)
            self._step(wanted)
            outcome = self._call_back(before)
            self._step(outcome.to_label())
            if outcome is TransitionCallbackReturn.ERROR:
                self._step(self._call_back(before).to_label())
            return outcome

    def _step(self, wanted: str | int) -> None:
        for transition in _TRANSITIONS:
            if transition.start == self._state and wanted in transition[:2]:
                break
        else:
            raise RCLError(
                "Failed to trigger lifecycle state machine transition: "
                f"no transition '{wanted}' from state '{_STATES[self._state]}'"
            )
        self._state = transition.goal
        if self._transition_events is not None and self.context.ok():
            message = self._transition_events.msg_type(timestamp=self.get_clock().nanoseconds())
            _describe(message, transition)
            self._transition_events.publish(message)

    def _call_back(self, before: LifecycleState) -> TransitionCallbackReturn:
        callbacks: dict[int, Callable[[LifecycleState], TransitionCallbackReturn]] = {
            10: self.on_configure,
            11: self.on_cleanup,
            12: self.on_shutdown,
            13: self.on_activate,
            14: self.on_deactivate,
            15: self.on_error,
        }
        try:
            result = callbacks[self._state](before)
            if not isinstance(result, TransitionCallbackReturn):
                raise TypeError(f"returned {result!r}, not a TransitionCallbackReturn")
        except Exception:
            self.get_logger().error(
                f"Exception while {_STATES[self._state]}:\n{traceback.format_exc().rstrip()}"
            )
            return TransitionCallbackReturn.ERROR
        return result

    # Services.

    def _on_change_state(self, request: Any, response: Any) -> Any:
        try:
            outcome = self._change_state(request.transition.label or request.transition.id)
        except RCLError as error:
            self.get_logger().warning(str(error))
            response.success = False
        else:
            response.success = outcome is TransitionCallbackReturn.SUCCESS
        return response

    def _on_get_state(self, request: Any, response: Any) -> Any:
        response.current_state.id = self._state
        response.current_state.label = _STATES[self._state]
        return response

    def _on_get_states(self, request: Any, response: Any) -> Any:
        state = message_class("lifecycle_msgs/msg/State")
        response.available_states = [
            state(id=number, label=label) for number, label in _STATES.items()
        ]
        return response

    def _on_get_transitions(self, request: Any, response: Any) -> Any:
        response.available_transitions = _descriptions(self._state)
        return response

    def _on_get_graph(self, request: Any, response: Any) -> Any:
        response.available_transitions = _descriptions(None)
        return response


def _describe(message: Any, transition: _Transition) -> Any:
    message.transition.id, message.transition.label = transition[:2]
    message.start_state.id, message.start_state.label = transition.start, _STATES[transition.start]
    message.goal_state.id, message.goal_state.label = transition.goal, _STATES[transition.goal]
    return message


def _descriptions(start: int | None) -> list[Any]:
    made = message_class("lifecycle_msgs/msg/TransitionDescription")
    return [
        _describe(made(), transition)
        for transition in _TRANSITIONS
        if start in (None, transition.start)
    ]
