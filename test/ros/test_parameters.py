import pytest

from mbrl_ros.ros import (
    FloatingPointRange,
    IntegerRange,
    InvalidParameterTypeException,
    InvalidParameterValueException,
    Parameter,
    ParameterAlreadyDeclaredException,
    ParameterDescriptor,
    ParameterNotDeclaredException,
    ParameterType,
    ParameterUninitializedException,
    RCLError,
    SetParametersResult,
)
from mbrl_ros.ros.embedded.arguments import UnknownROSArgsError
from mbrl_ros.ros.interfaces import (
    DescribeParameters,
    GetParameters,
    ListParameters,
    ParameterEvent,
    SetParameters,
    SetParametersAtomically,
)

VALUES = {
    "flag": True,
    "count": 3,
    "gain": 2.5,
    "name": "x",
    "bytes": [b"\1", b"\2"],
    "flags": [True, False],
    "counts": [1, 2],
    "gains": [1.0, 2.5],
    "names": ["a", "b"],
}


def test_types(world):
    node = world.node()
    for number, (name, value) in enumerate(VALUES.items(), start=1):
        parameter = node.declare_parameter(name, value)
        assert (parameter.value, parameter.type_.value) == (value, number)
        assert node.describe_parameter(name).type == number
        assert Parameter.from_parameter_msg(parameter.to_parameter_msg()).value == value
    assert ParameterType.PARAMETER_STRING_ARRAY == 9
    node.declare_parameter("later", Parameter.Type.DOUBLE)
    with pytest.raises(ParameterUninitializedException):
        node.get_parameter("later")
    assert node.get_parameter_or("later", Parameter("later", value=1.0)).value == 1.0
    with pytest.raises(ParameterAlreadyDeclaredException):
        node.declare_parameter("flag", False)
    with pytest.raises(ParameterNotDeclaredException):
        node.get_parameter("unknown")
    with pytest.raises(TypeError):
        node.declare_parameter("wrong", {"a": 1})
    assert node.has_parameter("use_sim_time")


def test_an_integer_is_no_double(world):
    node = world.node(arguments=["-p", "gain:=1"])
    with pytest.raises(InvalidParameterTypeException, match="expecting type 'DOUBLE'"):
        node.declare_parameter("gain", 2.5)
    node.declare_parameter("other", 2.5)
    result = node.set_parameters([Parameter("other", value=3)])[0]
    assert not result.successful
    assert "Wrong parameter type" in result.reason
    node.declare_parameter("any", 1, ParameterDescriptor(dynamic_typing=True))
    assert node.set_parameters([Parameter("any", value="text")])[0].successful


def test_ranges_and_read_only(world):
    node = world.node(arguments=["-p", "too_much:=11.0", "-p", "fixed:=5"])
    gains = FloatingPointRange(from_value=0.0, to_value=10.0, step=0.5)
    node.declare_parameter("gain", 1.0, ParameterDescriptor(floating_point_range=[gains]))
    counts = IntegerRange(from_value=1, to_value=10, step=4)
    node.declare_parameter("count", 5, ParameterDescriptor(integer_range=[counts]))
    node.declare_parameter("fixed", 1, ParameterDescriptor(read_only=True))
    assert node.get_parameter("fixed").value == 5

    def tried(name, value):
        return node.set_parameters([Parameter(name, value=value)])[0].successful

    assert tried("gain", 2.5)
    assert tried("gain", 10.0)
    assert not tried("gain", 2.6)
    assert not tried("gain", -0.5)
    assert tried("count", 10)  # the end, though no step leads there
    assert not tried("count", 6)
    assert not tried("fixed", 2)
    with pytest.raises(InvalidParameterValueException, match="out of range"):
        node.declare_parameter("too_much", 1.0, ParameterDescriptor(floating_point_range=[gains]))


def test_all_or_none_and_callbacks(world):
    node = world.node()
    node.declare_parameters("ns", [("a", 1), ("b", 2)])
    seen, applied = [], []

    def check(parameters):
        seen.append([parameter.name for parameter in parameters])
        bad = any(parameter.value == 13 for parameter in parameters)
        return SetParametersResult(successful=not bad, reason="unlucky" if bad else "")

    node.add_on_set_parameters_callback(check)
    node.add_post_set_parameters_callback(lambda parameters: applied.append(len(parameters)))
    both = [Parameter("ns.a", value=5), Parameter("ns.b", value=13)]
    result = node.set_parameters_atomically(both)
    assert (result.successful, result.reason) == (False, "unlucky")
    assert node.get_parameter("ns.a").value == 1
    assert [r.successful for r in node.set_parameters(both)] == [True, False]
    assert node.get_parameter("ns.a").value == 5
    assert seen == [["ns.a", "ns.b"], ["ns.a"], ["ns.b"]]
    assert applied == [1]
    with pytest.raises(ParameterNotDeclaredException):
        node.set_parameters([Parameter("unknown", value=1)])
    assert {k: p.value for k, p in node.get_parameters_by_prefix("ns").items()} == {"a": 5, "b": 2}


FILE = """
/**:
  ros__parameters:
    everywhere: 1
    nested: {deep: {value: 1e-3}, list: [1.0, 2.0]}
    text: 12:30:00
/space/*:
  ros__parameters:
    below: yes
/space:
  robot:
    ros__parameters: {everywhere: 2, only: "x"}
other:
  ros__parameters: {alien: 1}
"""


def test_files_wildcards_and_command_line(world, tmp_path):
    path = tmp_path / "parameters.yaml"
    path.write_text(FILE)
    arguments = ["--params-file", str(path), "-p", "robot:no:=1", "-p", "/space/robot:yes:=[a, b]"]
    node = world.node("robot", [*arguments, "-p", "only:=y"], namespace="/space")
    values = {name: parameter.value for name, parameter in node._parameter_overrides.items()}
    assert values == {
        "everywhere": 2,
        "nested.deep.value": 0.001,
        "nested.list": [1.0, 2.0],
        "text": "12:30:00",
        "below": True,
        "only": True,
        "yes": ["a", "b"],
    }
    assert node.declare_parameter("everywhere", 0).value == 2
    assert node.declare_parameter("only", "z", ignore_override=True).value == "z"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [", "not YAML: while parsing"),
        ("ros__parameters: {a: 1}", "'ros__parameters': expected below the name of a node"),
        ("node: {ros__parameters: {a: [1, 2.5]}}", "'a': expected a list of one simple type"),
        ("node: {ros__parameters: {a: }}", "'a': expected a value, got None"),
        ("node: 3", "'node': expected ros__parameters below it, got 3"),
    ],
)
def test_bad_files(world, tmp_path, content, message):
    path = tmp_path / "parameters.yaml"
    path.write_text(content)
    with pytest.raises(RCLError, match=message):
        world.node(arguments=["--params-file", str(path)])


def test_bad_arguments(world):
    with pytest.raises(RCLError, match="No such file"):
        world.node(arguments=["--params-file", "/nope"])
    with pytest.raises(RCLError, match="name:=value"):
        world.node(arguments=["-p", "name"])
    with pytest.raises(RCLError, match="expected a value, such as '' for an empty text"):
        world.node(arguments=["-p", "name:="])
    with pytest.raises(RCLError, match="from:=to"):
        world.node(arguments=["-r", "name"])
    with pytest.raises(RCLError, match="needs a value"):
        world.node(arguments=["-r"])
    with pytest.raises(RCLError, match="not a log level"):
        world.node(arguments=["--log-level", "loud"])
    with pytest.raises(UnknownROSArgsError, match="--nope"):
        world.node(arguments=["--nope"])


def test_services_and_events(world):
    node, other = world.node("server"), world.node("client")
    node.declare_parameter("group.gain", 1.0, ParameterDescriptor(description="a gain"))
    node.declare_parameter("top", 1)
    events = []
    other.create_subscription(ParameterEvent, "/parameter_events", events.append, 10)

    def call(kind, name, **request):
        client = other.create_client(kind, f"/server/{name}")
        assert client.wait_for_service(5)
        future = client.call_async(kind.Request(**request))
        assert world.spin(future.done)
        return future.result()

    listed = call(ListParameters, "list_parameters").result
    assert listed.names == ["use_sim_time", "group.gain", "top"]
    assert listed.prefixes == ["group"]
    assert call(ListParameters, "list_parameters", depth=1).result.names == ["use_sim_time", "top"]
    described = call(DescribeParameters, "describe_parameters", names=["group.gain"])
    assert described.descriptors[0].description == "a gain"
    changes = [Parameter("group.gain", value=2.0), Parameter("unknown", value=1)]
    messages = [change.to_parameter_msg() for change in changes]
    results = call(SetParameters, "set_parameters", parameters=messages).results
    assert [result.successful for result in results] == [True, False]
    assert "undeclared" in results[1].reason
    atomically = call(SetParametersAtomically, "set_parameters_atomically", parameters=messages)
    assert not atomically.result.successful
    got = call(GetParameters, "get_parameters", names=["group.gain", "top"])
    assert [value.double_value for value in got.values] == [2.0, 0.0]
    assert world.spin(lambda: any(event.changed_parameters for event in events))
    changed = next(event for event in events if event.changed_parameters)
    assert changed.node == "/server"
    assert changed.changed_parameters[0].value.double_value == 2.0
