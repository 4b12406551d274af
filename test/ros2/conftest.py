"""Builds the package with colcon as a user would, once per state of its sources."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from installation import (
    CACHES,
    FOLDERS,
    ROOT,
    SETUPS,
    SOURCES,
    Started,
    build,
    building,
    clean_environment,
    copy_sources,
    forget_old_caches,
    sourced,
    why_not,
    with_packages,
)
from support.domains import REAL, claimed
from support.waiting import PATIENCE

HERE = Path(__file__).parent


@pytest.fixture(scope="session", autouse=True)
def _real_ros():
    if reason := why_not():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def install():
    """The setup file of a workspace with the package, from a plain `colcon build`."""
    digest = hashlib.sha256(str(SETUPS[-1]).encode())
    files = [path for name in FOLDERS for path in (ROOT / name).rglob("*") if path.is_file()]
    for path in sorted([*files, *(ROOT / name for name in SOURCES)]):
        if "__pycache__" not in path.parts and path.relative_to(ROOT).parts[0] != "test":
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    workspace = CACHES / digest.hexdigest()[:16]
    with building():
        done = workspace / "done"
        if not done.exists():
            if workspace.exists():
                subprocess.run(["rm", "-rf", str(workspace)], check=True)
            copy_sources(workspace / "src" / "mbrl_ros")
            build(workspace)
            done.touch()
        os.utime(workspace)
        forget_old_caches()
    return workspace / "install" / "setup.bash"


@pytest.fixture
def domain():
    """One for each test, of those that only real ROS 2 is given."""
    with claimed(REAL) as number:
        yield number


@pytest.fixture(scope="session")
def _workspace_environment(install):
    return sourced(clean_environment(0), SETUPS[-1], install)


@pytest.fixture
def ros_environment(_workspace_environment, domain, tmp_path):
    """A sourced workspace, with the Python of the tests first in the PATH."""
    return {
        **with_packages(_workspace_environment),
        "ROS_DOMAIN_ID": str(domain),
        "ROS_LOG_DIR": str(tmp_path / "log"),
    }


@pytest.fixture
def ros2(ros_environment, tmp_path):
    """Run a ros2 command to its end; returns what it printed, on both channels."""

    def run(*words, code=0, timeout=PATIENCE):
        result = subprocess.run(
            ["ros2", *map(str, words)],
            env=ros_environment,
            cwd=tmp_path,
            text=True,
            timeout=timeout,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert code is None or result.returncode == code, result.stdout
        return result.stdout

    yield run
    # Commands that look for nodes have left one behind in this domain.
    run("daemon", "stop")


@pytest.fixture
def start(tmp_path):
    """Start a process that ends with the test."""
    started = []

    def begin(*words, environment):
        output = tmp_path / f"output{len(started)}.txt"
        started.append(Started(words, environment, output, tmp_path))
        return started[-1]

    yield begin
    for process in started:
        process.kill()


@pytest.fixture
def real_script(ros_environment, start, tmp_path):
    """Start Python code on real rclpy, which may import `real_node`."""

    def begin(code, *arguments):
        path = tmp_path / "real_script.py"
        path.write_text(code)
        found = f"{HERE}:{HERE.parent}:{ros_environment['PYTHONPATH']}"
        environment = {**ros_environment, "PYTHONPATH": found}
        return start("python3", path, *arguments, environment=environment)

    return begin


@pytest.fixture
def launch(ros_environment, start, tmp_path):
    """Start one of the package's launch files, with the run's folder `tmp_path / "run"`."""

    def begin(file, *arguments):
        words = "ros2", "launch", "mbrl_ros", file, *arguments, f"run_dir:={tmp_path / 'run'}"
        return start(*words, environment=ros_environment)

    return begin


@pytest.fixture
def standin(ros_environment, start, install):
    """Start the stand-in of a shipped robot; returns when its topics are there."""

    def begin(name):
        share = install.parent / "mbrl_ros" / "share" / "mbrl_ros"
        file = share / "config" / "robots" / "standins" / f"{name}.yaml"
        words = "ros2", "run", "mbrl_ros", "robot_standin", "--ros-args", "--params-file", file
        robot = start(*words, environment=ros_environment)
        robot.wait_for("messages a second")
        return robot

    return begin


@pytest.fixture
def embedded_environment(domain):
    """The environment of a user without ROS 2."""
    return {
        **clean_environment(domain),
        "PATH": f"{Path(sys.prefix) / 'bin'}:/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "MBRL_ROS_RUNTIME": "embedded",
    }
