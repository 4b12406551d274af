"""Nodes."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from mbrl_ros.ros.embedded import arguments, logging, names
from mbrl_ros.ros.embedded.clock import Clock, ClockType
from mbrl_ros.ros.embedded.context import Context, get_default_context
from mbrl_ros.ros.embedded.executor import ReentrantCallbackGroup, SingleThreadedExecutor
from mbrl_ros.ros.embedded.messages import Message, Service, message_class
from mbrl_ros.ros.embedded.node_graph import NodeGraphMixin
from mbrl_ros.ros.embedded.parameter import Parameter
from mbrl_ros.ros.embedded.parameter_services import ParameterServices
from mbrl_ros.ros.embedded.parameters import ParametersMixin
from mbrl_ros.ros.embedded.publisher import Publisher, PublisherEventCallbacks
from mbrl_ros.ros.embedded.qos import (
    QoSProfile,
    as_profile,
    qos_profile_parameter_events,
    qos_profile_rosout_default,
    qos_profile_services_default,
)
from mbrl_ros.ros.embedded.rosout import RosoutSink
from mbrl_ros.ros.embedded.services import Client
from mbrl_ros.ros.embedded.services import Service as Server
from mbrl_ros.ros.embedded.subscription import Subscription, SubscriptionEventCallbacks
from mbrl_ros.ros.embedded.time_source import TimeSource
from mbrl_ros.ros.embedded.timer import Timer

_Entity = TypeVar("_Entity", Publisher, Subscription, Server, Client)


def _refuse(unsupported: dict[str, Any]) -> None:
    given = [name for name, value in unsupported.items() if value is not None]
    if given:
        raise NotImplementedError(
            f"the embedded runtime does not support {', '.join(sorted(given))}"
        )


class Node(ParametersMixin, NodeGraphMixin):
    """A named part of the system, with parameters, publishers, subscriptions, ..."""

    def __init__(
        self,
        node_name: str,
        *,
        context: Context | None = None,
        cli_args: list[str] | None = None,
        namespace: str | None = None,
        use_global_arguments: bool = True,
        enable_rosout: bool = True,
        start_parameter_services: bool = True,
        parameter_overrides: list[Parameter] | None = None,
        allow_undeclared_parameters: bool = False,
        automatically_declare_parameters_from_overrides: bool = False,
        **unsupported: Any,
    ) -> None:
        _refuse(unsupported)
        self._context = get_default_context() if context is None else context
        self._executor: SingleThreadedExecutor | None = None
        self._publishers: list[Publisher] = []
        self._subscriptions: list[Subscription] = []
        self._services: list[Server] = []
        self._clients: list[Client] = []
        self._timers: list[Timer] = []
        self._destroyed = False

        sources = [arguments.parse(["--ros-args", *cli_args])] if cli_args else []
        if use_global_arguments:
            sources.append(self._context.arguments)
        self._remaps = [rule for source in sources for rule in source.remaps]
        self._name_node(node_name, namespace or "/")
        self._logger = logging.get_logger(self._full_name[1:].replace("/", "."))

        self.participant, self._graph = self._context.join(self)
        self._graph_node = self._graph.add_node(self._name, self._namespace)
        values: dict[str, Any] = {}
        for source in reversed(sources):
            values.update(source.parameters_of(self._full_name))
        overrides = {name: Parameter(name, value=value) for name, value in values.items()}
        overrides.update({item.name: item for item in parameter_overrides or []})
        self._init_parameters(overrides, allow_undeclared_parameters)
        self._clock = Clock(clock_type=ClockType.ROS_TIME)
        self._rosout: RosoutSink | None = None
        if enable_rosout and all(source.rosout for source in sources):
            publisher = self.create_publisher(
                message_class("rcl_interfaces/msg/Log"), "/rosout", qos_profile_rosout_default
            )
            self._rosout = RosoutSink(self.get_logger().name, publisher)
        self._parameter_events = self.create_publisher(
            message_class("rcl_interfaces/msg/ParameterEvent"),
            "/parameter_events",
            qos_profile_parameter_events,
        )
        if automatically_declare_parameters_from_overrides:
            for parameter in overrides.values():
                self.declare_parameter(parameter.name, parameter.value, ignore_override=True)
        self._time_source = TimeSource(
            self._clock, self, self.create_subscription, self.destroy_subscription
        )
        if start_parameter_services:
            self._parameter_services = ParameterServices(self, self.create_service)

    def _name_node(self, name: str, namespace: str) -> None:
        names.check_node_name(name)
        self._name, self._namespace = names.remap_node(self._remaps, name, namespace)
        if not self._namespace.startswith("/"):
            self._namespace = f"/{self._namespace}"
        names.check_node_name(self._name)
        names.check_namespace(self._namespace)
        self._full_name = names.qualified(self._name, self._namespace)

    # About the node itself.

    def get_name(self) -> str:
        """Return its name."""
        return self._name

    def get_namespace(self) -> str:
        """Return its namespace."""
        return self._namespace

    def get_fully_qualified_name(self) -> str:
        """Return its name with its namespace."""
        return self._full_name

    def get_logger(self) -> logging.Logger:
        """Return its logger."""
        return self._logger

    def get_clock(self) -> Clock:
        """Return its clock: system time, or /clock with use_sim_time."""
        return self._clock

    @property
    def context(self) -> Context:
        """The context it belongs to."""
        return self._context

    @property
    def executor(self) -> SingleThreadedExecutor | None:
        """The executor that runs its callbacks."""
        return self._executor

    @executor.setter
    def executor(self, executor: SingleThreadedExecutor | None) -> None:
        if self._executor is executor:
            return
        if executor is not None:
            executor.add_node(self)
        elif self._executor is not None:
            self._executor.remove_node(self)

    @property
    def publishers(self) -> Iterator[Publisher]:
        """Its publishers."""
        yield from list(self._publishers)

    @property
    def subscriptions(self) -> Iterator[Subscription]:
        """Its subscriptions."""
        yield from list(self._subscriptions)

    @property
    def services(self) -> Iterator[Server]:
        """Its services."""
        yield from list(self._services)

    @property
    def clients(self) -> Iterator[Client]:
        """Its clients."""
        yield from list(self._clients)

    @property
    def timers(self) -> Iterator[Timer]:
        """Its timers."""
        yield from list(self._timers)

    def entities(self) -> Iterator[Any]:
        """Yield everything an executor waits for; each has ``condition`` and ``execute()``."""
        yield from self.publishers
        for subscription in self.subscriptions:
            yield subscription
            yield subscription.status
        yield from self.services
        yield from self.clients

    # Entities.

    def resolve_topic_name(self, topic: str, *, only_expand: bool = False) -> str:
        """Return the absolute name of a topic, after remapping."""
        return self._resolve(topic, False, only_expand)

    def resolve_service_name(self, service: str, *, only_expand: bool = False) -> str:
        """Return the absolute name of a service, after remapping."""
        return self._resolve(service, True, only_expand)

    def _resolve(self, name: str, is_service: bool, only_expand: bool = False) -> str:
        full = names.expand(name, self._name, self._namespace, is_service)
        if only_expand:
            return full
        return names.remap(self._remaps, full, self._name, self._namespace, is_service)

    def create_publisher(
        self,
        msg_type: Any,
        topic: str,
        qos_profile: QoSProfile | int,
        *,
        event_callbacks: PublisherEventCallbacks | None = None,
        publisher_class: type[Publisher] = Publisher,
        **unsupported: Any,
    ) -> Publisher:
        """Create a publisher; an integer for the QoS is a depth."""
        _refuse(unsupported)
        _check_type(msg_type, Message, "message")
        publisher = publisher_class(
            self.participant,
            msg_type,
            self.resolve_topic_name(topic),
            as_profile(qos_profile),
            self.get_logger(),
            self.context.ok,
            event_callbacks or PublisherEventCallbacks(),
        )
        return self._add(self._publishers, publisher)

    def create_subscription(
        self,
        msg_type: Any,
        topic: str,
        callback: Callable[..., Any],
        qos_profile: QoSProfile | int,
        *,
        event_callbacks: SubscriptionEventCallbacks | None = None,
        raw: bool = False,
        **unsupported: Any,
    ) -> Subscription:
        """Create a subscription; with ``raw`` the callback gets CDR bytes."""
        _refuse(unsupported)
        _check_type(msg_type, Message, "message")
        subscription = Subscription(
            self.participant,
            msg_type,
            self.resolve_topic_name(topic),
            callback,
            as_profile(qos_profile),
            raw,
            self.get_logger(),
            event_callbacks or SubscriptionEventCallbacks(),
        )
        return self._add(self._subscriptions, subscription)

    def create_service(
        self,
        srv_type: Any,
        srv_name: str,
        callback: Callable[[Any, Any], Any],
        *,
        qos_profile: QoSProfile = qos_profile_services_default,
        callback_group: ReentrantCallbackGroup | None = None,
        **unsupported: Any,
    ) -> Server:
        """Create a service; the callback gets request and response, and returns the latter."""
        _refuse(unsupported)
        _check_type(srv_type, Service, "service")
        server = Server(
            self.participant,
            srv_type,
            self.resolve_service_name(srv_name),
            callback,
            qos_profile,
            self.get_logger(),
        )
        server.srv_name = srv_name
        return self._add(self._services, server)

    def create_client(
        self,
        srv_type: Any,
        srv_name: str,
        *,
        qos_profile: QoSProfile = qos_profile_services_default,
        **unsupported: Any,
    ) -> Client:
        """Create a client of a service."""
        _refuse(unsupported)
        _check_type(srv_type, Service, "service")
        client = Client(
            self.context,
            self.participant,
            srv_type,
            self.resolve_service_name(srv_name),
            qos_profile,
            self.get_logger(),
        )
        client.srv_name = srv_name
        return self._add(self._clients, client)

    def create_timer(
        self,
        timer_period_sec: float,
        callback: Callable[[], Any],
        callback_group: None = None,
        clock: Clock | None = None,
        autostart: bool = True,
    ) -> Timer:
        """Create a timer."""
        _refuse({"callback_group": callback_group})
        period = int(float(timer_period_sec) * 1e9)
        if period < 0:
            raise ValueError("timer period must be non-negative")
        timer = Timer(callback, period, clock or self._clock, self._wake)
        if not autostart:
            timer.cancel()
        self._timers.append(timer)
        self._wake()
        return timer

    def _add(self, entities: list[_Entity], entity: _Entity) -> _Entity:
        entities.append(entity)
        self._entities_changed()
        return entity

    def _remove(self, entities: list[_Entity], entity: _Entity) -> bool:
        if entity not in entities:
            return False
        entities.remove(entity)
        self._entities_changed()
        entity.destroy()
        return True

    def destroy_publisher(self, publisher: Publisher) -> bool:
        """Remove a publisher; returns whether it was there."""
        return self._remove(self._publishers, publisher)

    def destroy_subscription(self, subscription: Subscription) -> bool:
        """Remove a subscription; returns whether it was there."""
        return self._remove(self._subscriptions, subscription)

    def destroy_service(self, service: Server) -> bool:
        """Remove a service; returns whether it was there."""
        return self._remove(self._services, service)

    def destroy_client(self, client: Client) -> bool:
        """Remove a client; returns whether it was there."""
        return self._remove(self._clients, client)

    def destroy_timer(self, timer: Timer) -> bool:
        """Remove a timer; returns whether it was there."""
        if timer not in self._timers:
            return False
        self._timers.remove(timer)
        timer.destroy()
        return True

    def destroy_node(self) -> None:
        """Remove the node and everything in it."""
        if self._destroyed:
            return
        self._destroyed = True
        if self._rosout is not None:
            self._rosout.close()
        if self._executor is not None:
            self._executor.remove_node(self)
        for timer in self.timers:
            self.destroy_timer(timer)
        self._graph.remove_node(self._graph_node)
        everything: tuple[list[Any], ...] = (
            self._publishers,
            self._subscriptions,
            self._services,
            self._clients,
        )
        for entities in everything:
            while entities:
                entities.pop().destroy()
        self._context.leave(self)

    def _wake(self) -> None:
        executor = self._executor
        if executor is not None:
            executor.wake()

    def _entities_changed(self) -> None:
        writers = {publisher.writer.gid for publisher in self._publishers}
        readers = {subscription.reader.gid for subscription in self._subscriptions}
        for endpoints in (
            *(server.endpoints for server in self._services),
            *(client.endpoints for client in self._clients),
        ):
            writers.add(endpoints.writer.gid)
            readers.add(endpoints.reader.gid)
        self._graph.update(self._graph_node, writers=writers, readers=readers)
        executor = self._executor
        if executor is not None:
            executor.entities_changed()

    def _publish_parameter_event(self, event: Any) -> None:
        event.stamp = self._clock.now().to_msg()
        self._parameter_events.publish(event)


def _check_type(given: Any, base: type, what: str) -> None:
    if not (isinstance(given, type) and issubclass(given, base)):
        raise TypeError(
            f"{given!r} is not a {what} class of the embedded runtime; "
            "get it from mbrl_ros.ros.interfaces"
        )
