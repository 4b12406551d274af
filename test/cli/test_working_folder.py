"""What lies in the working folder does not matter to a node, and its own files are found."""

import os
import subprocess

import pytest

from mbrl_ros.cli.node_process import node_command

pytestmark = pytest.mark.process

NAMES = ("contextlib", "mujoco", "numpy", "queue", "runpy", "signal", "statistics", "types", "yaml")
FILE = """
/**: {ros__parameters: {task: t, period: 0.05, observation: {names: [a, b]}, action: {names: [u],
  low: [-1.0], high: [1.0]}}}
mujoco_sim: {ros__parameters: {environment: "plants_of_mine:Plant-v0"}}
"""


def test_a_node_takes_its_modules_from_where_they_belong(tmp_path):
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('shadowed')")
    beside = tmp_path / "mine"
    beside.mkdir()
    (beside / "plants_of_mine.py").write_text("import signal, helper_of_mine")
    (beside / "helper_of_mine.py").write_text("raise LookupError('reached')")
    (beside / "signal.py").write_text("raise RuntimeError('shadowed')")
    (beside / "mine.yaml").write_text(FILE)
    command = node_command("mujoco_sim", ["--ros-args", "--params-file", "mine/mine.yaml"])
    environment = {**os.environ, "MBRL_ROS_RUNTIME": "embedded"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert "shadowed" not in done.stderr
    assert "LookupError: reached" in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.returncode == 2
