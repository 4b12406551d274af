import importlib
import pickle
import queue
import typing

import pytest

from mbrl_ros.core.extensions import anchored, load

SETTINGS = """
from __future__ import annotations
from dataclasses import dataclass

@dataclass(frozen=True)
class Settings:
    gain: float = 1.0
"""


def test_a_file_is_imported_once_whatever_it_is_called(tmp_path, monkeypatch):
    (tmp_path / "own.py").write_text(SETTINGS)
    (tmp_path / "other.py").symlink_to(tmp_path / "own.py")
    found = load(f"{tmp_path}/own.py:Settings", "learner")
    assert found().gain == 1.0
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    # What runs already does not change under its user's hands.
    (tmp_path / "own.py").write_text(SETTINGS.replace("1.0", "2.0"))
    for name in ("own.py", "~/own.py", "other.py"):
        assert load(f"{name}:Settings", "learner") is found


def test_files_of_one_name_in_two_places_are_two(tmp_path):
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "own.py").write_text(f"WHERE = '{place}'")
    assert [load(f"{tmp_path}/{place}/own.py:WHERE", "type") for place in "ab"] == ["a", "b"]


def test_a_file_that_fails_is_tried_again_when_it_is_mended(tmp_path):
    file = tmp_path / "own.py"
    file.write_text("1 / 0")
    with pytest.raises(ValueError, match=r"type '.*own.py:X': ZeroDivisionError: division by zero"):
        load(f"{file}:X", "type")
    file.write_text("X = 3")
    assert load(f"{file}:X", "type") == 3


TASK = """
from __future__ import annotations
import typing
from dataclasses import dataclass
from helper import WHERE

@dataclass
class Goal:
    height: float = 0.5
    next: typing.Optional[Goal] = None

class Task:
    where = WHERE
"""


def folder_with(parent, name, **files):
    """A folder of Python files that no other test's may be taken for."""
    folder = parent / name
    folder.mkdir(parents=True)
    for stem, text in files.items():
        (folder / f"{stem}.py").write_text(text)
    return folder


@pytest.mark.parametrize("name", ["own", "queue", "my-task", "a.b"])
def test_classes_of_a_file_can_be_pickled_and_have_type_hints(tmp_path, name):
    folder = folder_with(tmp_path, name, helper="WHERE = 'here'", **{name: TASK})
    goal = load(f"{folder}/{name}.py:Goal", "task_module")
    assert pickle.loads(pickle.dumps(goal(1.0, goal()))) == goal(1.0, goal())
    # The one in Python looks modules up in another way.
    assert pickle._loads(pickle._dumps(goal(2.0))) == goal(2.0)
    assert typing.get_type_hints(goal)["next"] == goal | None


def test_each_file_finds_the_modules_beside_it(tmp_path):
    places = [folder_with(tmp_path, n, helper=f"WHERE = '{n}'", task=TASK) for n in "ab"]
    tasks = [load(f"{place}/task.py:Task", "task_module") for place in places]
    assert [task.where for task in tasks] == ["a", "b"]
    # Also what refers to the first file again, by its own name.
    (places[0] / "planner.py").write_text("from task import Task")
    assert load(f"{places[0]}/planner.py:Task", "planner.type").where == "a"
    assert load(f"{places[0]}/task.py:Task", "task_module") is tasks[0]


def test_a_file_named_like_an_installed_module_stands_for_itself_only(tmp_path):
    own = dict.fromkeys(("queue", "wave", "colorsys", "yaml"), "raise RuntimeError('mine')")
    user = "import colorsys, queue, wave, yaml\nfound = wave.open, yaml.safe_load, queue.Queue"
    folder = folder_with(tmp_path, "mine", task=user, statistics="OWN = 1", **own)
    assert load(f"{folder}/task.py:found", "type")[2] is queue.Queue
    assert load(f"{folder}/statistics.py:OWN", "type") == 1
    assert importlib.import_module("statistics").mean([1, 3]) == 2


def test_a_file_of_a_package_is_imported_as_part_of_it(tmp_path):
    folder = folder_with(
        tmp_path, "pack_of_mine", __init__="", near="X = 4", planner="from .near import X"
    )
    assert load(f"{folder}/planner.py:X", "planner.type") == 4
    assert anchored("pack_of_mine.near:X", [tmp_path]) == f"{folder}/near.py:X"


def test_modules_are_anchored_where_they_lie_unless_they_are_installed(tmp_path):
    a, b = folder_with(tmp_path, "a", tank="", queue=""), folder_with(tmp_path, "b", pump="")
    (a / "robot.xml").touch()
    for reference, expected in (
        ("tank:Tank-v0", f"{a}/tank.py:Tank-v0"),
        ("tank.py:Tank", f"{a}/tank.py:Tank"),
        ("robot.xml", f"{a}/robot.xml"),
        ("pump:fill", f"{b}/pump.py:fill"),
        *((same, same) for same in ("queue:Queue", "other:X", "tank", "icem", "mbrl_ros.core:x")),
    ):
        assert anchored(reference, [a, b]) == expected


def test_what_fails_is_named_with_its_place(tmp_path):
    folder = folder_with(tmp_path, "c", helper="\n1 / 0", broken=TASK, ends="raise SystemExit(3)")
    with pytest.raises(ValueError, match=r"ZeroDivisionError: .*\(.*/c/helper\.py:2\)$"):
        load(f"{folder}/broken.py:Task", "task_module")
    with pytest.raises(ValueError, match=r"type '.*ends\.py': SystemExit: 3 \("):
        load(f"{folder}/ends.py", "type")
