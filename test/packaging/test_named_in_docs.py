"""What the pages name is there: files, parameters, commands, types, fields, targets."""

import argparse
import contextlib
import importlib
import io
import re
import shlex

import pytest
from support.pages import PAGES, ROOT, blocks, named, spans, text

from mbrl_ros.cli.main import COMMANDS, _gathered, _parsed
from mbrl_ros.cli.ros_tools.fill import fill, parse_values
from mbrl_ros.core.kinds import KINDS
from mbrl_ros.core.settings import SettingsError, specs
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.ros.interfaces import interface
from mbrl_ros.system.launch_kinds import KINDS as LAUNCHES
from mbrl_ros.system.schema import checked_nodes, node_settings
from mbrl_ros.system.task_file import parse_task

FILE = re.compile(r"(?<![\w./<>~$-])((?:[\w-]+/)+[\w-]+\.(?:py|md|yaml|xml|json|csv|rviz|png))\b")
# What is made by a run, or by the reader.
MADE = ("runs/", "src/mbrl_ros/", "learned/", "seen/")
# Parameters of kinds of models, and sources of robots, that the pages themselves make.
OWN = {"model.forget", "model.ridge", "joints.max_age", "model_trainer.policy.NAME", "name", "out"}


def unknown(found):
    """Return what `found(page)` yields, after the page's name."""
    return [f"{named(page)}: {what}" for page in PAGES for what in found(page)]


def told(page):
    """Return all that the page tells as code."""
    return "\n".join([*spans(page), *blocks(page)])


def test_every_file_that_is_named_exists():
    def missing(page):
        # Parameter files tell paths from where they are.
        places = (page.parent, ROOT, ROOT / "mbrl_ros", ROOT / "config" / "robots")
        for path in FILE.findall(told(page)):
            if not path.startswith(MADE) and not any((each / path).exists() for each in places):
                yield path

    assert not unknown(missing)


@pytest.fixture(scope="module")
def parameters():
    """All parameters, plain and after their node's name."""
    found = {spec.name for spec in specs(TaskSettings)}
    for kind in KINDS:
        for node, settings in node_settings({"**": {"learner": kind}}).items():
            own = {spec.name for spec in specs(settings)}
            found |= own | {f"{node}.{name}" for name in own}
    return found


def test_every_parameter_that_is_named_exists(parameters):
    groups = {name.rpartition(".")[0] for name in parameters}
    arguments = {argument.name for kind in LAUNCHES.values() for argument in kind.arguments}
    firsts = {group.partition(".")[0] for group in groups}

    def missing(page):
        given = re.findall(r"(?<![\w./])([a-z_][\w.]*):=", text(page))
        names = re.findall(
            r"(?<![\w./])([a-z_]+(?:\.[a-z_]+)+)(?![\w(/.*])", "\n".join(spans(page))
        )
        files = (".py", ".csv", ".png", ".yaml")
        dotted = [n for n in names if n.split(".")[0] in firsts and not n.endswith(files)]
        for name in {*given, *dotted}:
            # An objective's are those of its own terms.
            if "objective." not in name and name not in parameters | arguments | groups | OWN:
                yield name

    assert not unknown(missing)


def test_every_parameter_file_that_is_shown_is_one():
    def refused(page):
        for block in re.findall(r"```yaml\n(.*?)```", text(page), re.DOTALL):
            # Those of the tutorials are used.
            if "ros__parameters" in block and page.parent.name != "tutorials":
                try:
                    checked_nodes(parse_task(block, "shown").nodes, "shown")
                except SettingsError as error:
                    yield error

    assert not unknown(refused)


def test_every_command_within_a_line_is_taken_as_far_as_it_is_told():
    def refused(page):
        for span in spans(page):
            if span.startswith("mbrl-ros ") and "..." not in span and "|" not in span:
                words = [re.sub(r"^[A-Z]+$", "1", word) for word in shlex.split(span)[1:]]
                if (error := refusal(words)) and not is_short(words, error):
                    yield f"{span}: {error}"

    assert not unknown(refused)


def refusal(words):
    """Return how the command line ends that does not take a command; else nothing."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            _parsed(_gathered(words))
    except SystemExit as ended:
        return said.getvalue().splitlines()[-1] if ended.code else ""
    return ""


def is_short(words, error):
    """Tell whether a refused command is one that the page just begins to tell."""
    lacking = error.partition("the following arguments are required: ")[2]
    if lacking:
        # Options that are a matter of course are left out, but no argument.
        return all(word.isalnum() for word in words) or lacking.startswith("-")
    return words[-1].startswith("-") and error.endswith(f"{words[-1]}: expected one argument")


def test_every_option_that_is_named_is_one():
    known = {"--version"}
    for name in COMMANDS:
        parser = argparse.ArgumentParser()
        importlib.import_module(f"mbrl_ros.cli.{name}").configure(parser)
        known |= options(parser)

    def missing(page):
        scripts = "".join(
            (ROOT / path).read_text(encoding="utf-8")
            for path in {*re.findall(r"benchmarks/\w+\.py", text(page))}
        )
        for span in spans(page):
            for option in re.findall(r"(?<!\S)--[a-z][\w-]*", span):
                # Those of others' commands stand after the command.
                is_ours = span.startswith((option, "mbrl-ros ", "make ", "python "))
                if is_ours and option not in known and f'"{option}"' not in scripts:
                    yield f"{option} in {span}"

    others = {"--params-file", "--die-with", "--cpus", "--extra-index-url"}
    assert not [line for line in unknown(missing) if line.split()[1] not in others]


def options(parser):
    """Return the options of a command and of its own commands."""
    found = {option for action in parser._actions for option in action.option_strings}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found = found.union(*map(options, action.choices.values()))
    return found


def test_every_script_target_node_and_type_that_is_named_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    def missing(page):
        words = told(page)
        for target in re.findall(r"\bmake ([a-z][\w-]*)", words):
            if not re.search(rf"^{target}:", makefile, re.MULTILINE):
                yield f"make {target}"
        scripts = re.findall(r"python ((?:benchmarks|examples)/\w+\.py)([^#;|&\n]*)", words)
        for script, rest in scripts:
            source = (ROOT / script).read_text(encoding="utf-8")
            for option in re.findall(r"--[\w-]+", rest):
                if f'"{option}"' not in source:
                    yield f"{script} {option}"
        for file in re.findall(r"ros2 launch mbrl_ros (\S+)", words):
            if not (ROOT / "launch" / file).is_file():
                yield file
        for node in re.findall(r"(?:ros2 run mbrl_ros|-m mbrl_ros.nodes) (\w+)", words):
            if not (ROOT / "mbrl_ros" / "nodes" / f"{node}.py").is_file():
                yield node
        for kind, name in re.findall(r"(?:mbrl_ros/|(?<![\w/]))(msg|srv)/([A-Z]\w+)", words):
            if not (ROOT / kind / f"{name}.{kind}").is_file():
                yield name

    assert not unknown(missing)


def test_every_field_of_a_message_that_is_named_is_one(parameters):
    files = {path.stem: path for path in (ROOT / "msg").glob("*.msg")}
    topics = {re.sub(r"(?<=.)([A-Z])", r"_\1", name).lower(): name for name in files}

    def missing(page):
        names = re.findall(r"(?<![\w./])([A-Za-z_]+)\.([a-z_]+)\b(?![(:/])", "\n".join(spans(page)))
        for owner, field in names:
            file = files.get(topics.get(owner, owner))
            # A topic's name may also be that of a group of parameters.
            if file and f"{owner}.{field}" not in parameters and owner != "objective":
                source = re.sub("#.*", "", file.read_text(encoding="utf-8"))
                if not re.search(rf"\b{field}\b", source):
                    yield f"{owner}.{field}"

    assert not unknown(missing)


def test_every_message_that_is_sent_by_hand_is_heard(monkeypatch):
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    parts = importlib.import_module("from_code").parts_of_nodes()
    heard = {f"/{name}": kind for _, part, name, kind in parts if part == "subscribes to"}
    served = {
        name.replace("~", f"/{node}"): kind for node, part, name, kind in parts if part == "serves"
    }
    sent = r'(topic pub|service call) (?:--\S+ (?:\d+ )?)*(/\S+) (\w+/\w+/(\w+))(?: "(.*?)")?'

    def refused(page):
        words = " ".join(told(page).split())
        for verb, name, full, kind, values in re.findall(sent, words):
            if (heard if verb == "topic pub" else served).get(name) != kind:
                yield f"{verb} {name} {full}"
            message = interface(full) if verb == "topic pub" else interface(full).Request
            try:
                fill(message(), parse_values(values or "{}", message))
            except ValueError as error:
                yield f"{values}: {error}"

    assert sum(len(re.findall(sent, " ".join(told(page).split()))) for page in PAGES) > 15
    assert not unknown(refused)
