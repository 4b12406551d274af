"""The ROS graph: nodes, topics and services, announced and read as in rmw_dds_common."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np

from mbrl_ros.ros.embedded.codec import deserialize, serialize
from mbrl_ros.ros.embedded.dds import Participant, Reader, Writer
from mbrl_ros.ros.embedded.endpoint import dds_type, user_data
from mbrl_ros.ros.embedded.messages import message_class
from mbrl_ros.ros.embedded.qos import DurabilityPolicy, QoSProfile
from mbrl_ros.ros.embedded.remote import Endpoint, endpoints, participants

_INFO = "rmw_dds_common/msg/ParticipantEntitiesInfo"
_NodeInfo = message_class("rmw_dds_common/msg/NodeEntitiesInfo")
_Gid = message_class("rmw_dds_common/msg/Gid")


class TopicEndpointTypeEnum(IntEnum):
    """Direction of an endpoint."""

    INVALID = 0
    PUBLISHER = 1
    SUBSCRIPTION = 2


@dataclass
class TopicEndpointInfo:
    """A publisher or subscription somewhere in the domain."""

    node_name: str
    node_namespace: str
    topic_type: str
    topic_type_hash: str
    endpoint_type: TopicEndpointTypeEnum
    endpoint_gid: list[int]
    qos_profile: QoSProfile


@dataclass
class _Node:
    name: str
    namespace: str
    readers: set[bytes] = field(default_factory=set)
    writers: set[bytes] = field(default_factory=set)


def _ros_type(dds_name: str) -> str:
    parts = dds_name.split("::")
    if len(parts) == 4 and parts[2] == "dds_" and dds_name.endswith("_"):
        return "/".join((parts[0], parts[1], parts[3][:-1]))
    return dds_name


class Graph:
    """Announces our nodes to the domain, and answers queries about all."""

    def __init__(self, participant: Participant) -> None:
        self._participant = participant
        self._lock = threading.Lock()
        self._own: list[_Node] = []
        self._others: dict[bytes, list[_Node]] = {}
        topic = participant.topic("ros_discovery_info", dds_type(_INFO))
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._writer = Writer(participant, topic, latched, user_data(_INFO))
        # Read only on a query. Every participant writes to the one instance of this topic,
        # so the depth bounds what can accumulate until then.
        deep = QoSProfile(depth=1000, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._reader = Reader(participant, topic, deep, user_data(_INFO), ignore_local=True)

    # Announcements.

    def add_node(self, name: str, namespace: str) -> _Node:
        """Announce a node; returns a handle for the other methods."""
        node = _Node(name, namespace)
        with self._lock:
            self._own.append(node)
            self._publish()
        return node

    def remove_node(self, node: _Node) -> None:
        """Announce that a node is gone."""
        with self._lock:
            self._own.remove(node)
            self._publish()

    def update(self, node: _Node, *, readers: set[bytes], writers: set[bytes]) -> None:
        """Announce the endpoints of a node."""
        with self._lock:
            node.readers, node.writers = readers, writers
            self._publish()

    def _publish(self) -> None:
        message = message_class(_INFO)(
            gid=_gid(self._participant.gid),
            node_entities_info_seq=[
                _NodeInfo(
                    node_namespace=node.namespace,
                    node_name=node.name,
                    reader_gid_seq=[_gid(gid) for gid in sorted(node.readers)],
                    writer_gid_seq=[_gid(gid) for gid in sorted(node.writers)],
                )
                for node in self._own
            ],
        )
        self._writer.write(serialize(message))

    # Queries.

    def nodes(self) -> list[_Node]:
        """Return all nodes of the domain."""
        with self._lock:
            while (taken := self._reader.take()) is not None:
                try:
                    message = deserialize(taken[0], _INFO)
                except ValueError:
                    continue  # from a ROS 2 release with longer identifiers
                self._others[message.gid.data.tobytes()] = [
                    _Node(
                        info.node_name,
                        info.node_namespace,
                        {gid.data.tobytes() for gid in info.reader_gid_seq},
                        {gid.data.tobytes() for gid in info.writer_gid_seq},
                    )
                    for info in message.node_entities_info_seq
                ]
            alive = participants(self._participant)
            self._others = {gid: nodes for gid, nodes in self._others.items() if gid in alive}
            return [*self._own, *(node for nodes in self._others.values() for node in nodes)]

    def _endpoints(self) -> list[Endpoint]:
        return endpoints(self._participant)

    def topics(self) -> list[tuple[str, list[str]]]:
        """Return all topics and their types."""
        return _collect(_topic_of(endpoint) for endpoint in self._endpoints())

    def services(self) -> list[tuple[str, list[str]]]:
        """Return all services and their types."""
        return _collect(_service_of(endpoint) for endpoint in self._endpoints())

    def of_node(
        self, name: str, namespace: str, *, readers: bool, services: bool
    ) -> list[tuple[str, list[str]]]:
        """Return topics or services of a node: what it reads, or what it writes.

        Raises:
            LookupError: if there is no such node.
        """
        gids: set[bytes] = set()
        found = False
        for node in self.nodes():
            if (node.name, node.namespace) == (name, namespace):
                found = True
                gids |= node.readers if readers else node.writers
        if not found:
            raise LookupError(f"cannot find node '{namespace.rstrip('/')}/{name}'")
        own = [endpoint for endpoint in self._endpoints() if endpoint.gid in gids]
        if services:
            # A server reads requests, a client writes them.
            requests = [endpoint for endpoint in own if endpoint.topic.startswith("rq/")]
            return _collect(_service_of(endpoint) for endpoint in requests)
        return _collect(_topic_of(endpoint) for endpoint in own)

    def endpoints_of_topic(self, topic: str, *, readers: bool) -> list[TopicEndpointInfo]:
        """Return publishers or subscriptions of a topic."""
        owners = {gid: node for node in self.nodes() for gid in (node.readers | node.writers)}
        unknown = _Node("_NODE_NAME_UNKNOWN_", "_NODE_NAMESPACE_UNKNOWN_")
        result = []
        for endpoint in self._endpoints():
            if endpoint.topic != f"rt{topic}" or endpoint.is_reader != readers:
                continue
            node = owners.get(endpoint.gid, unknown)
            result.append(
                TopicEndpointInfo(
                    node.name,
                    node.namespace,
                    _ros_type(endpoint.type),
                    endpoint.qos.value("typehash"),
                    TopicEndpointTypeEnum.SUBSCRIPTION
                    if readers
                    else TopicEndpointTypeEnum.PUBLISHER,
                    list(endpoint.gid),
                    endpoint.qos.profile,
                )
            )
        return result

    def count(self, topic: str, *, readers: bool) -> int:
        """Return the number of endpoints of a DDS topic."""
        return sum(
            endpoint.topic == topic and endpoint.is_reader == readers
            for endpoint in self._endpoints()
        )


def _gid(data: bytes) -> Any:
    return _Gid(data=np.frombuffer(data, np.uint8))


def _topic_of(endpoint: Endpoint) -> tuple[str, str] | None:
    if not endpoint.topic.startswith("rt/"):
        return None
    return endpoint.topic[2:], _ros_type(endpoint.type)


def _service_of(endpoint: Endpoint) -> tuple[str, str] | None:
    for prefix, suffix, half in (("rq/", "Request", "_Request"), ("rr/", "Reply", "_Response")):
        if endpoint.topic.startswith(prefix) and endpoint.topic.endswith(suffix):
            name = endpoint.topic[2 : -len(suffix)]
            return name, _ros_type(endpoint.type).removesuffix(half)
    return None


def _collect(pairs: Iterable[tuple[str, str] | None]) -> list[tuple[str, list[str]]]:
    found: dict[str, set[str]] = {}
    for pair in pairs:
        if pair is not None:
            found.setdefault(pair[0], set()).add(pair[1])
    return [(name, sorted(types)) for name, types in sorted(found.items())]
