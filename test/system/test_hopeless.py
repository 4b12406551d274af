"""Systems that never run, and what becomes of one whose tests are killed."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.waiting import PATIENCE, eventually

pytestmark = pytest.mark.process

PLANT = """
import os
import time

import gymnasium
from gymnasium import spaces

class Broken(gymnasium.Env):
    dt = 0.05
    observation_space = spaces.Box(-1.0, 1.0, (2,))
    action_space = spaces.Box(-1.0, 1.0, (1,))

    def reset(self, *, seed=None, options=None):
        {reset}

gymnasium.register(id="Broken-v0", entry_point=Broken)
"""
TASK = """
/**:
  ros__parameters:
    task: broken
    period: 0.05
    observation: {names: [x, v]}
    action: {names: [force], low: [-1.0], high: [1.0]}
mujoco_sim:
  ros__parameters: {environment: "broken_plant:Broken-v0"}
mpc_controller:
  ros__parameters:
    objective: {terms: [still], still: {of: [x]}}
"""


@pytest.mark.parametrize(
    ("reset", "duration", "error"),
    [
        # As drivers that crash, and that wait for their device; one may not even have started.
        ("os._exit(7)", 6, "crash[^\n]*|told nothing within 6 s: see [^\n]*"),
        ("time.sleep(1000)", 3, "told nothing within 3 s: see [^\n]*"),
    ],
    ids=["crashes", "waits"],
)
def test_a_launch_whose_plant_never_ran_has_failed(launch, tmp_path, reset, duration, error):
    (tmp_path / "broken_plant.py").write_text(PLANT.format(reset=reset))
    (tmp_path / "broken.yaml").write_text(TASK)
    words = [f"task:={tmp_path / 'broken.yaml'}", f"duration:={duration}", "view:=none"]
    system = launch("sim", *words, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    _, told = system.process.communicate(timeout=PATIENCE)
    assert system.process.returncode == 1
    assert re.search(f"^error: mujoco_sim ({error})$", told, re.MULTILINE), told


def test_an_interrupt_while_importing_ends_quietly():
    code = (
        "import signal, sys; from mbrl_ros.cli import main\n"
        "main.importlib.import_module = lambda name: signal.raise_signal(signal.SIGINT)\n"
        "sys.exit(main.main(['learn', 'cartpole_swingup']))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (run.returncode, run.stderr) == (130, "")


def test_what_a_killed_session_started_ends_with_it(tmp_path):
    told = tmp_path / "pid"
    code = (
        "import subprocess, sys, time; from support.processes import die_with_parent\n"
        "child = subprocess.Popen(['sleep', '60'], preexec_fn=die_with_parent)\n"
        f"open({str(told)!r}, 'w').write(f'{{child.pid}}.'); time.sleep(60)"
    )
    tests = Path(__file__).parents[1]
    session = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(tests)}
    )
    try:
        eventually(lambda: told.exists() and told.read_text().endswith("."))
    finally:
        session.send_signal(signal.SIGKILL)
        session.wait()
    child = Path("/proc") / told.read_text().rstrip(".")
    eventually(lambda: not child.exists() or "\nState:\tZ" in (child / "status").read_text())
