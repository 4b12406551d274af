"""`service list`, `type` and `call`."""

from __future__ import annotations

import argparse

from mbrl_ros.cli.ros_tools.fill import fill, parse_values
from mbrl_ros.cli.ros_tools.graph import absolute, print_names, visible
from mbrl_ros.cli.ros_tools.interfaces import find_interface
from mbrl_ros.cli.ros_tools.session import Session
from mbrl_ros.cli.ros_tools.verbs import CommandError
from mbrl_ros.ros.interfaces import interface_name


def list_services(arguments: argparse.Namespace) -> int:
    """Print the services."""
    with Session(arguments.spin_time) as session:
        found = session.settled(session.node.get_service_names_and_types)
    names = visible(found, arguments.include_hidden_services)
    print_names(names, arguments.count_services, arguments.show_types)
    return 0


def show_type(arguments: argparse.Namespace) -> int:
    """Print the type of a service."""
    service = absolute(arguments.service_name, "service")
    with Session(arguments.spin_time) as session:
        types = session.find(lambda: _types_of(session, service))
    if not types:
        raise CommandError(f"Unknown service '{service}'")
    print("\n".join(types))
    return 0


def call_service(arguments: argparse.Namespace) -> int:
    """Call a service and print its response."""
    service = absolute(arguments.service_name, "service")
    service_type = find_interface(arguments.service_type, "srv")
    request = service_type.Request()
    stamps = fill(request, parse_values(arguments.values, service_type.Request))
    with Session(arguments.spin_time) as session:
        client = session.node.create_client(service_type, service)
        wanted = interface_name(service_type)

        def other_types() -> set[str]:
            return set(_types_of(session, service)) - {wanted}

        session.find(lambda: client.service_is_ready() or other_types())
        if not client.service_is_ready():
            if others := other_types():
                raise ValueError(f"service '{service}' is of type {', '.join(sorted(others))}")
            raise CommandError(f"service '{service}' is not available")
        for stamp in stamps:
            stamp(session.node.get_clock().now().to_msg())
        print(f"requester: making request: {request!r}\n", flush=True)
        print(f"response:\n{session.call(client, request, arguments.timeout)!r}\n")
    return 0


def _types_of(session: Session, service: str) -> list[str]:
    for name, types in session.node.get_service_names_and_types():
        if name == service:
            return list(types)
    return []
