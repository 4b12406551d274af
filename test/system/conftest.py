"""Systems of several processes, each on a DDS domain that it has to itself."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.domains import claimed
from support.processes import die_with_parent
from support.waiting import PATIENCE, eventually

os.environ.setdefault("MBRL_ROS_RUNTIME", "embedded")

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def dds_domain():
    """One for each test: a launcher refuses a domain that has nodes in it, even leftover ones."""
    with claimed() as number:
        yield number


@pytest.fixture(autouse=True)
def _own_domain(domain):
    """Every test here starts a system."""


def processes_of(run_dir):
    """Return the nodes' processes of a run: name to process id."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if "--die-with" in words and f"{run_dir}/config.yaml" in words:
            found[words[words.index("--die-with") - 1]] = int(folder.name)
    return found


class Launched:
    """`mbrl-ros launch` in a process of its own."""

    def __init__(self, run_dir, words, **options):
        self.run_dir = run_dir
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mbrl_ros.cli", "launch", *words, f"run_dir:={run_dir}"],
            stdout=options.pop("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            preexec_fn=die_with_parent,
            **options,
        )

    @property
    def nodes(self):
        return processes_of(self.run_dir)

    def end(self, number=signal.SIGINT, timeout=PATIENCE):
        """Send a signal; return what was written to standard output and standard error."""
        self.process.send_signal(number)
        return self.process.communicate(timeout=timeout)


@pytest.fixture
def launch(tmp_path):
    made = []

    def begin(*words, run_dir=None, **options):
        made.append(Launched(run_dir or tmp_path / f"run{len(made)}", words, **options))
        return made[-1]

    yield begin
    for launched in made:
        if launched.process.poll() is None:
            launched.process.kill()
        launched.process.communicate()
    eventually(lambda: not any(launched.nodes for launched in made))
