"""A bag says which commit of the package it was recorded with."""

import shutil
import subprocess

import pytest

from mbrl_ros.core.checkout import commit
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.system import bag_task


@pytest.fixture
def checkout(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("no git")

    def git(*words):
        told = ("-c", "user.name=A", "-c", "user.email=a@b.c")
        done = subprocess.run(
            ["git", "-C", tmp_path, *told, *words], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init")
    (tmp_path / "code.py").write_text("1\n")
    git("add", "code.py")
    git("commit", "-m", "first")
    git("tag", "-a", "v1", "-m", "one")  # the commit is told all the same
    return tmp_path, git("rev-parse", "--short=12", "HEAD")


def test_a_checkout_has_a_commit_and_may_differ_from_it(checkout):
    folder, made = checkout
    assert commit(folder) == made
    (folder / "code.py").write_text("2\n")
    assert commit(folder) == f"{made}-dirty"


def test_where_there_is_none_nothing_is_said(checkout, monkeypatch):
    folder, _ = checkout
    installed = folder / "site-packages"  # in the checkout of another project
    installed.mkdir()
    assert commit(installed) == ""
    monkeypatch.setenv("PATH", "")
    assert commit(folder) == ""


@pytest.mark.parametrize("made", ["0123456789ab", ""])
def test_metadata_tell_it(monkeypatch, made):
    monkeypatch.setattr(bag_task, "commit", lambda: made)
    told = bag_task.metadata_of(TaskSettings(task="test", seed=3))
    assert "robot" not in told
    assert bag_task.metadata_of(TaskSettings(), "/fleet/left")["robot"] == "fleet/left"
    assert (told["task"], told["seed"], told.get("commit", "")) == ("test", "3", made)
