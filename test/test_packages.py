"""Packages import one way only: docs/architecture.md has the table."""

import ast
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest

from mbrl_ros.core.extensions import load

PACKAGE = Path(__file__).parents[1] / "mbrl_ros"
ARCHITECTURE = Path(__file__).parents[1] / "docs" / "architecture.md"
ROW = re.compile(r"^\| `(\w+)/` \| [^|]+ \| ([^|]+) \|$", re.M)
#: Package to those that it may import, as the table in docs/architecture.md has it.
MAY_IMPORT = {
    package: set(re.findall(r"\w+", imports)) - {"nothing"}
    for package, imports in ROW.findall(ARCHITECTURE.read_text(encoding="utf-8"))
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


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_a_package_imports_only_what_lies_below(package):
    files = list((PACKAGE / package).rglob("*.py"))
    assert files
    for path in files:
        for name in imported(path):
            parts = name.split(".")
            # mbrl_ros.msg and mbrl_ros.srv are generated, mbrl_ros.__version__ is no package.
            if parts[0] != "mbrl_ros" or parts[1] in (package, "msg", "srv", "__version__"):
                continue
            assert parts[1] in MAY_IMPORT[package], f"{path.name} imports {name}"


def test_the_table_itself_goes_one_way():
    TopologicalSorter(MAY_IMPORT).prepare()


@pytest.mark.parametrize("package", sorted({*MAY_IMPORT} - {"nodes", "ros"}))
def test_nothing_below_the_nodes_knows_ros(package):
    for path in (PACKAGE / package).rglob("*.py"):
        for name in imported(path):
            assert name.split(".")[0] not in ("rclpy", "launch", "launch_ros"), f"{path} has {name}"


def test_core_and_safety_need_no_torch():
    for package in ("core", "safety"):
        for path in (PACKAGE / package).rglob("*.py"):
            assert not any(name.split(".")[0] == "torch" for name in imported(path)), path


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
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        circle = error.args[1]  # each file is imported by the next
        pytest.fail(" imports ".join(reversed(circle)), pytrace=False)


def test_only_kinds_name_code_above_them_by_text():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            text = node.value if isinstance(node, ast.Constant) else None
            if not isinstance(text, str) or not re.fullmatch(r"mbrl_ros(\.\w+)+:\w+", text):
                continue
            assert load(text, "text") is not None
            beside = text.startswith(module_of(path).rpartition(".")[0] + ".")
            registry = path.name == "kind.py" or path == PACKAGE / "core" / "kinds.py"
            assert beside or registry, f"{path} names {text}"


def test_every_package_is_listed():
    packages = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name[0] != "_"}
    assert packages - {"share"} == {*MAY_IMPORT, "cli"}
    # At the top lie packages only.
    assert [path.name for path in PACKAGE.glob("*.py")] == ["__init__.py"]


@pytest.mark.process
def test_nothing_heavy_is_loaded_to_launch():
    """`ros2 launch` runs in the system's Python, which need not have torch."""
    code = "import sys, mbrl_ros.system.launching; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert loaded.returncode == 0, loaded.stderr
    assert not {"torch", "mujoco", "gymnasium", "rclpy"} & set(loaded.stdout.split())
