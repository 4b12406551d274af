"""Policies for computers without torch."""

import json
import sys

import pytest
import torch

from mbrl_ros.core.spaces import Space
from mbrl_ros.models.actor_critic.actor_critic import LearnedPolicy
from mbrl_ros.models.actor_critic.onnx_file import to_onnx
from mbrl_ros.models.actor_critic.packing import make_actor_critic
from mbrl_ros.models.actor_critic.settings import ActorCriticSettings

# An angle, and what float32 would not tell apart.
FEATURES = Space.of(["east", "heading", "speed"], angles=["heading"])
SPACES = {
    "continuous": Space.of(["a", "b"], [-1.0, 0.0], [3.0, 1000.0]),
    "discrete": Space.of(["a", "b"], [-1.0, 0.0], [1.0, 1.0], discrete=["a", "b"]),
}


def learned(space):
    made = make_actor_critic(FEATURES, SPACES[space], ActorCriticSettings(hidden=[16, 16]))
    made.initialize(torch.Generator().manual_seed(0))
    made.actor.weights[-1].data.mul_(50.0)  # it begins near zero
    made.normalize_from(seen())
    made.objective = "0123456789abcdef"
    return made.requires_grad_(False)


def seen(n=100, seed=0):
    noise = torch.randn(n, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.tensor([5e8, 0.0, 0.0]) + noise * torch.tensor([1.0, 2.0, 1e-3])


@pytest.mark.process
@pytest.mark.parametrize("space", SPACES)
def test_another_runtime_answers_the_same(space):
    runtime = pytest.importorskip("onnxruntime")
    made, action = learned(space), SPACES[space]
    session = runtime.InferenceSession(to_onnx(made, {"period": 0.04}))
    told = {k: json.loads(v) for k, v in session.get_modelmeta().custom_metadata_map.items()}
    assert told["observation.names"] == list(FEATURES.names)
    assert told["action.names"] == list(action.names)
    assert told["action.high"] == list(action.high)
    assert told["objective"] == "0123456789abcdef"
    assert told["period"] == 0.04
    for rows in (1, 7):
        given = seen(rows, seed=5)
        (answers,) = session.run(["action"], {"observation": given.numpy()})
        expected = LearnedPolicy(made)(given)
        half = torch.tensor(action.upper - action.lower) / 2
        assert ((torch.from_numpy(answers) - expected).abs() <= 1e-5 * half).all()
        assert rows == 1 or expected.std(dim=0).min() > 0


@pytest.mark.parametrize("missing", ["onnxruntime", "onnxscript"])
def test_what_is_missing_is_named_at_once(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    if missing == "onnxscript":
        pytest.importorskip("onnxruntime")
    with pytest.raises(ImportError) as refusal:
        to_onnx(learned("continuous"), {})
    assert refusal.value.name == missing
