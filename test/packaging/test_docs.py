"""The documentation as a site, and what its pages promise."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mbrl_ros.core.kinds import KINDS, find_kind
from mbrl_ros.planning.registry import PLANNERS
from mbrl_ros.system.configuration import parse_assignments, read_task

ROOT = Path(__file__).parents[2]
ALGORITHMS = {path.stem: path for path in (ROOT / "docs" / "algorithms").glob("*.md")}


def commands(page):
    """Return the page's `mbrl-ros learn` commands as words."""
    lines = page.read_text(encoding="utf-8").replace("\\\n", "").splitlines()
    return [shlex.split(line) for line in lines if line.startswith("mbrl-ros learn")]


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
    found = commands(page)
    assert found
    for _, _, task, *words in found:
        read_task(task, parse_assignments([word for word in words if ":=" in word]))
        assert "--out" in words


def test_every_page_stands_in_the_sites_index():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^[a-z][\w/-]*$", index, re.M | re.I))
    pages = {
        str(path.relative_to(ROOT / "docs").with_suffix(""))
        for path in (ROOT / "docs").rglob("*.md")
    }
    experiments = {page for page in pages if page.startswith("experiments/")}
    assert pages - experiments - {"index"} == listed - {"experiments/README"}
