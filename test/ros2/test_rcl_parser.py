"""rcl's own parser, asked what a parameter file says."""

import ast
import math
import subprocess

import pytest
from support.rcl_words import READ

from mbrl_ros.core.parameter_files import matching, read_sections
from mbrl_ros.core.rcl_yaml import write_yaml

pytestmark = pytest.mark.ros2

ASKING = """
import sys, rclpy
rclpy.init(args=["--ros-args", "--params-file", sys.argv[1]])
node = rclpy.create_node("asking", automatically_declare_parameters_from_overrides=True)
for number in range(int(sys.argv[2])):
    print(repr(node.get_parameter(f"p{number}").value))
"""


def asked(environment, file, count):
    done = subprocess.run(
        ["python3", "-c", ASKING, str(file), str(count)],
        env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    names = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
    return [names[line] if line in names else ast.literal_eval(line) for line in lines]


def same(one, other):
    both_nan = one != one and other != other
    return type(one) is type(other) and (one == other or both_nan)


def test_it_reads_scalars_as_ours_does(ros_environment, tmp_path):
    file = tmp_path / "words.yaml"
    lines = [f"    p{number}: {text}" for number, text in enumerate(READ)]
    file.write_text("/**:\n  ros__parameters:\n" + "\n".join(lines) + "\n")
    found = asked(ros_environment, file, len(READ))
    for text, value in zip(READ, found, strict=True):
        assert same(value, READ[text]), f"{text}: {value!r}"


def test_a_section_that_appears_twice_counts_as_one(ros_environment, tmp_path):
    file = tmp_path / "twice.yaml"
    section = "/**:\n  ros__parameters: "
    file.write_text(f"{section}{{p0: 1, p1: 2, p1: 3}}\n{section}{{p0: 4, p2: 5}}\n")
    ours = matching(read_sections(file.read_text()), "/asking")
    assert asked(ros_environment, file, 3) == [4, 3, 5] == [ours[f"p{k}"] for k in range(3)]


def test_it_reads_what_ours_writes(ros_environment, tmp_path):
    file = tmp_path / "written.yaml"
    values = [*READ, *READ.values()]
    parameters = {f"p{number}": value for number, value in enumerate(values)}
    file.write_text(write_yaml({"/**": {"ros__parameters": parameters}}))
    found = asked(ros_environment, file, len(values))
    for value, expected in zip(found, values, strict=True):
        assert same(value, expected), f"{expected!r}: {value!r}"
