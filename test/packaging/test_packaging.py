"""What pip installs, and that all the files which name a version or a package agree."""

import itertools
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mbrl_ros import __version__

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
DATA = ("msg", "srv", "config", "launch")


def _project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def _data_files():
    return {
        str(path.relative_to(ROOT))
        for kind in DATA
        for path in (ROOT / kind).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


@pytest.mark.process
def test_wheel_holds_everything(built):
    with zipfile.ZipFile(built[1]) as wheel:
        names = set(wheel.namelist())
    modules = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "mbrl_ros").rglob("*.py")
        if "__pycache__" not in path.parts
    }
    assert modules <= names
    assert {f"mbrl_ros/share/{name}" for name in _data_files()} <= names
    # Nothing at the top of site-packages but ours.
    assert {name.split("/")[0].split("-")[0] for name in names} == {"mbrl_ros"}


@pytest.mark.process
def test_sdist_builds_and_tests_like_a_checkout(built):
    with tarfile.open(built[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {"CMakeLists.txt", "package.xml", "requirements.txt", "Makefile", "LICENSE"}
    needed |= {".ci/make_venv.py", ".github/workflows/ci.yml", ".pre-commit-config.yaml"}
    assert needed | _data_files() | {"test/ros2/sim_launch.py"} <= names


@pytest.mark.process
def test_installed_wheel_finds_its_files(built, tmp_path):
    """Without a checkout around it; pip would do no more than unpack it."""
    with zipfile.ZipFile(built[1]) as wheel:
        wheel.extractall(tmp_path / "site")
    code = (
        "import mbrl_ros, mbrl_ros.core.resources as r; print(mbrl_ros.__file__)\n"
        f"for kind in {DATA}: print(r.resource_directory(kind))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        text=True,
        check=True,
        stdout=subprocess.PIPE,
    ).stdout.splitlines()
    package = tmp_path / "site" / "mbrl_ros"
    assert out == [str(package / "__init__.py"), *(str(package / "share" / kind) for kind in DATA)]


def test_one_version(built):
    """What pip takes from mbrl_ros/__init__.py stands literally elsewhere."""
    with zipfile.ZipFile(built[1]) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = wheel.read(name).decode()
    assert f"\nVersion: {__version__}\n" in metadata
    assert ElementTree.parse(ROOT / "package.xml").findtext("version") == __version__
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text()
    # CMakeLists.txt has none: ament reads package.xml. If it gets one, it must agree.
    cmake = (ROOT / "CMakeLists.txt").read_text()
    assert set(re.findall(r"project\([^)]*\bVERSION\s+([^\s)]+)", cmake)) <= {__version__}
    assert f"\n## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_the_command_tells_the_version():
    """At once: without torch."""
    code = (
        "import sys\n"
        "from mbrl_ros.cli.main import main\n"
        "try:\n"
        "    main(['--version'])\n"
        "finally:\n"
        "    assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"mbrl-ros {__version__}\n"), done.stderr


def test_pinned_versions_are_within_the_ranges():
    requirements = pytest.importorskip("packaging.requirements")
    pins = {}
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            pin = requirements.Requirement(line)
            if pin.marker is None or pin.marker.evaluate():
                name = re.sub(r"[-_.]+", "-", pin.name).lower()
                pins[name] = str(pin.specifier).removeprefix("==")
    project = _project()
    extras = project["optional-dependencies"].values()
    checked = 0
    for text in itertools.chain(project["dependencies"], *extras):
        wanted = requirements.Requirement(text)
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        if name in pins:
            assert wanted.specifier.contains(pins[name]), (text, pins[name])
            checked += 1
    assert checked >= 19


def test_every_node_has_its_executable():
    cmake = (ROOT / "CMakeLists.txt").read_text()
    (listed,) = re.findall(r"foreach\(node ([^)]*)\)", cmake)
    with_main = {
        path.stem
        for path in (ROOT / "mbrl_ros" / "nodes").glob("[a-z]*.py")
        if "def main(" in path.read_text()
    }
    assert set(listed.split()) == with_main


@pytest.mark.process
def test_old_python_is_told_so(tmp_path):
    code = (
        "import runpy, sys; sys.version_info = (3, 9, 2);"
        "sys.argv = ['make_venv.py', sys.argv[1]];"
        f"runpy.run_path({str(ROOT / '.ci' / 'make_venv.py')!r}, run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "venv"], text=True, stderr=subprocess.PIPE
    )
    assert done.returncode == 2
    assert done.stderr == "error: needs Python 3.10 or newer, got 3.9.2: make PYTHON=python3.11\n"
    assert not (tmp_path / "venv").exists()


@pytest.mark.process
@pytest.mark.parametrize(
    ("missing", "words", "told"),
    [
        ("cyclonedds", ["topic", "list"], "neither rclpy nor cyclonedds is there: source a ROS 2"),
        ("dm_control", ["learn", "cartpole_swingup", "--out", "out"], "'mbrl_ros[dm-control]'"),
    ],
)
def test_a_package_that_is_not_installed_is_named_in_one_line(missing, words, told, tmp_path):
    code = (
        "import importlib.machinery as m, sys\n"
        "find = m.PathFinder.find_spec\n"
        "def without(name, *others):\n"
        f"    return None if name.split('.')[0] == '{missing}' else find(name, *others)\n"
        "m.PathFinder.find_spec = staticmethod(without)\n"
        "from mbrl_ros.cli.main import main\n"
        f"sys.exit(main({words}))\n"
    )
    environment = {**os.environ, "MBRL_ROS_RUNTIME": "embedded"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
    assert told in done.stderr
