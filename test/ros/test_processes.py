import signal
import struct

import pytest
from support.domains import claimed
from support.waiting import PATIENCE, eventually

from mbrl_ros.ros import Context, Node, RCLError
from mbrl_ros.ros.embedded.dds import Writer
from mbrl_ros.ros.embedded.endpoint import dds_type
from mbrl_ros.ros.embedded.qos import QoSProfile
from mbrl_ros.ros.interfaces import Observation, String

TALKER = """
import sys, threading
from mbrl_ros.ros import *
from mbrl_ros.ros.interfaces import String

init()
node = Node("talker")
publisher = node.create_publisher(String, "chatter", 10)
node.get_logger().info("talking")
ready = False


def talk():
    global ready
    publisher.publish(String(data=sys.argv[1]))
    if not ready:
        ready = True
        print("ready")


node.create_timer(0.02, talk)
try:
    spin(node)
except (KeyboardInterrupt, ExternalShutdownException):
    pass
finally:
    node.destroy_node()
    try_shutdown()
    print("stopped")
assert threading.active_count() == 1, threading.enumerate()
"""


def test_killed_and_restarted(world, start):
    node, received = world.node(), []
    node.create_subscription(String, "chatter", lambda m: received.append(m.data), 10)
    process = start(TALKER, "one")
    assert world.spin(lambda: "one" in received)
    process.send_signal(signal.SIGKILL)
    process.wait()
    again = start(TALKER, "two")
    # Long before the lease of the dead one is over.
    assert again.stdout.readline() == "ready\n"
    assert world.spin(lambda: "two" in received)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_cleanly(start, number):
    process = start(TALKER, "x")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert (out, process.returncode) == ("stopped\n", 0), err
    assert err.count("\n") == 1
    assert "] [talker]: talking" in err
    assert "\033" not in err  # no colours into a pipe


def test_exit_without_any_cleaning_up(start):
    process = start(
        "from mbrl_ros.ros import *\n"
        "import threading\n"
        "init(); node = Node('lazy')\n"
        "executor = SingleThreadedExecutor(); executor.add_node(node)\n"
        "threading.Thread(target=executor.spin, daemon=True).start()\n"
        "print('done')\n"
    )
    out, err = process.communicate(timeout=PATIENCE)
    assert (out, process.returncode) == ("done\n", 0)
    assert "Error" not in err.replace("ExternalShutdownException", "")


def test_shutdown_in_a_callback_ends_spin(start):
    process = start(
        "from mbrl_ros.ros import *\n"
        "init(); node = Node('n'); node.create_timer(0.01, shutdown)\n"
        "spin(node); node.destroy_node(); init(); node = Node('again')\n"
        "spin_once(node, timeout_sec=0.01); node.destroy_node(); shutdown(); print('done')\n"
    )
    out, err = process.communicate(timeout=PATIENCE)
    assert (out, err, process.returncode) == ("done\n", "", 0)


def test_malformed_messages_are_counted_and_dropped(world, capfd):
    node, sender = world.node(), world.node("sender")
    received = []
    subscription = node.create_subscription(Observation, "topic", received.append, 100)
    publisher = sender.create_publisher(Observation, "topic", 100)
    assert world.spin(lambda: publisher.get_subscription_count() == 1)
    participant = sender.participant
    topic = participant.topic("rt/topic", dds_type("mbrl_ros/msg/Observation"))
    writer = Writer(participant, topic, QoSProfile(depth=100), "")
    assert world.spin(lambda: writer.matched() == 1)
    for data in (
        b"\0\1\0\0" + b"\xff" * 64,
        b"\0\1\0\0\1\0\0\0",
        b"\0\1\0\0" + struct.pack("<iII", 1, 2, 2**31) + bytes(8),
    ):
        writer.write(data)
    publisher.publish(Observation(step=1))
    assert world.spin(lambda: received)
    assert world.spin(lambda: subscription.malformed == 3)
    assert [message.step for message in received] == [1]
    assert capfd.readouterr().err.count("Dropped a malformed message on topic '/topic'") == 1
    writer.close()


@pytest.mark.parametrize("domain_id", ["-1", "233", "x"])
def test_bad_domain(world, monkeypatch, domain_id):
    monkeypatch.setenv("ROS_DOMAIN_ID", domain_id)
    with pytest.raises(RCLError, match="ROS_DOMAIN_ID"):
        world.node()


def test_bad_discovery_range(world, monkeypatch):
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "NEAR")
    # It is looked at once in a process for each domain.
    with claimed() as number:
        monkeypatch.setenv("ROS_DOMAIN_ID", str(number))
        with pytest.raises(RCLError, match="ROS_AUTOMATIC_DISCOVERY_RANGE is 'NEAR'"):
            world.node()


def test_a_context_that_begins_anew_joins_the_domain_of_now(monkeypatch, domain):
    context = Context()
    context.init(args=[])
    left = Node("left", context=context)  # by whoever forgot to destroy it
    context.shutdown()
    with claimed() as number:
        monkeypatch.setenv("ROS_DOMAIN_ID", str(number))
        context.init(args=[])
        node = Node("node", context=context)
        assert node.get_node_names() == ["node"]
        other = Context()
        other.init(args=[])
        watcher = Node("watcher", context=other)
        eventually(lambda: sorted(watcher.get_node_names()) == ["node", "watcher"])
        left.destroy_node()
        assert context.ok()
        node.destroy_node()
        eventually(lambda: watcher.get_node_names() == ["watcher"])
        watcher.destroy_node()
    for each in (context, other):
        each.shutdown()


def test_wrong_runtime(start, monkeypatch):
    monkeypatch.setenv("MBRL_ROS_RUNTIME", "ros1")
    process = start("import mbrl_ros.ros\n")
    assert "must be rclpy or embedded" in process.communicate(timeout=PATIENCE)[1]


def test_a_security_that_it_does_not_have_is_not_promised(monkeypatch):
    monkeypatch.setenv("ROS_SECURITY_ENABLE", "true")
    monkeypatch.setenv("ROS_SECURITY_STRATEGY", "Enforce")
    context = Context()
    context.init([])
    with pytest.raises(RCLError, match="no DDS security: use ROS 2, or unset ROS_SECURITY_ENABLE"):
        Node("unsafe", context=context)
    context.shutdown()
