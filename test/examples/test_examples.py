"""The examples run as they stand."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.waiting import PATIENCE, eventually

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
LONGEST = {"own_model_kind.py": 60}
ENVIRONMENT_PATH = {"PYTHONPATH": str(ROOT)}


def run(*words, timeout=240):
    result = subprocess.run(
        [sys.executable, *map(str, words)],
        env={**os.environ, **ENVIRONMENT_PATH},
        capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout


def learn(tmp_path, *words):
    out = tmp_path / "out"
    run("-m", "mbrl_ros.cli", "learn", *words, "--out", out)
    return json.loads((out / "summary.json").read_text())


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_fits_on_a_screen(path):
    assert len(path.read_text().splitlines()) <= LONGEST.get(path.name, 40)


@pytest.mark.process
def test_a_known_model_is_planned_with():
    angle = float(re.search(r"angle (\S+) rad", run(EXAMPLES / "plan_with_known_model.py"))[1])
    assert abs(angle) < 0.2


@pytest.mark.learning
def test_a_gymnasium_environment_is_learned():
    told = run(EXAMPLES / "learn_gymnasium.py")
    assert float(re.search(r"last 3 s: (\S+)", told)[1]) > 0.8


@pytest.mark.learning
def test_a_model_kind_of_ones_own_learns_and_plays(tmp_path):
    kind = f"{EXAMPLES / 'own_model_kind.py'}:LINEAR"
    words = "cartpole_v1", "--steps", 300, "--eval-episodes", 1
    summary = learn(tmp_path, *words, f"learner:={kind}", "model.ridge:=1e-3")
    assert summary["models_published"] > 0
    assert summary["eval_return_mean"] >= 300
    model = tmp_path / "out" / "checkpoints" / "model-0-000001.safetensors"
    told = run(
        "-m", "mbrl_ros.cli", "evaluate", model, "--task", "cartpole_v1", "--episodes", 1,
        f"learner:={kind}",
    )  # fmt: skip
    assert "mean return" in told


@pytest.mark.learning
def test_a_planner_and_a_term_of_ones_own_are_found_by_name(tmp_path):
    file = EXAMPLES / "own_planner_and_term.py"
    summary = learn(
        tmp_path, "pendulum_swingup", "--steps", 300, "--eval-episodes", 0,
        f"planner.type:={file}:Annealed",
        "objective.variants.own.terms:=[height]", "objective.active:=own",
        f"objective.variants.own.height.type:={file}:upright",
    )  # fmt: skip
    assert summary["models_published"] > 0
    assert "Annealed" in (tmp_path / "out" / "config.yaml").read_text()


@pytest.mark.process
def test_running_nodes_are_driven(tmp_path, dds_domain, monkeypatch):
    monkeypatch.setenv("ROS_DOMAIN_ID", str(dds_domain))
    environment = {**os.environ, **ENVIRONMENT_PATH}
    words = "launch", "sim", "task:=cartpole_swingup", "duration:=60", "view:=none"
    system = subprocess.Popen(
        [sys.executable, "-m", "mbrl_ros.cli", *words, f"run_dir:={tmp_path / 'run'}"],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        eventually(lambda: (tmp_path / "run" / "config.yaml").exists())
        told = run(EXAMPLES / "drive_running_nodes.py", timeout=PATIENCE)
    finally:
        system.terminate()
        system.communicate(timeout=PATIENCE)
    assert "plans for 'swingup'" in told
    assert "'go_to' is active" in told
    assert "goal accepted" in told
