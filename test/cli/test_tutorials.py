"""The pages of docs/tutorials, followed in an empty folder: their files, their commands."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mbrl_ros.cli.main import main

PAGES = sorted((Path(__file__).parents[2] / "docs" / "tutorials").glob("*.md"))
FILE = re.compile(r"`([\w.]+\.(?:py|xml|yaml))`:\n\n```\w+\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"^mbrl-ros (learn|init|evaluate|replay) (.*)$", re.MULTILINE)
#: In less time than on the page: what all its steps are enough for, the page says.
FEWER = {"learn": ["--steps=105", "--eval-episodes=0"], "evaluate": ["--episodes=1"]}
#: An episode, and some steps that are learned from it: images take their time.
SEEN = ["--steps=600", "gate.first_transitions:=40", "optimizer.updates_per_transition:=0.1"]
SMALLER = ["model.members:=2", "model.hidden:=[16, 16]", "planner.candidates:=8"]

pytestmark = pytest.mark.process


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_does_what_it_says(page, tmp_path, monkeypatch, capsys):
    text = page.read_text(encoding="utf-8").replace("\\\n", "")
    monkeypatch.chdir(tmp_path)
    for name, content in FILE.findall(text):
        Path(name).write_text(content, encoding="utf-8")
    commands = COMMAND.findall(text)
    assert [name for name, _ in commands].count("learn") >= 1
    for name, words in commands:
        words = [name, *shlex.split(words), *FEWER.get(name, ())]
        if name == "learn" and ("learner" not in text or "learner:=ensemble" in words):
            words += SMALLER
        if "camera:" in text:
            # What renders is chosen before MuJoCo is first imported.
            subprocess.run([sys.executable, "-m", "mbrl_ros.cli", *words, *SEEN], check=True)
        else:
            assert main(words) == 0, capsys.readouterr().err
        if name == "learn":
            out = words[words.index("--out") + 1]
            summary = json.loads(Path(out, "summary.json").read_text())
            assert summary["updates" if "camera:" in text else "models_published"] >= 1
            assert Path(out, "report.png").is_file()
