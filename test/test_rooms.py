"""Arrows between the rooms go one way: docs/architecture.md."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "mbrl_ros"
GROUND = {"spaces", "settings", "task", "resources", "extensions", "realtime", "core"}
MAY_IMPORT = {
    "core": GROUND,
    "data": GROUND,
    "dynamics": GROUND | {"data"},
    "objectives": GROUND,
    "planning": GROUND | {"dynamics", "objectives"},
    "control": GROUND | {"dynamics", "objectives", "planning"},
    "plants": GROUND,
    "system": GROUND | {"data", "dynamics", "objectives", "control", "plants", "ros"},
    "reports": GROUND | {"data", "dynamics", "planning", "system"},
    "ros": {"resources"},
    "nodes": GROUND
    | {"data", "dynamics", "objectives", "control", "plants", "system", "reports", "ros"},
}


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_a_room_imports_only_what_lies_below(room):
    files = list((PACKAGE / room).rglob("*.py"))
    assert files
    for path in files:
        for name in imported(path):
            parts = name.split(".")
            # mbrl_ros.msg and mbrl_ros.srv are generated, mbrl_ros.__version__ is no room.
            if parts[0] != "mbrl_ros" or parts[1] in (room, "msg", "srv", "__version__"):
                continue
            assert parts[1] in MAY_IMPORT[room], f"{path.name} imports {name}"


def test_every_room_is_listed():
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name[0] != "_"}
    assert rooms - {"share"} == {*MAY_IMPORT, "cli"}


def test_nothing_heavy_is_loaded_to_launch():
    """`ros2 launch` runs in the system's Python, which need not have torch."""
    code = "import sys, mbrl_ros.system.launching; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert loaded.returncode == 0, loaded.stderr
    assert not {"torch", "mujoco", "gymnasium", "rclpy"} & set(loaded.stdout.split())
