"""`node list` and `node info`."""

from __future__ import annotations

import argparse
import sys

from mbrl_ros.cli.ros_tools.graph import NamesAndTypes, find_node, node_names, split, visible
from mbrl_ros.cli.ros_tools.session import Session
from mbrl_ros.cli.ros_tools.verbs import CommandError


def list_nodes(arguments: argparse.Namespace) -> int:
    """Print the nodes."""
    with Session(arguments.spin_time) as session:
        nodes = session.settled(lambda: node_names(session, arguments.all))
    print(len(nodes) if arguments.count_nodes else "\n".join(nodes), end="\n" if nodes else "")
    for name in sorted({name for name in nodes if nodes.count(name) > 1}):
        print(f"WARNING: {nodes.count(name)} nodes are called '{name}'", file=sys.stderr)
    return 0


def info(arguments: argparse.Namespace) -> int:
    """Print what a node reads, writes, offers and uses."""
    with Session(arguments.spin_time) as session:
        full = find_node(session, arguments.node_name)
        parts = split(full)
        node = session.node
        questions = {
            "Subscribers": node.get_subscriber_names_and_types_by_node,
            "Publishers": node.get_publisher_names_and_types_by_node,
            "Service Servers": node.get_service_names_and_types_by_node,
            "Service Clients": node.get_client_names_and_types_by_node,
        }

        def look() -> dict[str, NamesAndTypes]:
            try:
                return {title: ask(*parts) for title, ask in questions.items()}
            except (LookupError, RuntimeError):
                raise CommandError(f"node '{full}' went away") from None

        answers = session.settled(look, at_least=0.5)
        count = node_names(session, True).count(full)
    if count > 1:
        print(f"WARNING: {count} nodes are called '{full}'", file=sys.stderr)
    print(full)
    for title, entries in answers.items():
        print(f"  {title}:")
        for name, types in visible(entries, arguments.include_hidden):
            print(f"    {name}: {', '.join(types)}")
    return 0
