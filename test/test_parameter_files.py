"""Sections of parameter files; test/ros2/test_rcl_parser.py asks rcl about the same."""

import math
import re

import pytest
from support.rcl_forms import READ_ALIKE, REFUSED, REFUSED_BY_US

from mbrl_ros.core.parameter_files import Section, matching, read_sections


def test_sections_are_flat_and_in_order():
    text = """
        /**: {ros__parameters: {seed: 3, deep: {er: {still: [1, 2]}}}}
        /arm: {ros__parameters: {seed: 4, wheel.radius: 1.0}}
        left: {hand: {ros__parameters: {x: 1e-3, y: 2.5E+2, z: -.inf, n: 12}}, ros__parameters: {}}
    """
    sections = read_sections(text)
    assert sections == [
        Section("/**", {"seed": 3, "deep.er.still": [1, 2]}),
        Section("/arm", {"seed": 4, "wheel.radius": 1.0}),
        Section("/left/hand", {"x": 0.001, "y": 250.0, "z": -math.inf, "n": 12}),
        Section("/left", {}),
    ]
    assert isinstance(sections[2].parameters["n"], int)
    assert matching(sections, "/arm") == {**sections[0].parameters, **sections[1].parameters}
    assert matching(sections, "/left") == matching(sections, "/x/y") == sections[0].parameters


@pytest.mark.parametrize(
    ("pattern", "matches", "others"),
    [
        ("/**", "/node /a/node /a/b/node", ""),
        ("/*", "/node", "/a/node"),
        ("/**/node", "/node /a/node /a/b/node", "/other /node/a"),
        ("/*/node", "/a/node", "/node /a/b/node"),
        ("/a/**/node", "/a/node /a/b/c/node", "/node /b/node"),
        ("/a/**", "/a/node /a/b/node", "/node /ab/node"),
        ("/**/b/*", "/b/node /a/b/node", "/node /a/node"),
        ("/a.c", "", "/abc"),
    ],
)
def test_patterns(pattern, matches, others):
    section = Section(pattern, {})
    assert all(section.is_for(node) for node in matches.split())
    assert not any(section.is_for(node) for node in others.split())


def test_the_last_section_counts_whether_it_names_the_node_or_matches_it():
    text = "node: {ros__parameters: {x: 1, z: 0}}\n/**: {ros__parameters: {x: 2}}"
    assert matching(read_sections(text), "/node") == {"x": 2, "z": 0}
    assert (
        matching(read_sections(f"{text}\n/node: {{ros__parameters: {{x: 3}}}}"), "/node")["x"] == 3
    )


@pytest.mark.parametrize("text", READ_ALIKE)
def test_forms_that_are_read(text):
    assert [(each.pattern, each.parameters) for each in read_sections(text)] == READ_ALIKE[text]


@pytest.mark.parametrize(("text", "message"), [*REFUSED.items(), *REFUSED_BY_US.items()])
def test_files_of_another_form_are_refused_in_one_line(text, message):
    with pytest.raises(ValueError, match=re.escape(message)) as refusal:
        read_sections(text)
    assert "\n" not in str(refusal.value)


def test_an_empty_file_has_no_section():
    assert read_sections("") == read_sections("# nothing\n") == []
