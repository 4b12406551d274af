"""The wheel runs with the oldest and with the newest packages that its ranges allow.

torch is the one that the tests run with: other versions would bring gigabytes of CUDA.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from packaging.requirements import Requirement
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TASKS = ("cartpole_swingup", "inverted_pendulum")  # dm_control's and Gymnasium's


def oldest(requirement):
    """Return a constraint on the oldest series within a range: patches of it are welcome."""
    (least,) = (Version(s.version) for s in requirement.specifier if s.operator == ">=")
    return f"{requirement.name}>={least},=={least.major}.{least.minor}.*"


def learned(python, task, out):
    words = "--steps", 400, "--eval-episodes", 1, "--out", out
    done = run(python.parent / "mbrl-ros", "learn", task, *words)
    assert done.returncode == 0, done.stderr
    return json.loads((out / "summary.json").read_text())


def environment(folder):
    """Return the Python of a new virtual environment in which nothing is but torch."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for name in ("torch*", "functorch"):
        for path in Path(torch.__file__).parents[1].glob(name):
            (packages / path.name).symlink_to(path)
    return folder / "bin" / "python"


def run(*words):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run([*map(str, words)], capture_output=True, text=True, env=kept)


def install(python, *words):
    done = run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *words)
    assert done.returncode == 0, done.stderr[-3000:]


def installed(python):
    done = run(python, "-m", "pip", "list", "--format", "json", "--disable-pip-version-check")
    return {package["name"].lower(): package["version"] for package in json.loads(done.stdout)}


@pytest.mark.versions
@pytest.mark.parametrize("which", ["oldest", "newest"])
def test_the_wheel_learns_with_what_its_ranges_allow(which, built, tmp_path):
    _, wheel = built
    python, constraints = environment(tmp_path / "venv"), tmp_path / "constraints.txt"
    extra = PROJECT["optional-dependencies"]["dm-control"]
    ranges = [Requirement(text) for text in (*PROJECT["dependencies"], *extra)]
    lines = [oldest(each) for each in ranges if each.name != "torch"] if which == "oldest" else []
    constraints.write_text("".join(f"{line}\n" for line in lines))
    install(python, "--constraint", constraints, f"{wheel}[dm-control]")
    print(which, found := installed(python))
    for task in TASKS:
        assert learned(python, task, tmp_path / task)["models_published"] >= 1
    if which == "newest":
        assert Version(found["mujoco"]) < Version("4")
        # Its files lie in another package than before, and an upgrade would remove them again.
        assert run(python, "-m", "pip", "uninstall", "--yes", "mujoco").returncode == 0
        install(python, "mujoco==4.0.0")  # pip says that this is not what we ask for
        words = "--steps", 10, "--out", tmp_path / "unready"
        done = run(python.parent / "mbrl-ros", "learn", TASKS[0], *words)
        assert done.returncode == 2
        assert "does not work with MuJoCo 4.0.0: pip install 'mujoco<4'" in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.versions
def test_without_extras_gymnasiums_tasks_are_learned(built, tmp_path):
    _, wheel = built
    python = environment(tmp_path / "venv")
    install(python, wheel)
    assert learned(python, TASKS[1], tmp_path / "out")["models_published"] >= 1
