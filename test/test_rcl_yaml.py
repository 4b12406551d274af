"""The launcher's YAML is rcl's: values found on Jazzy with rclpy (test/ros2 asks it again)."""

import math
import random
import struct

import pytest
from support.rcl_words import READ

from mbrl_ros.core.rcl_yaml import read_yaml, write_yaml


@pytest.mark.parametrize("text", READ)
def test_a_scalar_is_read_as_rcl_reads_it(text):
    value, expected = read_yaml(f"x: {text}")["x"], READ[text]
    assert type(value) is type(expected)
    assert value == expected or (expected != expected and math.isnan(value))


@pytest.mark.parametrize("text", READ)
def test_text_stays_text_through_a_written_file(text):
    tree = {"x": text, text: [text, text]}
    assert read_yaml(write_yaml(tree)) == tree


def test_words_that_rcl_takes_for_booleans_can_be_kept():
    tree = read_yaml("{names: [x, y, n], off: on, safe: true, 'y': 0x10}", keep_words=True)
    assert tree == {"names": ["x", "y", "n"], "off": "on", "safe": True, "y": 16}


def test_a_section_that_appears_twice_counts_as_one():
    tree = read_yaml("a: {b: {c: 1, d: 2}}\nx: 0\na: {b: {d: 3}, e: 4}")
    assert tree == {"a": {"b": {"c": 1, "d": 3}, "e": 4}, "x": 0}


def test_names_are_text():
    assert read_yaml("y: 1\n1: 2\n~: 3") == {"y": 1, "1": 2, "~": 3}


def test_what_is_written_is_read_back():
    """Drawn at random, with a fixed seed: text of all characters that matter, and odd numbers."""
    draw = random.Random(0)
    alphabet = "ynotfaeixYN.0123456789+-_~:#'\"\\{}[],&*!|>%@ \t\né☃"

    def text():
        return "".join(draw.choices(alphabet, k=draw.randrange(6)))

    scalars = (
        text,
        lambda: draw.random() < 0.5,
        lambda: draw.randrange(-(2**63), 2**63),
        lambda: struct.unpack("d", struct.pack("Q", draw.getrandbits(64)))[0],
        lambda: draw.choice([math.inf, -math.inf, 0.0, -0.0, 1e-7, 1e22, 5e-324]),
    )
    for _ in range(500):
        tree = {text() + str(k): draw.choice(scalars)() for k in range(3)}
        tree["list"] = [kind() for kind in [draw.choice(scalars)] for _ in range(3)]
        again = read_yaml(write_yaml(tree, default_flow_style=None, sort_keys=False))
        assert repr(again) == repr(tree)
