"""docs/tutorial.md, followed word by word in an empty folder."""

import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^mbrl-ros (.*)$", TEXT, flags=re.MULTILINE)


def command_of(start):
    """Return the page's command that starts like this, as words for this Python."""
    (found,) = [command for command in COMMANDS if command.startswith(start)]
    return [sys.executable, "-m", "mbrl_ros.cli", *shlex.split(found)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The user's folder, with the page's files."""
    made = tmp_path_factory.mktemp("crane")
    files = re.findall(r"`(crane\.\w+)`:\n\n```\w+\n(.*?)```", TEXT, flags=re.DOTALL)
    assert [name for name, _ in files] == ["crane.xml", "crane.py", "crane.yaml"]
    for name, text in files:
        (made / name).write_text(text, encoding="utf-8")
    return made


@pytest.mark.process
def test_it_learns_and_reports(folder):
    """The command with fewer steps: what they are enough for is another test's."""
    words = [*command_of("learn"), "--steps=600", "--eval-episodes=1", "--out=begun"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    summary = json.loads((folder / "begun" / "summary.json").read_text())
    assert (summary["task"], summary["env_steps"]) == ("crane", 600)
    assert (folder / "begun" / "report.png").is_file()


@pytest.mark.learning
def test_the_task_is_learned(folder):
    done = subprocess.run(command_of("learn"), cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    summary = json.loads((folder / "learned" / "summary.json").read_text())
    assert summary["task"] == "crane"
    # Of 600 steps, those on the way pay nothing.
    assert summary["eval_return_mean"] > 300


@pytest.mark.process
def test_it_runs_in_real_time_and_its_goals_change(folder, domain, monkeypatch):
    monkeypatch.setenv("MBRL_ROS_RUNTIME", "embedded")
    words = [*command_of("launch sim"), "run_dir:=run"]
    # Not in the folder of the task: the files beside it are found from anywhere.
    words[words.index("task:=crane.yaml")] = f"task:={folder / 'crane.yaml'}"
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    with subprocess.Popen(
        words, cwd=elsewhere, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as system:
        try:
            for start in ("topic pub", "param set", "service call"):
                # The nodes take their time to start.
                for _ in range(20):
                    done = subprocess.run(command_of(start), capture_output=True, text=True)
                    if done.returncode == 0:
                        break
                assert done.returncode == 0, (start, done.stdout, done.stderr)
        finally:
            system.send_signal(signal.SIGINT)
            _, err = system.communicate(timeout=PATIENCE)
    assert (system.returncode, err) == (0, "")
    listed = (elsewhere / "run" / "config.yaml").read_text()
    assert f"{folder / 'crane.xml'}" in listed
