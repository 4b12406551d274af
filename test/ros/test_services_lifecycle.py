import threading

import pytest
from support.waiting import PATIENCE

from mbrl_ros.ros import (
    Future,
    LifecycleNode,
    QoSProfile,
    RCLError,
    SingleThreadedExecutor,
    TransitionCallbackReturn,
)
from mbrl_ros.ros.interfaces import (
    ChangeState,
    GetAvailableTransitions,
    GetState,
    GetTransitions,
    SetBool,
    String,
    Transition,
    TransitionEvent,
    Trigger,
)


def test_call_async(world):
    server, client_node = world.node("server"), world.node("client")

    def answer(request, response):
        response.total = request.first + request.count
        response.transitions = [Transition(index=request.first + i) for i in range(request.count)]
        return response

    client = client_node.create_client(GetTransitions, "get")
    assert not client.service_is_ready()
    assert not client.wait_for_service(timeout_sec=0.05)
    service = server.create_service(GetTransitions, "get", answer)
    assert client.wait_for_service(timeout_sec=PATIENCE)
    futures = [client.call_async(GetTransitions.Request(first=i, count=2)) for i in range(10)]
    assert world.spin(lambda: all(future.done() for future in futures))
    assert [future.result().total for future in futures] == list(range(2, 12))
    assert [item.index for item in futures[3].result().transitions] == [3, 4]

    forgotten = client.call_async(GetTransitions.Request())
    client.remove_pending_request(forgotten)
    later = client.call_async(GetTransitions.Request())
    assert world.spin(later.done)
    assert not forgotten.done()
    assert server.destroy_service(service)
    assert world.spin(lambda: not client.service_is_ready())
    with pytest.raises(TypeError):
        client.call_async(Trigger.Request())


def test_a_coroutine_answers_when_what_it_awaits_is_done(world):
    server, client_node = world.node("server"), world.node("client")
    waiting = []

    async def answer(request, response):
        waiting.append(Future())
        response.message = await waiting[-1]
        response.success = True
        return response

    server.create_service(Trigger, "slow", answer)
    client = client_node.create_client(Trigger, "slow")
    assert client.wait_for_service(timeout_sec=PATIENCE)
    futures = [client.call_async(Trigger.Request()) for _ in range(2)]
    # The first does not hold up the second, nor anything else.
    assert world.spin(lambda: len(waiting) == 2)
    assert not any(future.done() for future in futures)
    threading.Thread(target=lambda: waiting[1].set_result("later")).start()
    assert world.spin(futures[1].done)
    assert not futures[0].done()
    waiting[0].set_result("first")
    assert world.spin(futures[0].done)
    assert [future.result().message for future in futures] == ["first", "later"]


def test_several_clients_get_their_own_answers(world):
    server = world.node("server")

    def answer(request, response):
        response.message = str(request.data)
        return response

    server.create_service(SetBool, "service", answer)
    clients = [world.node(f"c{i}").create_client(SetBool, "service") for i in range(3)]
    assert all(client.wait_for_service(PATIENCE) for client in clients)
    futures = [c.call_async(SetBool.Request(data=i == 1)) for i, c in enumerate(clients)]
    assert world.spin(lambda: all(future.done() for future in futures))
    assert [future.result().message for future in futures] == ["False", "True", "False"]


def test_call_while_another_thread_spins(world):
    node = world.node()
    node.create_service(Trigger, "go", lambda request, response: response)
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    spinner = threading.Thread(target=executor.spin)
    spinner.start()
    client = node.create_client(Trigger, "go")
    assert client.wait_for_service(PATIENCE)
    assert client.call(Trigger.Request(), timeout_sec=PATIENCE) == Trigger.Response()
    executor.shutdown()
    spinner.join(PATIENCE)
    assert not spinner.is_alive()


def test_a_service_must_return_a_response(world):
    node = world.node()
    node.create_service(Trigger, "go", lambda request, response: None)
    client = node.create_client(Trigger, "go")
    assert client.wait_for_service(PATIENCE)
    client.call_async(Trigger.Request())
    with pytest.raises(TypeError, match="callback of service '/go' returned"):
        world.spin()


class Managed(LifecycleNode):
    def __init__(self, name, **options):
        super().__init__(name, **options)
        self.calls = []
        self.source = TransitionCallbackReturn.SUCCESS

    def on_configure(self, state):
        self.calls.append(("configure", state.label))
        return self.source

    def on_activate(self, state):
        self.calls.append(("activate", state.label))
        return super().on_activate(state)

    def on_cleanup(self, state):
        raise ZeroDivisionError("in cleanup")

    def on_error(self, state):
        self.calls.append(("error", state.label))
        return self.source


def test_lifecycle_by_services(world):
    node = world.node("managed", node_class=Managed)
    other = world.node("other")
    events = []
    other.create_subscription(TransitionEvent, "/managed/transition_event", events.append, 50)
    change = other.create_client(ChangeState, "/managed/change_state")
    get = other.create_client(GetState, "/managed/get_state")
    available = other.create_client(GetAvailableTransitions, "/managed/get_available_transitions")
    graph = other.create_client(GetAvailableTransitions, "/managed/get_transition_graph")
    assert all(client.wait_for_service(PATIENCE) for client in (change, get, available, graph))
    assert world.spin(lambda: node._transition_events.get_subscription_count() == 1)

    def call(client, request):
        future = client.call_async(request)
        assert world.spin(future.done)
        return future.result()

    def go(label="", number=0):
        request = ChangeState.Request()
        request.transition.label, request.transition.id = label, number
        return call(change, request).success

    def state():
        return call(get, GetState.Request()).current_state.label

    def ways(client=available):
        answer = call(client, GetAvailableTransitions.Request())
        return [item.transition.label for item in answer.available_transitions]

    assert state() == "unconfigured"
    assert ways() == ["configure", "shutdown"]
    assert len(ways(graph)) == 25
    assert not go("activate")
    assert go("configure")
    assert state() == "inactive"
    assert go(number=3)
    assert state() == "active"
    assert go("deactivate")
    assert not go("cleanup")  # raises, and on_error recovers
    assert state() == "unconfigured"
    node.source = TransitionCallbackReturn.FAILURE
    assert not go("configure")
    assert state() == "unconfigured"
    assert go("shutdown")
    assert state() == "finalized"
    assert node.calls == [
        ("configure", "unconfigured"),
        ("activate", "inactive"),
        ("error", "inactive"),
        ("configure", "unconfigured"),
    ]
    assert world.spin(lambda: events and events[-1].goal_state.label == "finalized")
    first = [(event.start_state.label, event.goal_state.label) for event in events[:2]]
    assert first == [("unconfigured", "configuring"), ("configuring", "inactive")]


def test_lifecycle_from_inside(world):
    node = world.node("managed", node_class=Managed)
    received = []
    publisher = node.create_lifecycle_publisher(String, "topic", QoSProfile(depth=10))
    node.create_subscription(String, "topic", received.append, 10)
    with pytest.raises(RCLError, match="no transition 'activate' from state 'unconfigured'"):
        node.trigger_activate()
    assert node.trigger_configure() is TransitionCallbackReturn.SUCCESS
    publisher.publish(String(data="inactive"))
    assert node.trigger_activate() is TransitionCallbackReturn.SUCCESS
    publisher.publish(String(data="active"))
    assert world.spin(lambda: received)
    assert [message.data for message in received] == ["active"]
    assert node.trigger_deactivate() is TransitionCallbackReturn.SUCCESS
    assert node.trigger_shutdown() is TransitionCallbackReturn.SUCCESS
