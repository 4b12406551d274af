"""The documentation as a site, and what its pages promise."""

import re
import subprocess
import sys

import pytest
from support.pages import PAGES, ROOT, commands

from mbrl_ros.cli.main import _gathered, _parsed
from mbrl_ros.core.kinds import KINDS, find_kind
from mbrl_ros.planning.registry import PLANNERS
from mbrl_ros.system.configuration import parse_assignments, read_task
from mbrl_ros.system.launch_kinds import KINDS as LAUNCHES

CONFIG = ROOT / "config"
ALGORITHMS = {path.stem: path for path in (ROOT / "docs" / "algorithms").glob("*.md")}


@pytest.mark.process
def test_the_site_is_built_without_a_warning(tmp_path):
    pytest.importorskip("sphinx")
    words = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "docs", str(tmp_path)]
    built = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    parameters = (tmp_path / "reference" / "parameters.html").read_text(encoding="utf-8")
    assert "planner.horizon" in parameters
    topics = (tmp_path / "reference" / "topics.html").read_text(encoding="utf-8")
    assert "action_proposed" in topics


def test_every_planner_kind_and_method_has_a_page():
    (methods,) = [
        field.metadata["choices"]
        for field in find_kind("tabular").settings.__dataclass_fields__.values()
        if field.name == "method"
    ]
    expected = {*PLANNERS, *methods, *KINDS} - {"tabular"}
    assert {name.replace("_", "-") for name in expected} <= ALGORITHMS.keys()


@pytest.mark.parametrize("page", ALGORITHMS.values(), ids=ALGORITHMS)
def test_an_algorithms_command_is_one_that_is_accepted(page):
    found = [words for words in commands(page) if words[0] == "learn"]
    assert found
    for _, task, *words in found:
        read_task(task, parse_assignments([word for word in words if ":=" in word]))
        assert "--out" in words


def test_every_page_stands_in_the_sites_index():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^(?:[\w ]+<)?([a-z][\w/-]*)>?$", index, re.M | re.I))
    pages = {
        str(path.relative_to(ROOT / "docs").with_suffix(""))
        for path in (ROOT / "docs").rglob("*.md")
    }
    experiments = {page for page in pages if page.startswith("experiments/")}
    assert pages - experiments - {"index"} == listed - {"experiments/README"}


def test_every_experiment_tells_its_command_and_its_date():
    for page in (ROOT / "docs" / "experiments").glob("[a-z]*.md"):
        told = page.read_text(encoding="utf-8")
        assert "**Command" in told, page.name
        assert re.search(r"\b2026-\d\d-\d\d\b", told), page.name


def test_every_command_in_the_pages_is_taken():
    """By the command line, and of shipped tasks by their parameters."""
    pages = {*PAGES} - {*(ROOT / "docs" / "tutorials").glob("*.md")}  # which are executed
    told = [words for page in pages for words in commands(page)]
    assert len(told) > 80
    for words in told:
        given = _parsed(_gathered(words))
        task = getattr(given, "task", None)
        parameters = dict(w.split(":=") for w in words if ":=" in w)
        if words[0] == "launch" and not {"model", "run_dir"} & {*parameters}:
            task = parameters.pop("task", "cartpole_swingup")
            own = {a.name for a in LAUNCHES[given.kind].arguments} - {"seed"}
            parameters = {n: value for n, value in parameters.items() if n not in own}
        if words[0] in ("learn", "launch") and (CONFIG / f"{task}.yaml").is_file():
            words = [f"{name}:={value}" for name, value in parameters.items()]
            read_task(task, parse_assignments(words))
