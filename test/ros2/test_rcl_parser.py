"""rcl's own parser, asked what a parameter file says."""

import json
import random
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from installation import SETUPS, clean_environment, sourced, with_packages
from support.rcl_forms import READ_ALIKE, REFUSED, REFUSED_BY_US
from support.rcl_words import READ
from support.waiting import PATIENCE

from mbrl_ros.core.parameter_files import read_sections
from mbrl_ros.core.rcl_yaml import write_yaml

pytestmark = pytest.mark.ros2


@pytest.fixture(scope="module")
def ask():
    """What rcl reads in each of some texts: pairs of node and parameters, or None."""
    environment = with_packages(sourced(clean_environment(0), SETUPS[-1]))
    program = Path(__file__).with_name("rcl_parser.py")

    def ask(texts):
        done = subprocess.run(
            ["python3", program], input=json.dumps(texts), env=environment,
            stdout=subprocess.PIPE, text=True, timeout=PATIENCE,
        )  # fmt: skip
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        crashed = texts[len(answers)] if len(answers) < len(texts) else ""
        assert done.returncode == 0, f"code {done.returncode} after {crashed!r}"
        return answers

    return ask


def shown(sections):
    """In a form in which 1 is not 1.0, and NaN is NaN."""
    return [(f"/{n.lstrip('/')}", sorted(map(repr, own.items()))) for n, own in sections]


def ours(text):
    """The same, or why it is refused."""
    try:
        return shown((each.pattern, each.parameters) for each in read_sections(text))
    except ValueError as error:
        return str(error)


def one_node(values):
    return write_yaml({"/**": {"ros__parameters": {f"p{k}": v for k, v in enumerate(values)}}})


def test_it_reads_scalars_as_ours_does(ask):
    lines = "".join(f"    p{number}: {text}\n" for number, text in enumerate(READ))
    (found,) = ask([f"/**:\n  ros__parameters:\n{lines}"])
    values = dict(enumerate(READ.values()))
    assert shown(found) == shown([("/**", {f"p{k}": value for k, value in values.items()})])


def test_it_reads_what_ours_writes(ask):
    text = one_node([*READ, *READ.values()])
    (found,) = ask([text])
    assert shown(found) == ours(text)


def test_it_takes_and_refuses_the_forms_that_ours_does(ask):
    for text, answer in zip(READ_ALIKE, ask([*READ_ALIKE]), strict=True):
        assert shown(answer) == ours(text) == shown(READ_ALIKE[text]), text
    for text, answer in zip(REFUSED, ask([*REFUSED]), strict=True):
        assert answer is None, text
    for text, answer in zip(REFUSED_BY_US, ask([*REFUSED_BY_US]), strict=True):
        assert answer is not None, text


# What makes a file refused comes seldom, so that most of the others are compared in full.
WORDS = [*READ, "[]", "[1, 2]", "[a, b]", "[1.0, .inf]", "[yes, false]", "['1', \"y\"]", "5 # c"]
ODD_WORDS = [
    "", "*x", "&x 5", "[1, 2.0]", "[y, foo]", "[[1]]", "[1, [2]]", "[{a: 1}]", "{}", "{a: {}}",
    "{a: 1, a: 2.0}", "{a: 1, a: {b: 1}}", "{a.b: {c: 1}}", "{'': 1}", "{? [a] : 1}", "!!str", "@x",
    '"\\0"', "a: b", "%x", "\t5", "|-\n          5", ">\n          a\n          b", "!!set {a}",
]  # fmt: skip
NODES = ["a", "/a", "/**", "/*", "/ns/a", "ns/a", "/**/a", "ns/", "*", "_b", "A9", "**"]
ODD_NODES = ["my-node", "1a", "//a", "a//b", "***", "é", "''", "ros__parameters", "/", "a.b", "y"]
NAMES = ["x", "y", "x.y", "x.y.z", "1", "~", "q r", "'a/b'", "a.", ".a", "<<", "ros__parameters"]
MARKS = ["", "\t", " ", "\n", "'", '"', ":", "-", "#", "{", "]", "&", "*", "!", "|", ",", "\x07"]


def drawn(draw, usual, odd):
    return draw.choice(odd) if draw.random() < 0.03 else draw.choice(usual)


def parameters(draw, indent):
    lines = []
    for name in draw.sample(NAMES, draw.randrange(1, 4)):
        if draw.random() < 0.2 and indent < 12:
            lines.append(f"{indent * ' '}{name}:\n{parameters(draw, indent + 2)}")
        else:
            lines.append(f"{indent * ' '}{name}: {drawn(draw, WORDS, ODD_WORDS)}\n")
    return "".join(lines)


def section(draw, indent=0):
    name = f"{indent * ' '}{drawn(draw, NODES, ODD_NODES)}:\n"
    if draw.random() < 0.15 and indent < 4:
        return name + section(draw, indent + 2)
    inner = f"{(indent + 2) * ' '}ros__parameters:"
    empty = drawn(draw, [""] * 9 + [" {}"], [" 5", " [1]", "_old: {x: 1}", ": "])
    return f"{name}{inner}{empty}\n" + (parameters(draw, indent + 4) if not empty else "")


def parameter_file(draw):
    sections = [section(draw) for _ in range(draw.randrange(1, 4))]
    text = draw.choice(["", "", "", "---\n"]).join(sections)
    if draw.random() < 0.1:
        at = draw.randrange(len(text))
        text = text[:at] + draw.choice(MARKS) + text[at + draw.randrange(2) :]
    return text


def test_it_answers_as_ours_does_at_random(ask):
    """Seeded. What we refuse and rcl misreads is written down in `REFUSED_BY_US`."""
    draw = random.Random(0)
    texts = [parameter_file(draw) for _ in range(1000)]
    reasons = [message.split("expected ")[-1][:12] for message in REFUSED_BY_US.values()]
    counts = Counter()
    for text, theirs in zip(texts, ask(texts), strict=True):
        answer = ours(text)
        if isinstance(answer, str):
            misread = any(f"{reason}" in answer for reason in reasons)
            assert theirs is None or misread, f"{text}\nrefused: {answer}\nrcl: {theirs}"
            counts["refused" if theirs is None else "misread"] += 1
        else:
            assert theirs is not None, text
            assert answer == shown(theirs), f"{text}\nrcl: {theirs}"
            counts["same"] += 1
    assert min(counts["same"], counts["refused"]) > 200 > counts["misread"], counts
