"""Commands run and report whatever their standard streams are."""

import contextlib
import io
import os
import shlex
import subprocess
import sys

import pytest
from rich.table import Table

from mbrl_ros.cli.node_process import python_command
from mbrl_ros.cli.terminal import Terminal

# Little to compute: what is told, and where, is the same.
SMALL = ("model.members:=1", "model.hidden:=[16]", "planner.candidates:=12", "planner.horizon:=6")


def run(words, which, **environment):
    """Run a command with some streams closed."""
    command = f"{shlex.join(python_command('mbrl_ros.cli.main', *words))} {which}"
    environment = {**os.environ, **environment}
    return subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True)


@pytest.mark.process
def test_a_learned_task_is_reported_on_a_console_of_ascii(tmp_path):
    out = tmp_path / "[red]x[/blue] %s ünd"
    words = ["learn", "cartpole_v1", "--steps=120", "--eval-episodes=0", *SMALL]
    words += ["--out", str(out)]
    plain = {"PYTHONIOENCODING": "ascii", "COLUMNS": "20", "TERM": "dumb"}
    done = run(words, "<&-", **plain)
    assert done.returncode == 0, done.stderr
    assert "[red]x[/blue] %s ?nd/summary.json" in done.stdout
    assert (out / "summary.json").is_file()


@pytest.mark.process
@pytest.mark.parametrize("which", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_mistake_ends_with_its_code_whatever_is_closed(which):
    done = run(["learn", "no_task", "--out=x"], which)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert ("unknown task" in done.stderr) == ("2>" not in which)


@pytest.mark.process
def test_a_reader_that_goes_costs_nothing_learned_and_ends_as_sigpipe_does(tmp_path):
    out = tmp_path / "out"
    ours, theirs = os.pipe()
    os.close(ours)
    command = python_command("mbrl_ros.cli.main", "learn", "cartpole_v1", "--steps=60", *SMALL)
    command += ["--eval-episodes=0", "--out", str(out)]
    # With the progress and the warnings, as `2>&1 | head` has it.
    done = subprocess.run(command, stdout=theirs, stderr=theirs)
    assert done.returncode == 141
    assert {"summary.json", "report.png", "bag"} <= {path.name for path in out.iterdir()}
    os.close(theirs)


@pytest.mark.parametrize("width", [20, 80, 1000])
def test_names_are_shown_as_they_are_however_wide_the_terminal_is(monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    names = ["[/x]", "[bold]", ":cat:", "a name of some forty letters or rather more"]
    table = Table(*names, title="[/title]", title_justify="left")
    table.add_row(*names)
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        terminal = Terminal()
        terminal.print(table)
        terminal.print(f"{'/folder' * 20}/[red]")
    for text in [*names, "[/title]", f"{'/folder' * 20}/[red]"]:
        assert text in shown.getvalue()


@pytest.mark.process
def test_children_have_the_streams_that_were_closed():
    # GLFW, which dm_control looks for, asks a child for its version.
    child = "subprocess.run(['sh', '-c', 'echo x >&2 && echo x'], check=True)"
    code = (
        f"import subprocess; from mbrl_ros.cli import streams; streams.prepare_streams(); {child}"
    )
    command = f"{shlex.join([sys.executable, '-c', code])} <&- >&- 2>&-"
    assert subprocess.run(["sh", "-c", command]).returncode == 0
