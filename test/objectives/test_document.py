import pytest

from mbrl_ros.objectives.document import LONGEST, read_objective


def test_it_reads_what_stands_below_objective():
    text = "terms: [near]\nnear: {type: quadratic, of: [x], target: 1.0}\n"
    assert read_objective(text) == {
        "terms": ["near"],
        "near.type": "quadratic",
        "near.of": ["x"],
        "near.target": 1.0,
    }


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "yaml: expected an objective's parameters"),
        ("just words", "yaml: expected an objective's parameters, got 'just words'"),
        ("[1, 2]", "yaml: expected an objective's parameters"),
        ("{", "yaml: not YAML: while parsing"),
        ("a: " + "[" * 20_000, "yaml: line 1: expected at most 16 collections within each other"),
        ("a: b" + " " * LONGEST, f"yaml: expected at most {LONGEST} characters"),
        (BOMB, r"yaml: line 2: expected no aliases"),
        ("a: &a {b: *a}", "yaml: line 1: expected no aliases"),
        ("near: {type: 'os:system'}", r"'near\.type': a user-defined function \(os:system\)"),
        ("variants: {a: {caution: 1.0}}", r"'variants\.a\.caution': an objective has no variants"),
    ],
)
def test_a_text_from_the_network_cannot_do_harm(text, message):
    with pytest.raises(ValueError, match=message):
        read_objective(text)


def test_a_tag_constructs_nothing():
    assert read_objective("a: !!python/object/apply:os.system [ls]") == {"a": ["ls"]}
