import pytest

from mbrl_ros.core.extensions import load

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
