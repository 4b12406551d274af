"""Commands run and report whatever their standard streams are."""

import os
import shlex
import subprocess

import pytest

from mbrl_ros.cli.node_process import python_command

pytestmark = pytest.mark.process


def run(words, which, **environment):
    """Run a command with some streams closed."""
    command = f"{shlex.join(python_command('mbrl_ros.cli.main', *words))} {which}"
    environment = {**os.environ, **environment}
    return subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True)


def test_a_learned_task_is_reported_on_a_console_of_ascii(tmp_path):
    out = tmp_path / "[red]x[/blue] %s ünd"
    words = ["learn", "cartpole_v1", "--steps=120", "--eval-episodes=0", "--out", str(out)]
    plain = {"PYTHONIOENCODING": "ascii", "COLUMNS": "20", "TERM": "dumb"}
    done = run(words, "<&-", **plain)
    assert done.returncode == 0, done.stderr
    assert "[red]x[/blue] %s ?nd/summary.json" in done.stdout
    assert (out / "summary.json").is_file()


@pytest.mark.parametrize("which", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_mistake_ends_with_its_code_whatever_is_closed(which):
    done = run(["learn", "no_task", "--out=x"], which)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert ("unknown task" in done.stderr) == ("2>" not in which)
