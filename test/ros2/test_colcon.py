"""What `colcon build` installs."""

import shutil
import subprocess
from pathlib import Path

import pytest
from installation import ROOT, SETUPS, build, building, clean_environment, sourced
from support.waiting import PATIENCE

from mbrl_ros import __version__

pytestmark = pytest.mark.ros2

EXECUTABLES = [
    "data_logger", "model_trainer", "mpc_controller", "mujoco_sim", "robot_bridge",
    "robot_standin", "run_monitor", "rviz_markers", "safety_guard", "teleop", "web_monitor",
]  # fmt: skip


def test_interfaces(ros2):
    names = [
        f"mbrl_ros/{path.parent.name}/{path.stem}"
        for kind in ("msg", "srv")
        for path in (ROOT / kind).iterdir()
    ]
    assert sorted(ros2("interface", "package", "mbrl_ros").split()) == sorted(names)
    shown = ros2("interface", "show", "mbrl_ros/msg/Observation")
    assert "float64[] values" in shown
    assert "std_msgs/Header header" in shown


def test_executables(ros2, install):
    listed = ros2("pkg", "executables", "mbrl_ros").split()[1::2]
    assert sorted(listed) == EXECUTABLES
    prefix = install.parent / "mbrl_ros"
    out = subprocess.run(
        [prefix / "bin" / "mbrl-ros", "--version"],
        env=sourced(clean_environment(0), SETUPS[-1], install),
        text=True,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    assert out == f"mbrl-ros {__version__}\n"


def test_data_files(ros2, install):
    share = Path(ros2("pkg", "prefix", "--share", "mbrl_ros").strip())
    assert share == install.parent / "mbrl_ros" / "share" / "mbrl_ros"
    for kind in ("config", "launch", "msg", "srv"):
        wanted = {path.name for path in (ROOT / kind).iterdir() if path.is_file()}
        assert wanted <= {path.name for path in (share / kind).iterdir()}


def test_without_the_python_packages(install, start, domain, tmp_path):
    """One line says what to do, where ROS 2's Python lacks torch, and no node starts again."""
    environment = sourced(clean_environment(domain), SETUPS[-1], install)
    environment["ROS_LOG_DIR"] = str(tmp_path / "log")
    has_torch = ["python3", "-c", "import torch"]
    if not subprocess.run(has_torch, env=environment, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("the system's Python has torch")
    node = install.parent / "mbrl_ros" / "lib" / "mbrl_ros" / "mpc_controller"
    result = subprocess.run([node], env=environment, text=True, stderr=subprocess.PIPE)
    assert result.returncode == 2
    assert result.stderr.startswith("error: No module named 'torch' in /usr/bin/python3: ")
    requirements = result.stderr.split()[-1]
    assert "torch==" in Path(requirements).read_text()
    launch = start(
        *("ros2", "launch", "mbrl_ros", "robot.launch.py", "task:=cartpole_swingup"),
        environment=environment,
    )
    assert launch.process.wait(PATIENCE) == 1, launch.output
    assert "refused its configuration" in launch.output
    assert launch.output.count("process started with pid") <= 5, launch.output


def test_symlink_install(install, tmp_path):
    workspace = install.parents[1]
    # What was compiled there for the other way to install need not be compiled again.
    with building():
        # But its copies of the Python files are in the way of links.
        shutil.rmtree(workspace / "build" / "mbrl_ros" / "ament_cmake_python")
        setup = build(workspace, "--symlink-install", install="links")
    code = (
        "import mbrl_ros.core.settings, mbrl_ros.msg, mbrl_ros.core.resources as r;"
        "from mbrl_ros.msg import Observation; from mbrl_ros.srv import Reset;"
        "print(r.__file__); print(r.resource_directory('config'))"
    )
    module, config = subprocess.run(
        ["python3", "-c", code],
        cwd=tmp_path,  # python -c would take the checkout's own package first
        env=sourced(clean_environment(0), SETUPS[-1], setup),
        text=True,
        check=True,
        stdout=subprocess.PIPE,
    ).stdout.split()
    # An edit of the source takes effect without a new build.
    assert Path(module).is_symlink()
    source = workspace / "src" / "mbrl_ros"
    assert Path(module).resolve() == (source / "mbrl_ros" / "core" / "resources.py").resolve()
    assert (Path(config) / "cartpole_swingup.yaml").is_file()
