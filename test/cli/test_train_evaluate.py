"""Learning from bags, and what a model is worth."""

import json
import signal

import numpy as np
import pytest
from support.events import read_scalars
from support.messages import cdr, header, make, topic

from mbrl_ros.cli.main import main
from mbrl_ros.data.recorder import Recorder
from mbrl_ros.learning.dynamics_learner import DynamicsLearner

pytestmark = pytest.mark.process

TASK = """
/**:
  ros__parameters:
    task: oscillator
    period: 0.1
    observation: {names: [x, v]}
    action: {names: [force], low: [-1.0], high: [1.0]}
mujoco_sim:
  ros__parameters: {environment: Pendulum-v1}
model_trainer:
  ros__parameters:
    model: {members: 2, hidden: [32, 32]}
    optimizer: {updates_per_transition: 1.5, learning_rate: 0.003}
mpc_controller:
  ros__parameters:
    objective: {terms: [still], still: {of: [x]}}
"""


def record(folder, episodes, seed):
    """Write a bag of a damped oscillator that is pushed at random."""
    rng, transitions = np.random.default_rng(seed), topic("/transition", "mbrl_ros/msg/Transition")
    recorder, index = Recorder(folder), 0
    for episode in range(episodes):
        state = rng.uniform(-1.0, 1.0, 2)
        for step in range(50):
            force = rng.uniform(-1.0, 1.0, 1)
            x, v = state
            following = np.array([x + 0.1 * v, v + 0.1 * (4.0 * force[0] - 2.0 * x - 0.5 * v)])
            message = make(
                transitions.type,
                header=header(),
                index=index,
                episode=episode,
                step=step,
                observation=state,
                action=force,
                next_observation=following,
                reward=0.0,
                terminated=False,
                truncated=False,
                previous_action=force,
                source=1,
            )
            recorder.write(transitions, cdr(message))
            state, index = following, index + 1
    assert recorder.close() == ""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with two bags, and a model learned from the first."""
    folder = tmp_path_factory.mktemp("offline")
    (folder / "config.yaml").write_text(TASK)
    (folder / "asks.yaml").write_text(TASK + "    planner: {proposals: [inverse_model]}\n")
    record(folder / "bag", 20, seed=0)
    record(folder / "other", 4, seed=1)
    assert main(["train", str(folder / "bag"), "--out", str(folder / "out"), "--seed", "3"]) == 0
    return folder


def test_a_model_is_learned_from_a_bag(trained, capsys):
    summary = json.loads((trained / "out" / "summary.json").read_text())
    assert summary["transitions"] == 1000
    assert summary["updates"] == 1500
    assert 0 < summary["holdout_error"] < 0.3
    curves = read_scalars(trained / "out" / "tensorboard")
    assert curves["train/updates"][-1] == (1500, 1500.0)
    assert summary["holdout_error"] in [
        pytest.approx(error) for _, error in curves["holdout/open_loop_error"]
    ]
    losses = [loss for _, loss in curves["train/loss"]]
    assert losses[-1] < losses[0]
    checkpoint = trained / "out" / "checkpoints" / "model-0-000001.safetensors"
    figures, plot = trained / "figures.json", trained / "plot.png"
    words = ["evaluate", checkpoint, "--bag", trained / "other", "--horizon", 10]
    assert main([str(word) for word in [*words, "--json", figures, "--plot", plot]]) == 0
    out = capsys.readouterr().out
    assert "x" in out
    assert plot.stat().st_size > 10_000
    dimensions = json.loads(figures.read_text())["bag"]["dimensions"]
    for name in ("x", "v"):
        told = dimensions[name]
        assert told["one_step"] == told["open_loop"][0]
        assert len(told["open_loop"]) == 10
        # It knows far more than that things stay as they are, ten steps on, too.
        assert told["open_loop"][-1] < 0.4 * told["unmoved"][-1]
        assert told["coverage"]["0.5"] <= told["coverage"]["0.99"] <= 1.0
        assert told["coverage"]["0.99"] > 0.9


def test_inverses_are_learned_and_judged_where_asked_for(trained, tmp_path, capsys):
    words = ["train", str(trained / "bag"), "--out", str(tmp_path / "out")]
    assert main([*words, "model.inverses:=true"]) == 0
    capsys.readouterr()
    checkpoint = tmp_path / "out" / "checkpoints" / "model-0-000001.safetensors"
    figures = tmp_path / "figures.json"
    words = ["evaluate", checkpoint, "--bag", trained / "other", "--horizon", 10, "--json", figures]
    assert main([str(word) for word in words]) == 0
    out = capsys.readouterr().out
    assert "RMS errors of the backward model" in out
    assert "RMS error of the actions predicted by the inverse model: " in out
    told = json.loads(figures.read_text())["bag"]
    assert len(told["action"]) == 1
    for dimension in told["dimensions"].values():
        assert len(dimension["backward"]) == 10
        assert dimension["backward"][0] < 0.5 * dimension["unmoved"][0]


def test_without_a_better_model_for_long_training_ends(trained, tmp_path):
    words = ["train", str(trained / "bag"), "--out", str(tmp_path / "out"), "--patience", "2"]
    fast = ["optimizer.updates_per_transition:=30.0", "optimizer.learning_rate:=0.02"]
    assert main([*words, *fast, "gate.interval:=1"]) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["updates"] < 0.5 * 30 * 1000


def test_ended_training_keeps_its_best_and_goes_on(trained, tmp_path, monkeypatch, capsys):
    out, updates, update = tmp_path / "out", [], DynamicsLearner.update

    def updated(learner):
        update(learner)
        updates.append(learner.updates)
        if len(updates) == 600:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(DynamicsLearner, "update", updated)
    words = ["train", str(trained / "bag"), "--out", str(out), "--seed", "3", "--resume"]
    assert main(words) == 128 + signal.SIGTERM
    assert f"error: ended by SIGTERM; {out} is kept" in capsys.readouterr().err
    ended = json.loads((out / "summary.json").read_text())
    assert ended["updates"] == 600
    assert main(words) == 0
    # From the best model on, whose own updates are not made again.
    assert 300 < updates[600] <= 600
    summary = json.loads((out / "summary.json").read_text())
    assert summary["updates"] == 1500
    assert summary["holdout_error"] <= ended["holdout_error"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "{}/bag", "--out", "{}/new", "--patience", "-1"], "--patience: expected"),
        (["train", "{}/nothing", "--out", "{}/new"], "nothing: no such file or folder"),
        (["train", "{}/bag", "--out", "{}/out"], "--out: {}/out is occupied"),
        (["train", "/bag", "--out", "{}/new"], "error: /bag: no such file or folder"),
        (
            ["train", "{}", "--out", "{}/new"],
            "expected --task, or a config.yaml in or beside the bag; did you mean",
        ),
        (["train", "{}/bag", "--out", "{}/new", "seed:=3"], "expected --seed 3"),
        (["train", "{}/bag", "--out", "{}/new", "--seed", "-1"], "'seed': expected"),
        (
            ["evaluate", "{model}", "--bag", "{}/other", "--horizon", "9" * 30],
            "--horizon: expected an integer from 1 to 1000000, got 999",
        ),
        (
            ["train", "{}/bag", "--out", "{}/new", "gate.first_transitions:=2000"],
            "{}/bag: expected at least 2000 transitions, got 1000",
        ),
        (["evaluate", "{}/config.yaml", "--bag", "{}/bag"], "{}/config.yaml: not a checkpoint"),
        (["evaluate", "{}/config.yaml"], "expected --bag, --task or both"),
        (
            ["evaluate", "{model}", "--bag", "{}/bag", "--horizon", "51"],
            "horizon: no stretch of 51 unbroken steps",
        ),
        (["evaluate", "{model}", "--task", "cartpole_swingup"], "observation: expected cart_pos"),
        (["evaluate", "{model}", "--task", "{}/asks.yaml"], "expected model.inverses"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(trained, capsys, words, message):
    model = trained / "out" / "checkpoints" / "model-0-000001.safetensors"
    given = [word.replace("{model}", str(model)).replace("{}", str(trained)) for word in words]
    assert main(given) == 2
    err = capsys.readouterr().err
    assert message.replace("{}", str(trained)) in err
    assert err.count("\n") == 1
    assert not (trained / "new").exists()
