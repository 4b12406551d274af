"""A policy written for other programs."""

import json
import sys

import pytest
import torch
from support.systems import random_model

from mbrl_ros.cli.main import main
from mbrl_ros.models import checkpoint
from mbrl_ros.models.actor_critic.packing import make_actor_critic, with_actor_critic
from mbrl_ros.models.actor_critic.settings import ActorCriticSettings
from mbrl_ros.models.packing import pack

pytestmark = pytest.mark.process

CONFIG = """
/**:
  ros__parameters:
    task: cart
    period: 0.125
    observation: {names: [position, velocity]}
    action: {names: [force], low: [-1.0], high: [1.0]}
mujoco_sim: {ros__parameters: {environment: Pendulum-v1}}
mpc_controller: {ros__parameters: {objective: {terms: [near], near: {of: [position]}}}}
"""


@pytest.fixture
def run(tmp_path):
    """Return the folder of a run with a policy, and the model in it."""
    path = tmp_path / "checkpoints" / "model-0-000001.safetensors"
    path.parent.mkdir()
    (tmp_path / "config.yaml").write_text(CONFIG)
    model = random_model()
    learned = make_actor_critic(model.observation, model.action, ActorCriticSettings(hidden=[16]))
    learned.initialize(torch.Generator().manual_seed(0))
    checkpoint.save(with_actor_critic(pack(model), learned), path)
    return tmp_path, path


def test_a_runs_policy_becomes_a_file_that_says_what_it_is(run, capsys):
    runtime = pytest.importorskip("onnxruntime")
    folder, path = run
    out = folder / "policy.onnx"
    assert main(["export", str(path), "--onnx", "-o", str(out)]) == 0
    assert "position, velocity -> force, every 0.125 s" in capsys.readouterr().out
    told = runtime.InferenceSession(out).get_modelmeta().custom_metadata_map
    assert json.loads(told["period"]) == 0.125
    assert json.loads(told["delay"]) == 0
    assert list(folder.glob("*.partial")) == []


def refused(arguments, capsys):
    assert main(["export", "--onnx", *map(str, arguments)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    return said


def test_what_cannot_be_exported_is_refused_in_one_line(run, capsys, monkeypatch):
    folder, path = run
    out = folder / "policy.onnx"
    bare = folder / "checkpoints" / "model-0-000002.safetensors"
    checkpoint.save(pack(random_model()), bare)
    assert "no policy was learned" in refused([bare, "-o", out], capsys)
    (folder / "elsewhere").mkdir()
    moved = bare.replace(folder / "elsewhere" / "model.safetensors")
    config = folder / "config.yaml"
    assert f"{config}" not in refused([folder / "none", "-o", out], capsys)
    assert "not a checkpoint" in refused([config, "--task", config, "-o", out], capsys)
    assert "no policy" in refused([moved, "--task", config, "-o", out], capsys)
    config.unlink()
    assert f"--task: expected one, since there is no {config}" in refused([path, "-o", out], capsys)
    config.write_text(CONFIG)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert "onnxruntime, which is not installed: pip install" in refused([path, "-o", out], capsys)
    assert not out.exists()
