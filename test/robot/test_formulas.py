import math
import re

import pytest

from mbrl_ros.robot.assignments import read_assignments
from mbrl_ros.robot.formulas import Formula
from mbrl_ros.ros.interfaces import interface

JointState = interface("sensor_msgs/msg/JointState")
Imu = interface("sensor_msgs/msg/Imu")
Quaternion = interface("geometry_msgs/msg/Quaternion")


def joints(**positions):
    return JointState(name=list(positions), position=list(positions.values()))


def imu(roll, pitch, yaw):
    """An IMU turned by yaw around z, then pitch around the new y, then roll around the new x."""
    product = (0.0, 0.0, 0.0, 1.0)
    for axis, angle in ((2, yaw), (1, pitch), (0, roll)):
        turn = [0.0, 0.0, 0.0, math.cos(angle / 2)]
        turn[axis] = math.sin(angle / 2)
        product = times(product, turn)
    x, y, z, w = product
    return Imu(orientation=Quaternion(x=x, y=y, z=z, w=w))


def times(a, b):
    (ax, ay, az, aw), (bx, by, bz, bw) = a, b
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )


def value(text, **messages):
    return Formula(text, [*messages]).value(messages)


def test_joints_are_found_by_their_names_wherever_they_are():
    for message in (joints(pole=2.0, slider=1.0), joints(slider=1.0, other=9.0, pole=2.0)):
        assert value("joints.position[slider]", joints=message) == 1.0
        assert value("joints.position['pole']", joints=message) == 2.0
    odd = JointState(name=["left wheel", "arm/joint-1"], velocity=[3.0, 4.0])
    assert value("j.velocity['left wheel'] + j.velocity['arm/joint-1']", j=odd) == 7.0


def test_any_numeric_field_of_any_message():
    trajectory = interface("trajectory_msgs/msg/JointTrajectory")
    point = interface("trajectory_msgs/msg/JointTrajectoryPoint")
    message = trajectory(joint_names=["a", "b"], points=[point(positions=[1.0, 2.0])])
    assert value("t.points[0].positions[b]", t=message) == 2.0
    array = interface("std_msgs/msg/Float64MultiArray")(data=[1.0, 2.0, 3.0])
    assert value("-2 * a.data[2] + a.data[0]", a=array) == -5.0
    battery = interface("sensor_msgs/msg/BatteryState")(percentage=0.5, present=True)
    assert value("b.percentage + b.present", b=battery) == 1.5
    odometry = interface("nav_msgs/msg/Odometry")()
    odometry.pose.covariance[7] = 4.0
    assert value("sqrt(o.pose.covariance[7])", o=odometry) == 2.0


@pytest.mark.parametrize("angles", [(0.3, -0.4, 2.0), (-3.0, 1.2, -0.1), (0.0, 0.0, 0.0)])
def test_orientations(angles):
    message = imu(*angles)
    names = ("roll", "pitch", "yaw")
    assert [value(f"{name}(i.orientation)", i=message) for name in names] == pytest.approx(angles)
    roll, pitch, yaw = angles
    columns = [value(f"rotation6d(i.orientation)[{k}]", i=message) for k in range(6)]
    # The columns of Rz(yaw) Ry(pitch) Rx(roll).
    cr, sr, cp, sp = math.cos(roll), math.sin(roll), math.cos(pitch), math.sin(pitch)
    cy, sy = math.cos(yaw), math.sin(yaw)
    first = [cy * cp, sy * cp, -sp]
    second = [cy * sp * sr - sy * cr, sy * sp * sr + cy * cr, cp * sr]
    assert columns == pytest.approx([*first, *second], abs=1e-12)


def follow(text, positions, times):
    formula = Formula(text, ["j"])
    for position, time in zip(positions, times, strict=True):
        for memory in formula.memories:
            memory.hear({"j": joints(a=position)}, time)
    return formula.value({"j": joints(a=positions[-1])})


def test_rates_follow_the_messages_and_their_times():
    assert follow("rate(j.position[a])", [0.0, 1.0, 1.5], [0.0, 0.1, 0.35]) == pytest.approx(2.0)
    # Over the seam; and a message that comes twice tells nothing new.
    assert follow("angle_rate(j.position[a])", [3.1, -3.1], [0.0, 0.1]) == pytest.approx(
        (math.tau - 6.2) / 0.1
    )
    assert follow("rate(j.position[a])", [0.0, 1.0, 1.0], [0.0, 0.5, 0.5]) == 2.0


def test_a_low_pass_filter_reaches_63_percent_after_its_time_constant():
    constant = 1 / (math.tau * 2.0)
    for steps in (1, 10, 100):
        times = [0.0, *(constant * (k + 1) / steps for k in range(steps))]
        after = follow("lowpass(j.position[a], 2)", [0.0] + [1.0] * steps, times)
        assert after == pytest.approx(1 - math.exp(-1))
    inner = follow("rate(lowpass(j.position[a], 2))", [0.0, 1.0], [0.0, constant])
    assert inner == pytest.approx((1 - math.exp(-1)) / constant)


@pytest.mark.parametrize("text", ["rate", "angle_rate", "lowpass"])
@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_forgotten_with_its_message(text, wrong):
    argument = ", 2" if text == "lowpass" else ""
    text = f"{text}(j.position[a]{argument})"
    formula = Formula(text, ["j"])
    (memory,) = formula.memories

    def hear(*positions):
        for position in positions:
            hear.now += 0.1
            memory.hear({"j": joints(a=position)}, hear.now)

    hear.now = 0.0
    hear(0.5, 0.5, wrong)
    with pytest.raises(ValueError, match=r"j.position\[a\] is (nan|inf|-inf)"):
        formula.value({})
    hear(0.5, 0.5)
    assert formula.value({}) == (0.5 if "lowpass" in text else 0.0)


@pytest.mark.parametrize("text", ["rate(j.position[a])", "angle_rate(j.position[a])"])
def test_a_change_beyond_all_numbers_is_forgotten_too(text):
    formula = Formula(text, ["j"])
    for time, position in enumerate([1e308, -1e308]):
        formula.memories[0].hear({"j": joints(a=position)}, float(time))
    with pytest.raises(ValueError, match=r"j: a change beyond all numbers|math domain error"):
        formula.value({})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("j.position[c]", "no 'c' in the message, which names a, b"),
        ("j.velocity[a]", "j.velocity[a]: there are 0 elements"),
        ("j.position[5]", "there are 2 elements"),
        ("j.effort", "float"),
        ("j.speed", "there is no field 'speed'"),
        ("1 / (j.position[a] - 1)", "division by zero"),
        ("yaw(j.header)", "expected a quaternion"),
        ("yaw(i.orientation)", "unit quaternion, got one of length 0"),
        ("rotation6d(upright)[6]", "rotation6d(upright)[6]: tuple index out of range"),
        ("rate(j.position[a])", "waiting for its first messages"),
        ("j.position[b]", "is nan"),
        ("sqrt(0 - j.position[a])", "in sqrt(0 - j.position[a])"),
    ],
)
def test_what_cannot_be_read_is_named(text, reason):
    empty = Imu(orientation=Quaternion(w=0.0))
    with pytest.raises(ValueError, match=re.escape(reason)):
        value(text, j=joints(a=1.0, b=math.nan), i=empty, upright=Quaternion(w=1.0))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("k.position[a]", "unknown name 'k': expected one of i, j"),
        ("j.position[a", "expected a formula"),
        ("__import__('os')", "expected one of the functions"),
        ("j.__class__", "expected fields and indices"),
        ("j.position[left-wheel]", "in quotes"),
        ("rate(j.position[a] + i.orientation.x)", "fields of one source"),
        ("lowpass(j.position[a], 0)", "expected the cut-off frequency [Hz] as a number > 0"),
        ("lowpass(j.position[a])", "lowpass takes 2 value(s), got 1"),
        ("atan2(j.position[a])", "atan2 takes 2 value(s), got 1"),
        ("j.position[a] == 1", "expected <, <=, > or >="),
        ("[1, 2]", "is not allowed"),
        ("rotation6d(i.orientation)[a]", "expected a number in the brackets"),
        ("'text'", "is no number"),
    ],
)
def test_what_is_no_formula_is_refused(text, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        Formula(text, ["i", "j"]).value({"j": joints(a=1.0), "i": Imu()})


def test_conditions():
    formula = Formula("abs(x) > 1.7 or not -1 < y <= 2", ["x", "y"])
    assert not formula.value({"x": 1.0, "y": 2.0})
    assert formula.value({"x": -1.8, "y": 0.0})
    assert formula.value({"x": 0.0, "y": 2.1})


def test_one_line_stands_for_many():
    names = ["hip_angle", "knee_angle", "height"]
    lines = ["{joint}_angle = j.position[{joint}]", "height = i.orientation.z"]
    found = read_assignments(lines, "observe", known=["i", "j"], targets=names)
    assert {name: formula.text for name, formula in found.items()} == {
        "hip_angle": "j.position[hip]",
        "knee_angle": "j.position[knee]",
        "height": "i.orientation.z",
    }
    found = read_assignments(["position[{j}] = {j}_target"], "send", known=["a_target", "b_target"])
    assert [*found] == ["position[a]", "position[b]"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("hip_angle", "expected NAME = FORMULA"),
        ("hip = 1", "expected one of hip_angle, height before '='"),
        ("{a}_speed = j.velocity[{a}]", "'{a}_speed' is none of hip_angle, height"),
        ("{a}_angle = j.position[{b}]", "expected one name in braces"),
        ("height = j.position[a] > 1 = 2", "expected NAME = FORMULA"),
    ],
)
def test_a_malformed_line_is_named(line, reason):
    with pytest.raises(ValueError, match="observe: '") as refusal:
        read_assignments([line], "observe", known=["j"], targets=["hip_angle", "height"])
    assert line in str(refusal.value)
    assert reason in str(refusal.value)
    with pytest.raises(ValueError, match="'height' is assigned to already"):
        read_assignments(["height = 1", "height = 2"], "observe", known=[], targets=["height"])
