import json
import subprocess
import sys

import pytest
from support.waiting import PATIENCE

pytestmark = pytest.mark.process


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("topic echo /nope --once", "topic '/nope' does not appear"),
        ("topic info /nope", "Unknown topic '/nope'"),
        ("param get /nope speed", "Node not found: '/nope'"),
        ("param get /lab/gadget nope", "Parameter not set: 'nope'"),
        ("param set /lab/gadget speed 3.5", "Setting parameter failed: "),
        ("param set /lab/gadget count many", "Setting parameter failed: "),
        ("param set /lab/gadget nope 1", "Setting parameter failed: "),
        ("service call /nope std_srvs/srv/Trigger", "service '/nope' is not available"),
        (
            "topic pub -1 /lab/x std_msgs/msg/String --max-wait-time-secs 0.1",
            "Timed out waiting for subscribers",
        ),
    ],
)
def test_what_is_not_there_is_told(gadget, tool, words, text):
    # What is there is found in less; what is not, is waited for.
    patience = ("--spin-time", "0.5") if "/nope" in words.split() else ()
    code, _, err = tool(*words.split(), *patience)
    assert code == 1
    assert err.startswith(text)


BAD_INPUT = [
    (("pub", "x", "std_msgs/msg/Nope"), "unknown message type 'std_msgs/msg/Nope'"),
    (("pub", "x", "String"), "'String' is not a message type such as std_msgs/msg/String"),
    (("pub", "x y", "std_msgs/msg/String"), "'x y' is not a topic name"),
    (("pub", "x", "std_msgs/msg/String", "{data: [1}"), "not YAML: expected ',' or ']'"),
    (
        ("pub", "x", "std_msgs/msg/String", "\x01"),
        'not YAML: unacceptable character #x0001: special characters are not allowed in "<',
    ),
    (("pub", "x", "std_msgs/msg/String", "hello"), "must be a mapping in YAML, {data: string}"),
    (
        ("pub", "x", "std_msgs/msg/Header", "{stamp: {secs: 1}}"),
        "no field 'stamp.secs': stamp has the fields sec, nanosec",
    ),
    (
        ("pub", "x", "std_msgs/msg/Int64", "{data: 1.5}"),
        "field 'data' must be int64, not 1.5",
    ),
    (
        ("pub", "x", "mbrl_ros/msg/Action", "{source: 300}"),
        "field 'source' must be uint8, not 300 (from 0 to 255)",
    ),
    (
        ("pub", "x", "mbrl_ros/msg/Action", "{values: [1, two]}"),
        "field 'values[1]' must be double, not the text 'two'",
    ),
    (
        ("pub", "x", "sensor_msgs/msg/Imu", "{orientation_covariance: [1]}"),
        "field 'orientation_covariance' must have 9 elements, not 1",
    ),
    (
        ("echo", "x", "sensor_msgs/msg/JointState", "--field", "header.when"),
        "no field 'header.when': header has the fields stamp, frame_id",
    ),
]


# All in one process: nothing of it gets as far as DDS.
REFUSE = """
import contextlib, io, json, sys
from mbrl_ros.cli.main import main


results = []
for words in json.loads(sys.argv[1]):
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors):
        code = main(["topic", *words])
    results.append((code, errors.getvalue()))
print(json.dumps(results))
"""


@pytest.fixture(scope="module")
def refused(environment):
    cases = json.dumps([words for words, _ in BAD_INPUT])
    done = subprocess.run(
        [sys.executable, "-c", REFUSE, cases],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("case", range(len(BAD_INPUT)))
def test_bad_input_is_refused(refused, case):
    code, err = refused[case]
    assert code == 2
    assert err.startswith("error: ")
    assert BAD_INPUT[case][1] in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("topic", "echo", "/lab/joints", "--field", "nope"), "no field 'nope': "),
        (
            ("topic", "echo", "/lab/joints", "std_msgs/msg/String"),
            "is of type sensor_msgs/msg/JointState, not std_msgs/msg/String",
        ),
        (
            ("topic", "pub", "/lab/goal", "std_msgs/msg/String"),
            "is of type mbrl_ros/msg/Goal, not std_msgs/msg/String",
        ),
        (
            ("service", "call", "/lab/gadget/switch", "std_srvs/srv/Trigger"),
            "is of type std_srvs/srv/SetBool",
        ),
        (("param", "set", "/lab/gadget", "gains", "[1, a]"), "is not a list of"),
    ],
)
def test_what_does_not_suit_is_refused(gadget, tool, words, text):
    code, _, err = tool(*words)
    assert code == 2
    assert err.startswith("error: ")
    assert text in err


def test_wrong_environment_is_one_line(environment):
    for name, value in (("ROS_DOMAIN_ID", "many"), ("MBRL_ROS_RUNTIME", "ros3")):
        done = subprocess.run(
            [sys.executable, "-m", "mbrl_ros.cli", "node", "list"],
            env={**environment, name: value},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 2
        assert done.stderr.startswith(f"error: {name} is '{value}'")
        assert done.stderr.count("\n") == 1
