"""The launcher's YAML is rcl's: values found on Jazzy with rclpy (test/ros2 asks it again)."""

import math

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
