"""What tests make of the runtime is taken down again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.waiting import PATIENCE, wait_until

os.environ.setdefault("MBRL_ROS_RUNTIME", "embedded")

from mbrl_ros.ros import RUNTIME

if RUNTIME != "embedded":
    collect_ignore_glob = ["test_*.py"]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _own_domain(domain):
    """Every test here may talk."""


class World:
    """Makes nodes, each in a context and so in a DDS participant of its own."""

    def __init__(self):
        from mbrl_ros.ros import Context, SingleThreadedExecutor

        self._context_class, self._executor_class = Context, SingleThreadedExecutor
        self._made = []

    def node(self, name="node", arguments=(), node_class=None, **options):
        from mbrl_ros.ros import Node

        context = self._context_class()
        context.init(args=["--ros-args", *arguments])
        node = (node_class or Node)(name, context=context, **options)
        executor = self._executor_class(context=context)
        executor.add_node(node)
        self._made.append((node, executor, context))
        return node

    def spin(self, until=lambda: False, timeout=PATIENCE):
        """Spin all nodes until a condition holds; returns whether it does."""
        return bool(wait_until(until, timeout, self._spin_once))

    def _spin_once(self):
        for _, executor, _ in self._made:
            executor.spin_once(timeout_sec=0.002)

    def close(self):
        for node, executor, context in self._made:
            executor.shutdown()
            node.destroy_node()
            context.try_shutdown()


@pytest.fixture
def world():
    made = World()
    yield made
    made.close()


@pytest.fixture
def start(tmp_path):
    """Start Python code in a process of its own; its output is read as text."""
    processes = []

    def begin(code, *arguments):
        path = tmp_path / f"process{len(processes)}.py"
        path.write_text(code, encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, str(path), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
                "PYTHONUNBUFFERED": "1",
            },
        )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()
