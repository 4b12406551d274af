import re

import pytest
import yaml

pytestmark = pytest.mark.process


def test_topic_list_and_info(gadget, tool):
    code, out, _ = tool("topic", "list", "-t")
    assert code == 0
    lines = out.splitlines()
    assert "/lab/joints [sensor_msgs/msg/JointState]" in lines
    assert lines == sorted(lines)

    code, out, _ = tool("topic", "info", "/lab/latched")
    assert (code, out) == (
        0,
        "Type: std_msgs/msg/String\nPublisher count: 1\nSubscription count: 0\n",
    )
    code, out, _ = tool("topic", "info", "-v", "lab/goal")
    assert code == 0
    assert "Node name: gadget\nNode namespace: /lab\nTopic type: mbrl_ros/msg/Goal\n" in out
    assert "  Reliability: RELIABLE\n" in out
    assert "  Durability: TRANSIENT_LOCAL\n" in out
    assert re.search(r"Topic type hash: RIHS01_[0-9a-f]{64}\n", out)


def test_topic_echo(gadget, tool):
    assert tool("topic", "echo", "/lab/latched", "--once")[:2] == (0, "data: for latecomers\n---\n")

    code, out, _ = tool("topic", "echo", "/lab/joints", "--once")
    assert code == 0
    assert yaml.safe_load(out.removesuffix("---\n")) == {
        "header": {"stamp": {"sec": 0, "nanosec": 0}, "frame_id": "base"},
        "name": ["a", "b"],
        "position": [0.1, 2.0],
        "velocity": [],
        "effort": [],
    }
    code, out, _ = tool("topic", "echo", "lab/joints", "--once", "--field", "header.frame_id")
    assert (code, out) == (0, "base\n---\n")
    code, out, _ = tool("topic", "echo", "/lab/big", "--once")
    assert yaml.safe_load(out.removesuffix("---\n"))["data"] == [*map(float, range(128)), "..."]
    code, out, _ = tool("topic", "echo", "/lab/big", "-f", "--once", "--field", "data")
    assert yaml.safe_load(out.removesuffix("---\n")) == [*map(float, range(300))]


def test_topic_pub(gadget, tool):
    goal = "{header: auto, names: [a, b], values: [1, 2e-3]}"
    # The subscription is latched; only a latched publisher reaches it.
    code, out, _ = tool("topic", "pub", "--once", "/lab/goal", "mbrl_ros/msg/Goal", goal)
    assert code == 0
    assert "publishing #1: mbrl_ros.msg.Goal(" in out
    code, out, _ = tool("topic", "echo", "/lab/heard", "--once", "--timeout", "20")
    assert (code, out) == (0, "data: '[1.0, 0.002] at True'\n---\n")

    words = ("/lab/said", "std_msgs/String", "{data: 5}", "-w", "0")
    code, out, _ = tool("topic", "pub", "-t", "3", "-r", "50", *words)
    assert code == 0
    assert out.count("std_msgs.msg.String(data='5')") == 3
