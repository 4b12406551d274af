"""Arrows between the rooms go one way: docs/architecture.md."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "mbrl_ros"
GROUND = {"spaces", "settings", "task", "resources", "extensions", "realtime", "core"}
MAY_IMPORT = {
    "core": GROUND,
    "safety": GROUND,
    "data": GROUND,
    "dynamics": GROUND | {"data"},
    "objectives": GROUND,
    "planning": GROUND | {"dynamics", "objectives"},
    "control": GROUND | {"safety", "dynamics", "objectives", "planning"},
    "plants": GROUND | {"safety"},
    "system": GROUND | {"safety", "data", "dynamics", "objectives", "control", "plants", "ros"},
    "reports": GROUND | {"data", "dynamics", "planning", "system"},
    "ros": {"resources"},
    "nodes": GROUND
    | {"data", "dynamics", "objectives", "control", "plants", "system", "reports", "ros", "safety"},
}
#: Imports that close a circle of files and are still to be removed: importing file, imported file.
KNOWN = {
    ("mbrl_ros.dynamics.fitting", "mbrl_ros.dynamics.process_fitting"),
    ("mbrl_ros.objectives.batch", "mbrl_ros.objectives.learned"),
}


def imported(path):
    """Names of all that a file imports, wherever in it: for types only and in functions too."""
    package = ".".join(path.relative_to(PACKAGE.parent).parent.parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = resolve_name("." * node.level + (node.module or ""), package)
            yield from (f"{source}.{alias.name}" for alias in node.names)


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


def module_of(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_no_circle_of_files():
    paths = {module_of(path): path for path in PACKAGE.rglob("*.py")}

    def modules(names):
        for name in names:
            while name and name not in paths:
                name = name.rpartition(".")[0]  # of a function or class: its file
            if name:
                yield name

    imports = {module: {*modules(imported(path))} for module, path in paths.items()}
    for module, other in KNOWN:
        imports[module].discard(other)
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        circle = error.args[1]  # each file is imported by the next
        pytest.fail(" imports ".join(reversed(circle)), pytrace=False)


def test_every_room_is_listed():
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name[0] != "_"}
    assert rooms - {"share"} == {*MAY_IMPORT, "cli"}


@pytest.mark.process
def test_nothing_heavy_is_loaded_to_launch():
    """`ros2 launch` runs in the system's Python, which need not have torch."""
    code = "import sys, mbrl_ros.system.launching; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert loaded.returncode == 0, loaded.stderr
    assert not {"torch", "mujoco", "gymnasium", "rclpy"} & set(loaded.stdout.split())
