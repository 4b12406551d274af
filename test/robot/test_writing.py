import random

import pytest

from mbrl_ros.robot.writing import MessageWriter
from mbrl_ros.ros import deserialize_message, serialize_message
from mbrl_ros.ros.interfaces import interface

GEOMETRY = ("geometry_msgs/msg/Twist", "geometry_msgs/msg/Polygon")


def written(kind, *lines, **values):
    message_class = interface(kind)
    writer = MessageWriter(lines, message_class, interface, [*values], "drive.send")
    message = writer(values)
    assert deserialize_message(serialize_message(message), message_class) == message
    return message


def test_arrays_by_index_and_as_a_list():
    kind = "std_msgs/msg/Float64MultiArray"
    assert written(kind, "data[0] = 10 * motor", motor=0.5).data.tolist() == [5.0]
    # In the order of the indices, not of the lines.
    assert written(kind, "data[1] = a", "data[0] = b", a=1, b=2).data.tolist() == [2.0, 1.0]
    assert written(kind, "data = [a, -b, 0.5]", a=1, b=2).data.tolist() == [1.0, -2.0, 0.5]


def test_a_trajectory_of_one_point():
    message = written(
        "trajectory_msgs/msg/JointTrajectory",
        "points[0].positions[{joint}] = {joint}_target",
        "points[0].time_from_start = 0.25",
        elbow_target=1.0,
        shoulder_target=-1.0,
    )
    assert message.joint_names == ["elbow", "shoulder"]
    (point,) = message.points
    assert point.positions.tolist() == [1.0, -1.0]
    assert (point.time_from_start.sec, point.time_from_start.nanosec) == (0, 250_000_000)


def test_twists_joysticks_and_joint_states():
    twist = written("geometry_msgs/msg/Twist", "linear.x = v", "angular.z = 2 * w", v=0.5, w=0.25)
    assert (twist.linear.x, twist.angular.z, twist.linear.y) == (0.5, 0.5, 0.0)
    lines = ("header.frame_id = 'base_link'", "twist.linear.x = v")
    stamped = written("geometry_msgs/msg/TwistStamped", *lines, v=0.5)
    assert (stamped.header.frame_id, stamped.twist.linear.x) == ("base_link", 0.5)
    joy = written("sensor_msgs/msg/Joy", "axes = [v, w]", "buttons = [1, v > 0]", v=0.5, w=-1.0)
    assert (joy.axes.tolist(), joy.buttons.tolist()) == ([0.5, -1.0], [1, 1])
    state = written(
        "sensor_msgs/msg/JointState", "position['a b'] = v", "effort['a b'] = w", v=1.0, w=2.0
    )
    assert (state.name, state.position.tolist(), state.effort.tolist()) == (["a b"], [1.0], [2.0])
    assert written("std_msgs/msg/Bool", "data = v", v=0.7).data is True


@pytest.mark.parametrize(
    ("kind", "lines", "reason"),
    [
        ("Twist", ["linar.x = v"], "has no field 'linar': did you mean 'linear'?"),
        ("Twist", ["linear.w = v"], "geometry_msgs/Vector3 has no field 'w'"),
        ("Twist", ["linear = v"], "expected one of its fields x, y, z"),
        ("Twist", ["linear.x[0] = v"], "is a double: expected nothing after it"),
        ("Twist", ["linear.x = speed"], "unknown name 'speed': expected one of v"),
        ("Twist", ["linear.x = v", "linear.x = 2"], "'linear.x' is assigned to already"),
        ("Twist", ["linear.x = 'fast'"], "is a double, got the text 'fast'"),
        ("Twist", ["linear.x = rate(v)"], "rates and filters are for messages heard"),
        ("Twist", [], "expected at least one line, such as data[0] = NAME, got none"),
        ("Twist", ["linear.x"], "expected NAME = FORMULA"),
        ("Twist", ["linear x = v"], "'linear x'"),
        ("TwistStamped", ["header.frame_id = v"], "expected a text in quotes"),
        ("PoseWithCovariance", ["covariance[0] = v"], "expected 36 elements, got 1"),
        ("Twist", ["linear = [v][v]"], "expected one list of formulas"),
        ("Polygon", ["points[1].x = v"], "expected all of [0] to [1]"),
        ("Polygon", ["points = [v]"], "expected one of its fields x, y, z"),
        ("Polygon", ["points[left].x = v"], "the message does not name its elements"),
    ],
)
def test_what_does_not_fit_the_type_is_named(kind, lines, reason):
    with pytest.raises(ValueError, match=r"^drive\.send") as refusal:
        written(f"geometry_msgs/msg/{kind}", *lines, v=1.0)
    assert reason in str(refusal.value)


@pytest.mark.parametrize(
    ("kind", "line", "value"),
    [
        ("sensor_msgs/msg/Joy", "buttons = [v]", 2.0**31),
        ("sensor_msgs/msg/Joy", "axes = [v]", 1e39),
        ("std_msgs/msg/UInt8", "data = v", -1.0),
        ("sensor_msgs/msg/JointState", "header.stamp = v", 1e300),
        ("std_msgs/msg/Float64", "data = v", float("inf")),
    ],
)
def test_a_number_that_a_field_cannot_hold_is_named(kind, line, value):
    with pytest.raises(ValueError, match="v is "):
        written(kind, line, v=value)


def random_lines(count, seed=0):
    """Lines that are nearly right, and some that are not at all."""
    rng = random.Random(seed)
    parts = "a b [ ] ( ) [0] [a] 'c' . data points x rate min , 0 1e999 = < not lambda é {j} : @"
    good = ("data = [a, b]", "linear.x = a", "points[0].x = 2 * a", "axes[0] = min(a, b)")
    for _ in range(count):
        line = list(rng.choice(good))
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(line) + 1)
            line[place : place + rng.randint(0, 3)] = rng.choice([*parts.split(), " "])
        yield "".join(line)


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
def test_whatever_is_written_is_refused_in_words():
    kinds = [interface(kind) for kind in ("std_msgs/msg/Float64MultiArray", *GEOMETRY)]
    refusals = []
    for i, line in enumerate(random_lines(1500)):
        try:
            MessageWriter([line], kinds[i % 3], interface, ["a", "b"], "send")({"a": 1, "b": 2})
        except ValueError as error:
            refusals.append(str(error).replace(line, ""))
    assert len(refusals) > 1000
    assert not [text for text in refusals if "\n" in text]


def test_names_are_the_same_in_all_arrays():
    kind = "sensor_msgs/msg/JointState"
    with pytest.raises(ValueError, match="expected the same names as in the other arrays, a, b"):
        written(kind, "position[a] = v", "position[b] = v", "velocity[a] = v", v=1.0)
