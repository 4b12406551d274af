import pytest

from mbrl_ros.robot.writing import MessageWriter
from mbrl_ros.ros import deserialize_message, serialize_message
from mbrl_ros.ros.interfaces import interface


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
        ("Polygon", ["points[1].x = v"], "expected all of [0] to [1]"),
        ("Polygon", ["points = [v]"], "expected one of its fields x, y, z"),
        ("Polygon", ["points[left].x = v"], "the message does not name its elements"),
    ],
)
def test_what_does_not_fit_the_type_is_named(kind, lines, reason):
    with pytest.raises(ValueError, match=r"^drive\.send") as refusal:
        written(f"geometry_msgs/msg/{kind}", *lines, v=1.0)
    assert reason in str(refusal.value)


def test_names_are_the_same_in_all_arrays():
    kind = "sensor_msgs/msg/JointState"
    with pytest.raises(ValueError, match="expected the same names as in the other arrays, a, b"):
        written(kind, "position[a] = v", "position[b] = v", "velocity[a] = v", v=1.0)
