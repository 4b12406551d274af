import threading

import pytest
from support.waiting import PATIENCE

from mbrl_ros.nodes.qos import TO_BOTH
from mbrl_ros.nodes.subscribing import subscribe_to_all
from mbrl_ros.ros import (
    ExternalShutdownException,
    QoSDurabilityPolicy,
    QoSHistoryPolicy,
    QoSProfile,
    QoSReliabilityPolicy,
    RCLError,
    SingleThreadedExecutor,
    deserialize_message,
    serialize_message,
)
from mbrl_ros.ros.interfaces import ModelPart, ModelUpdate, Observation, String, Trigger

LATCHED = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)
BEST_EFFORT = QoSProfile(depth=1, reliability=QoSReliabilityPolicy.BEST_EFFORT)


def test_between_participants(world):
    sender, receiver = world.node("sender"), world.node("receiver")
    received = []
    subscription = receiver.create_subscription(Observation, "topic", received.append, 100)
    publisher = sender.create_publisher(Observation, "topic", 100)
    assert publisher.topic_name == "/topic"
    assert world.spin(
        lambda: publisher.get_subscription_count() == 1 == subscription.get_publisher_count()
    )
    for step in range(50):
        publisher.publish(Observation(step=step, values=[0.5, step / 2]))
    assert world.spin(lambda: len(received) == 50)
    assert [message.step for message in received] == list(range(50))
    assert received[-1] == Observation(step=49, values=[0.5, 24.5])


def test_raw_and_bytes(world):
    node = world.node()
    raw, cooked = [], []
    node.create_subscription(String, "topic", raw.append, 10, raw=True)
    node.create_subscription(String, "topic", cooked.append, 10)
    node.create_publisher(String, "topic", 10).publish(serialize_message(String(data="hällo")))
    assert world.spin(lambda: raw and cooked)
    assert deserialize_message(raw[0], String) == cooked[0] == String(data="hällo")


def test_late_joiner_gets_the_newest_latched_big_message(world):
    publisher = world.node("trainer").create_publisher(ModelUpdate, "model", LATCHED)
    for sequence in (1, 2):
        part = ModelPart(weights=bytes([sequence]) * 500_000)
        publisher.publish(ModelUpdate(sequence=sequence, parts=[part]))
    received = []
    world.node("controller").create_subscription(ModelUpdate, "model", received.append, LATCHED)
    assert world.spin(lambda: received)
    assert [message.sequence for message in received] == [2]
    assert bytes(received[0].parts[0].weights) == b"\2" * 500_000


def test_volatile_late_joiner_gets_nothing_old(world):
    publisher = world.node("a").create_publisher(String, "topic", 10)
    publisher.publish(String(data="old"))
    node, received = world.node("b"), []
    node.create_subscription(String, "topic", received.append, 10)
    assert world.spin(lambda: publisher.get_subscription_count() == 1)
    publisher.publish(String(data="new"))
    assert world.spin(lambda: received)
    assert [message.data for message in received] == ["new"]


def test_depth_keeps_the_newest(world):
    node, received, everything = world.node(), [], []
    keep_all = QoSProfile(history=QoSHistoryPolicy.KEEP_ALL)
    publisher = node.create_publisher(String, "topic", keep_all)
    node.create_subscription(String, "topic", received.append, 3)
    node.create_subscription(String, "topic", everything.append, keep_all)
    for i in range(20):
        publisher.publish(String(data=str(i)))
    assert world.spin(lambda: len(everything) == 20)
    assert [message.data for message in received] == ["17", "18", "19"]


def test_incompatible_qos_is_warned_of_on_both_sides(world, capfd):
    world.node("a").create_publisher(String, "topic", BEST_EFFORT)
    world.node("b").create_subscription(String, "topic", print, 10)
    output = []

    def warned():
        output.append(capfd.readouterr().err)
        text = "".join(output)
        return "No messages will be received" in text and "No messages will be sent" in text

    assert world.spin(warned)
    assert "Last incompatible policy: RELIABILITY" in "".join(output)


def test_best_effort_works(world):
    node, received = world.node(), []
    node.create_subscription(String, "topic", received.append, BEST_EFFORT)
    publisher = node.create_publisher(String, "topic", 10)
    publisher.publish(String(data="x"))
    assert world.spin(lambda: received)


def test_one_of_two_subscriptions_that_share_a_topic_need_not_warn(world, capfd):
    node, heard = world.node(), []
    subscribe_to_all(node, String, "topic", heard.append)
    for qos in (QoSProfile(depth=10), LATCHED):
        publisher = node.create_publisher(String, "topic", qos, event_callbacks=TO_BOTH)
        publisher.publish(String(data="x"))
        assert world.spin(lambda: heard)
        # Time for the other subscription to find the publisher.
        world.spin(timeout=0.3)
        assert [message.data for message in heard] == ["x"]
        heard.clear()
    assert "No messages will be" not in capfd.readouterr().err


def test_wrong_use_is_refused(world):
    node = world.node()
    publisher = node.create_publisher(String, "topic", 10)
    with pytest.raises(TypeError, match="Expected"):
        publisher.publish(Observation())
    with pytest.raises(TypeError, match="not a message class"):
        node.create_publisher(Trigger, "topic", 10)
    with pytest.raises(NotImplementedError, match="callback_group"):
        node.create_publisher(String, "topic", 10, callback_group=object())
    with pytest.raises(NotImplementedError, match="deadline"):
        QoSProfile(depth=1, deadline=3)
    with pytest.raises(Exception, match="Invalid topic name 'a b'"):
        node.create_publisher(String, "a b", 10)
    node.context.shutdown()
    with pytest.raises(RCLError, match="context is invalid"):
        publisher.publish(String())


def test_exceptions_of_callbacks_come_out_of_spin(world):
    node = world.node()

    def fail(message):
        raise ZeroDivisionError(message.data)

    node.create_subscription(String, "topic", fail, 10)
    node.create_publisher(String, "topic", 10).publish(String(data="oops"))
    with pytest.raises(ZeroDivisionError, match="oops"):
        world.spin()


def test_publishing_from_threads_while_spinning_in_one(world):
    node = world.node()
    received = []
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    spinner = threading.Thread(target=executor.spin)
    spinner.start()
    # Made while the executor waits: it must notice.
    node.create_subscription(String, "topic", received.append, 1000)
    publisher = node.create_publisher(String, "topic", 1000)

    def publish():
        for _ in range(100):
            publisher.publish(String(data="x"))

    publishers = [threading.Thread(target=publish) for _ in range(4)]
    for thread in publishers:
        thread.start()
    for thread in publishers:
        thread.join()
    done = threading.Event()
    node.create_timer(0.01, lambda: done.set() if len(received) == 400 else None)
    assert done.wait(PATIENCE)
    executor.shutdown()
    spinner.join(PATIENCE)
    assert not spinner.is_alive()


def test_names_and_remapping(world):
    rules = ["a:=b", "other:c:=d", "robot:e:=/abs", "~/private:=shared", "__ns:=/space"]
    arguments = [word for rule in rules for word in ("-r", rule)]
    node = world.node("first", [*arguments, "-r", "__node:=robot"], namespace="ignored")
    assert node.get_fully_qualified_name() == "/space/robot"
    assert node.get_logger().name == "space.robot"
    names = ("a", "c", "e", "~/private", "~/other", "/global")
    assert [node.create_publisher(String, name, 1).topic_name for name in names] == [
        "/space/b",
        "/space/c",
        "/abs",
        "/space/shared",
        "/space/robot/other",
        "/global",
    ]
    assert node.resolve_service_name("a") == "/space/b"


@pytest.mark.parametrize(
    ("options", "message"),
    [({"name": "9"}, "Invalid node name '9'"), ({"namespace": "a//b"}, "Invalid namespace")],
)
def test_invalid_node_names(world, options, message):
    with pytest.raises(Exception, match=message):
        world.node(**options)


def test_destroying_in_a_callback(world):
    node = world.node()
    received = []

    def once(message):
        received.append(message.data)
        node.destroy_node()

    node.create_subscription(String, "topic", once, 10)
    publisher = node.create_publisher(String, "topic", 10)
    for text in ("first", "second"):
        publisher.publish(String(data=text))
    assert world.spin(lambda: received)
    world.spin(timeout=0.05)
    assert received == ["first"]


def test_a_shutdown_amid_a_callback_is_no_error_of_the_callback(world):
    node = world.node()
    publisher = node.create_publisher(String, "topic", 10)

    def late():
        node.context.shutdown()
        publisher.publish(String())

    node.create_timer(0.001, late)
    with pytest.raises(ExternalShutdownException):
        world.spin()
