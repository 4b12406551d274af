"""The files for GitHub and pre-commit, which nothing else reads here."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
GITHUB = ROOT / ".github"
FILES = [ROOT / ".pre-commit-config.yaml", *sorted(GITHUB.rglob("*.y*ml"))]


def _load(path):
    return yaml.safe_load(path.read_text())


def _steps(name):
    jobs = _load(GITHUB / "workflows" / name)["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_yaml_parses(path):
    assert isinstance(_load(path), dict)


def test_ci_runs_what_a_change_must_pass():
    assert [step["run"] for step in _steps("ci.yml") if "run" in step] == [
        ".ci/run",
        "make test-versions",
    ]


def test_every_page_tells_the_pythons_and_releases_that_are_tested():
    pythons, distros = (
        _load(GITHUB / "workflows" / file)["jobs"][job]["strategy"]["matrix"][axis]
        for file, job, axis in (("ci.yml", "checks", "python"), ("ros.yml", "colcon", "distro"))
    )
    project = (ROOT / "pyproject.toml").read_text()
    listed = re.findall(r"Python :: (3\.\d+)", project)
    assert [listed[0], listed[-1]] == pythons
    for page in ("README.md", "CONTRIBUTING.md"):
        assert f"Python {' to '.join(pythons)}" in (ROOT / page).read_text(), page
    assert (
        f"ROS 2 ({distros[0].title()} to {distros[-1].title()})" in (ROOT / "README.md").read_text()
    )


def test_issue_forms_have_what_github_asks_for():
    for path in (GITHUB / "ISSUE_TEMPLATE").iterdir():
        form = _load(path)
        assert form["name"]
        assert form["description"]
        fields = [field for field in form["body"] if field["type"] != "markdown"]
        assert all(field["attributes"]["label"] for field in fields)
        names = [field["id"] for field in fields]
        assert len(set(names)) == len(names)
