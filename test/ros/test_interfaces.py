import array
import contextlib
import math
import random

import numpy as np
import pytest

from mbrl_ros.ros import deserialize_message, serialize_message
from mbrl_ros.ros.embedded.definitions import definition_of, message_names, store
from mbrl_ros.ros.embedded.fields import NUMERIC
from mbrl_ros.ros.embedded.messages import message_class
from mbrl_ros.ros.interfaces import (
    Action,
    ControllerStatus,
    GetTransitions,
    Header,
    ModelPart,
    ModelUpdate,
    Observation,
    String,
    definition,
    interface,
    interface_name,
    type_hash,
)

pytestmark = pytest.mark.unit


# As ROS 2 Jazzy installs them in share/<package>/msg/*.json.
@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("std_msgs/msg/Header", "f49fb3ae2cf070f793645ff749683ac6b06203e41c891e17701b1cb597ce6a01"),
        ("std_msgs/msg/String", "df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18"),
        (
            "sensor_msgs/msg/JointState",
            "a13ee3a330e346c9d87b5aa18d24e11690752bd33a0350f11c5882bc9179260e",
        ),
        (
            "rcl_interfaces/msg/ParameterEvent",
            "043e627780fcad87a22d225bc2a037361dba713fca6a6b9f4b869a5aa0393204",
        ),
        # What robots speak.
        (
            "geometry_msgs/msg/PoseStamped",
            "10f3786d7d40fd2b54367835614bff85d4ad3b5dab62bf8bca0cc232d73b4cd8",
        ),
        (
            "geometry_msgs/msg/Twist",
            "9c45bf16fe0983d80e3cfe750d6835843d265a9a6c46bd2e609fcddde6fb8d2a",
        ),
        (
            "geometry_msgs/msg/TwistStamped",
            "5f0fcd4f81d5d06ad9b4c4c63e3ea51b82d6ae4d0558f1d475229b1121db6f64",
        ),
        (
            "geometry_msgs/msg/WrenchStamped",
            "8dc3deaf06b2ab281f9f9a742a8961c328ca7cec16e3fd6586d3a5c83fa78f77",
        ),
        (
            "nav_msgs/msg/Odometry",
            "3cc97dc7fb7502f8714462c526d369e35b603cfc34d946e3f2eda2766dfec6e0",
        ),
        (
            "sensor_msgs/msg/BatteryState",
            "4bee5dfce981c98faa6828b868307a0a73f992ed0789f374ee96c8f840e69741",
        ),
        (
            "sensor_msgs/msg/Imu",
            "7d9a00ff131080897a5ec7e26e315954b8eae3353c3f995c55faf71574000b5b",
        ),
        (
            "sensor_msgs/msg/Joy",
            "0d356c79cad3401e35ffeb75a96a96e08be3ef896b8b83841d73e890989372c5",
        ),
        (
            "std_msgs/msg/Float64MultiArray",
            "1025ddc6b9552d191f89ef1a8d2f60f3d373e28b283d8891ddcc974e8c55397f",
        ),
        (
            "trajectory_msgs/msg/JointTrajectory",
            "179b33eba59d676f6d967ac71fe35e7ca2f64b2f3928f4a018cec115e213796e",
        ),
    ],
)
def test_hashes_are_those_of_ros(name, digest):
    assert type_hash(name) == f"RIHS01_{digest}"


def test_defaults():
    message = Observation()
    assert message.header == Header()
    assert message.episode == 0
    assert message.reward == 0.0
    assert message.terminated is False
    assert message.values == array.array("d")
    sources = ControllerStatus().sources
    assert sources.dtype == np.uint64
    assert sources.shape == (6,)
    assert Observation().header is not message.header


def test_constants_types_and_names():
    assert (Action.PLANNED, Action.FALLBACK) == (0, 5)
    types = Observation.get_fields_and_field_types()
    assert types["values"] == "sequence<double>"
    assert types["header"] == "std_msgs/Header"
    assert ControllerStatus.get_fields_and_field_types()["sources"] == "uint64[6]"
    assert interface("mbrl_ros/msg/Observation") is Observation
    assert interface_name(Observation) == "mbrl_ros/msg/Observation"
    assert interface_name(GetTransitions) == "mbrl_ros/srv/GetTransitions"
    assert interface("std_msgs/msg/Empty").get_fields_and_field_types() == {}


@pytest.mark.parametrize("name", ["std_msgs/msg/Nope", "String", "a/b/c", "std_srvs/srv/Nope"])
def test_unknown_interface(name):
    with pytest.raises(LookupError, match=name):
        interface(name)


def test_definition_has_all_it_contains():
    text = definition("mbrl_ros/msg/Observation")
    assert text.startswith("# The plant's measurement")
    assert f"\n{'=' * 80}\nMSG: std_msgs/Header\nbuiltin_interfaces/Time stamp\n" in text
    assert "MSG: builtin_interfaces/Time\nint32 sec\n" in text


@pytest.mark.parametrize(
    "value", [[1.0, 2.0], (1.0, 2.0), np.array([1.0, 2.0]), np.float32([1, 2])]
)
def test_sequences_of_numbers(value):
    message = Observation(values=value)
    assert message.values == array.array("d", [1.0, 2.0])
    assert np.asarray(message.values).tolist() == [1.0, 2.0]


def test_bytes():
    for value in (b"\1\2", bytearray(b"\1\2"), memoryview(b"\1\2"), array.array("B", [1, 2])):
        assert bytes(ModelPart(weights=value).weights) == b"\1\2"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reward", 1),
        ("step", -1),
        ("step", 1.0),
        ("terminated", 1),
        ("header", String()),
        ("values", "text"),
        ("values", 3.0),
        ("values", [1.0, "x"]),
        ("values", np.zeros((2, 2))),
    ],
)
def test_wrong_values_are_refused_by_name(field, value):
    message = Observation()
    with pytest.raises((TypeError, ValueError), match=f"mbrl_ros/msg/Observation: field '{field}'"):
        setattr(message, field, value)
    with pytest.raises(AttributeError, match="no field 'nope'"):
        message.nope = 1
    with pytest.raises(TypeError, match="no field nope"):
        Observation(nope=1)


def test_what_was_changed_in_place_is_checked_when_sent():
    message = interface("mbrl_ros/msg/Goal")(names=["a"])
    message.names.append(3)
    with pytest.raises(TypeError, match="field 'names'"):
        serialize_message(message)


def _random(kind, rng, element=False):
    if kind.shape != "single" and not element:
        size = kind.size if kind.shape == "array" else rng.randint(0, min(kind.size or 4, 4))
        return [_random(kind, rng, True) for _ in range(size)]
    if kind.is_message:
        return _filled(kind.base, rng)
    if kind.base == "string":
        return "".join(rng.choice("abcé") for _ in range(rng.randint(0, 6)))
    if kind.base == "bool":
        return rng.random() < 0.5
    if kind.base == "byte":
        return bytes([rng.randint(0, 127)])
    if kind.base.startswith("float"):
        return float(np.float32(rng.random()))
    return rng.randint(0, 127)


def _filled(name, rng):
    fields = definition_of(name).fields
    return message_class(name)(**{field: _random(kind, rng) for field, kind in fields.items()})


def _as_rosbags(message):
    values = []
    for field, kind in definition_of(message._TYPE).fields.items():
        value = getattr(message, field)
        if kind.is_message:
            single = kind.shape == "single"
            value = _as_rosbags(value) if single else [_as_rosbags(item) for item in value]
        elif kind.base == "byte":
            value = value[0] if kind.shape == "single" else np.frombuffer(b"".join(value), "u1")
        elif kind.shape != "single" and kind.base in NUMERIC | {"bool"}:
            value = np.array(value, "uint8" if kind.base == "char" else kind.base)
        values.append(value)
    return store().types[message._TYPE](*values)


def test_cdr_is_that_of_rosbags():
    rng = random.Random(1)
    for name in message_names():
        for _ in range(3):
            message = _filled(name, rng)
            data = serialize_message(message)
            assert deserialize_message(data, message_class(name)) == message
            if name in store().types:
                expected = bytes(store().serialize_cdr(_as_rosbags(message), name))
                assert data == expected + bytes(-len(expected) & 3), name


def test_nan_and_big():
    parts = [ModelPart(name="model", weights=bytes(500_000))]
    data = serialize_message(ModelUpdate(parts=parts, holdout_error=math.nan))
    message = deserialize_message(data, ModelUpdate)
    assert len(message.parts[0].weights) == 500_000
    assert math.isnan(message.holdout_error)


def test_garbage_never_gets_through():
    rng = random.Random(2)
    data = serialize_message(Observation(values=[1.0] * 5, action=[2.0]))
    for _ in range(500):
        broken = bytearray(data)
        for _ in range(rng.randint(1, 8)):
            broken[rng.randrange(len(broken))] = rng.randint(0, 255)
        broken = bytes(broken[: rng.randint(0, len(broken))])
        with contextlib.suppress(ValueError):  # nothing else may come out
            deserialize_message(broken, Observation)
