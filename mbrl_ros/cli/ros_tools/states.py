"""`lifecycle get`, `set`, `list` and `nodes`."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from mbrl_ros.cli.ros_tools.graph import call_node, find_node, is_hidden
from mbrl_ros.cli.ros_tools.session import Session
from mbrl_ros.cli.ros_tools.verbs import CommandError

_GET_STATE = "lifecycle_msgs/srv/GetState"
_TRANSITIONS = "lifecycle_msgs/srv/GetAvailableTransitions"
# A node may load a model or warm up in a transition [s].
_TRANSITION_TIME = 60.0


def get(arguments: argparse.Namespace) -> int:
    """Print the state of a node, or of all managed ones."""
    failed = False
    with Session(arguments.spin_time) as session:
        if arguments.node_name:
            print(_state(session, find_node(session, arguments.node_name)))
            return 0
        for node in _managed(session, arguments.include_hidden_nodes):
            try:
                print(f"{node}: {_state(session, node)}")
            except CommandError as error:
                print(error, file=sys.stderr)
                failed = True
    return int(failed)


def list_nodes(arguments: argparse.Namespace) -> int:
    """Print the managed nodes."""
    with Session(arguments.spin_time) as session:
        for node in _managed(session, arguments.include_hidden_nodes):
            print(node)
    return 0


def list_transitions(arguments: argparse.Namespace) -> int:
    """Print the transitions a node has from its state, or all it has."""
    service = "get_transition_graph" if arguments.all else "get_available_transitions"
    with Session(arguments.spin_time) as session:
        node = find_node(session, arguments.node_name)
        for entry in _transitions(session, node, service):
            print(
                f"- {entry.transition.label} [{entry.transition.id}]\n"
                f"\tStart: {entry.start_state.label}\n\tGoal: {entry.goal_state.label}"
            )
    return 0


def set_state(arguments: argparse.Namespace) -> int:
    """Trigger a transition, by its label or its number."""
    with Session(arguments.spin_time) as session:
        node = find_node(session, arguments.node_name)
        known = [
            entry.transition for entry in _transitions(session, node, "get_available_transitions")
        ]
        for transition in known:
            if arguments.transition in (transition.label, str(transition.id)):
                break
        else:
            names = "".join(f"\n- {entry.label} [{entry.id}]" for entry in known)
            raise CommandError(f"Unknown transition requested, available ones are:{names}")
        answer = call_node(
            session,
            node,
            "change_state",
            "lifecycle_msgs/srv/ChangeState",
            _TRANSITION_TIME,
            transition=transition,
        )
    if not answer.success:
        raise CommandError("Transitioning failed")
    print("Transitioning successful")
    return 0


def _managed(session: Session, hidden_too: bool) -> list[str]:
    services = session.settled(session.node.get_service_names_and_types)
    nodes = [
        name.removesuffix("/get_state")
        for name, types in services
        if name.endswith("/get_state") and _GET_STATE in types
    ]
    return sorted(node for node in nodes if hidden_too or not is_hidden(node))


def _state(session: Session, node: str) -> str:
    state = call_node(session, node, "get_state", _GET_STATE).current_state
    return f"{state.label} [{state.id}]"


def _transitions(session: Session, node: str, service: str) -> list[Any]:
    return list(call_node(session, node, service, _TRANSITIONS).available_transitions)
