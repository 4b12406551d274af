"""A node's queries about nodes, topics and services."""

from mbrl_ros.ros.embedded.graph import Graph, TopicEndpointInfo

NamesAndTypes = list[tuple[str, list[str]]]


class NodeGraphMixin:
    """The part of a node that queries the graph."""

    _graph: Graph

    def get_node_names(self) -> list[str]:
        """Return the names of all nodes."""
        return [node.name for node in self._graph.nodes()]

    def get_node_names_and_namespaces(self) -> list[tuple[str, str]]:
        """Return names and namespaces of all nodes."""
        return [(node.name, node.namespace) for node in self._graph.nodes()]

    def get_topic_names_and_types(self) -> NamesAndTypes:
        """Return all topics with their types."""
        return self._graph.topics()

    def get_service_names_and_types(self) -> NamesAndTypes:
        """Return all services with their types."""
        return self._graph.services()

    def get_publisher_names_and_types_by_node(
        self, node_name: str, node_namespace: str
    ) -> NamesAndTypes:
        """Return the topics a node publishes."""
        return self._graph.of_node(node_name, node_namespace, readers=False, services=False)

    def get_subscriber_names_and_types_by_node(
        self, node_name: str, node_namespace: str
    ) -> NamesAndTypes:
        """Return the topics a node subscribes to."""
        return self._graph.of_node(node_name, node_namespace, readers=True, services=False)

    def get_service_names_and_types_by_node(
        self, node_name: str, node_namespace: str
    ) -> NamesAndTypes:
        """Return the services a node offers."""
        return self._graph.of_node(node_name, node_namespace, readers=True, services=True)

    def get_client_names_and_types_by_node(
        self, node_name: str, node_namespace: str
    ) -> NamesAndTypes:
        """Return the services a node uses."""
        return self._graph.of_node(node_name, node_namespace, readers=False, services=True)

    def get_publishers_info_by_topic(self, topic_name: str) -> list[TopicEndpointInfo]:
        """Return the publishers of a topic."""
        return self._graph.endpoints_of_topic(self._topic(topic_name), readers=False)

    def get_subscriptions_info_by_topic(self, topic_name: str) -> list[TopicEndpointInfo]:
        """Return the subscriptions of a topic."""
        return self._graph.endpoints_of_topic(self._topic(topic_name), readers=True)

    def count_publishers(self, topic_name: str) -> int:
        """Return the number of publishers of a topic; like rclpy, without remapping."""
        return self._graph.count(f"rt{self._topic(topic_name, False)}", readers=False)

    def count_subscribers(self, topic_name: str) -> int:
        """Return the number of subscriptions of a topic; like rclpy, without remapping."""
        return self._graph.count(f"rt{self._topic(topic_name, False)}", readers=True)

    def _topic(self, name: str, remap: bool = True) -> str:
        return self.resolve_topic_name(name, only_expand=not remap)

    def resolve_topic_name(self, topic: str, *, only_expand: bool = False) -> str:
        """Return the absolute name of a topic; implemented by the node."""
        raise NotImplementedError
