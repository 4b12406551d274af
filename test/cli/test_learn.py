"""`mbrl-ros learn`: the curves it leaves say what happened."""

import csv
import json
import math
import re
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from support.events import read_events, read_scalars, read_texts
from support.processes import die_with_parent
from support.waiting import PATIENCE, eventually

from mbrl_ros.cli import stop_request
from mbrl_ros.cli.main import main
from mbrl_ros.core import pending
from mbrl_ros.data.bag_records import read_transitions
from mbrl_ros.models.checkpoint import load
from mbrl_ros.models.packing import unpack
from mbrl_ros.simulation.simulator import Simulator

pytestmark = pytest.mark.process

# Small, and an episode ends after some dozens of steps.
WORDS = (
    "learn",
    "inverted_pendulum",
    "--steps=200",
    "--eval-episodes=1",
    "model.members:=2",
    "model.hidden:=[16]",
    "optimizer.batch_size:=32",
    "optimizer.updates_per_transition:=1.0",
    "gate.first_transitions:=60",
    "gate.first_error:=10.0",
    "planner.horizon:=6",
    "planner.candidates:=12",
    "planner.iterations:=1",
)


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """The folder, and the wall time of start and end."""
    out, began = tmp_path_factory.mktemp("learn") / "out", time.time()
    assert main([*WORDS, "--out", str(out)]) == 0
    return out, began, time.time()


def test_every_episode_is_in_the_curves(learned):
    out, _, _ = learned
    curves = read_scalars(out / "tensorboard")
    with (out / "curve.csv").open(newline="") as file:
        rows = [(int(row["env_steps"]), float(row["return"])) for row in csv.DictReader(file)]
    assert len(rows) >= 2
    assert curves["episode/return"] == [(steps, pytest.approx(value)) for steps, value in rows]
    # One control step is one of the environment's own here, and the resets count as none.
    ends = [steps for steps, _ in rows]
    lengths = [length for _, length in curves["episode/length"]]
    assert lengths == [after - before for before, after in zip([0, *ends], ends, strict=False)]


def test_the_curves_end_where_the_summary_does(learned):
    out, _, _ = learned
    summary = json.loads((out / "summary.json").read_text())
    curves = {tag: dict(points) for tag, points in read_scalars(out / "tensorboard").items()}
    # The gate decided at 60 transitions and every 25 from then on.
    assert list(curves["train/loss"]) == list(range(60, 201, 25))
    last = 185
    assert curves["train/updates"][last] == curves["data/transitions"][last] == last
    assert 0 < curves["data/holdout"][last] < 40
    assert curves["holdout/open_loop_error"][last] == pytest.approx(summary["holdout_error"])
    assert curves["gate/models_published"][last] == summary["models_published"] > 0
    assert curves["control/ticks"][last] == last
    assert curves["source/exploration"][last] == 60
    assert curves["source/planned"][last] == last - 60
    assert curves["control/model_sequence"][last] == summary["models_published"]
    assert 0 < curves["control/plan_time_p50"][last] <= curves["control/plan_time_p99"][last]
    assert curves["evaluation/mean_return"][summary["env_steps"]] == pytest.approx(
        summary["eval_return_mean"]
    )
    assert curves["train/updates_per_second"][last] > 0
    decisions = read_texts(out / "tensorboard")["gate/decision"]
    assert decisions[0][0] == 60
    assert decisions[0][1].startswith("published: hold-out error")


def test_the_model_that_is_kept_is_the_one_that_was_judged(learned):
    """Not what has come of it since, which no gate has seen."""
    out, _, _ = learned
    (path,) = (out / "checkpoints").glob("model-*.safetensors")
    model = unpack(load(path))
    # As they are where nothing was compared with the hold-out.
    assert not (model.one_step_z == 1.0).all()


def test_what_an_earlier_bag_holds_is_learned_from_first(learned, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(learned[0])
    begun = [*WORDS, "--steps=30", "--eval-episodes=0", "demonstrations:=[bag]"]
    assert main([*begun, "--out", str(tmp_path / "out")]) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["models_published"] >= 1
    assert summary["updates"] == pytest.approx(230, abs=5)
    curves = read_scalars(tmp_path / "out" / "tensorboard")
    # Explored is in the first step alone, where there used to be sixty.
    assert curves["source/exploration"][-1][1] == 1
    assert len(read_transitions([tmp_path / "out" / "bag"])) < 31  # of this run
    capsys.readouterr()
    assert main([*begun[:-1], "demonstrations:=[nowhere]", "--out", str(tmp_path / "new")]) == 2
    told = "error: model_trainer.demonstrations: nowhere: no such file or folder\n"
    assert capsys.readouterr().err == told


def test_without_a_model_that_passed_its_gate_none_is_kept(tmp_path, capsys):
    out = tmp_path / "out"
    assert main([*WORDS, "gate.first_error:=0.0", "--steps=70", "--out", str(out)]) == 0
    assert "no model passed its gate" in capsys.readouterr().out
    assert not (out / "checkpoints").exists()
    assert json.loads((out / "summary.json").read_text())["eval_returns"] == []


@pytest.mark.parametrize(
    ("paid", "told"), [(-math.inf, "infinite rewards left out: 10"), (math.nan, "")]
)
def test_a_reward_that_is_not_finite_ends_nothing(tmp_path, capsys, monkeypatch, paid, told):
    steps, advance = [], Simulator.advance

    def advanced(simulator):
        steps.append(advance(simulator))
        unpaid = math.isnan(paid) or 5 <= len(steps) < 15
        return replace(steps[-1], reward=paid) if unpaid else steps[-1]

    monkeypatch.setattr(Simulator, "advance", advanced)
    assert main([*WORDS, "--steps=150", "--out", str(tmp_path / "out")]) == 0
    assert told in capsys.readouterr().out
    summary = (tmp_path / "out" / "summary.json").read_text()
    assert not {"NaN", "Infinity"} & set(re.findall(r"\w+", summary))
    for name in ("report.png", "curve.csv", "checkpoints"):
        assert (tmp_path / "out" / name).exists()


def test_an_environment_learns_as_the_file_that_init_writes_of_it(tmp_path, capsys):
    file = tmp_path / "task.yaml"
    assert main(["init", "InvertedPendulum-v5", "-o", str(file)]) == 0
    assert main(["init", "InvertedPendulum-v5", "-o", str(file)]) == 2
    assert f"error: --output: {file} exists" in capsys.readouterr().err
    left = []
    for task in ("InvertedPendulum-v5", str(file)):
        out = tmp_path / f"out{len(left)}"
        words = [WORDS[0], task, "--steps=90", "--eval-episodes=0", *WORDS[4:], "--out", str(out)]
        assert main(words) == 0
        summary = json.loads((out / "summary.json").read_text())
        assert summary["models_published"] > 0
        log = read_transitions([out / "bag"])
        left.append(((out / "curve.csv").read_text(), log.action.tolist(), summary["task"]))
    assert left[0] == left[1]
    assert left[0][2] == "InvertedPendulum-v5"


def curve_of(out):
    with (out / "curve.csv").open(newline="") as file:
        return [int(row["env_steps"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_whatever_ends_it_what_was_learned_is_kept_and_gone_on_with(tmp_path, number, capfd):
    out = tmp_path / "out"
    words = [*WORDS[:2], "--steps=1000000", *WORDS[3:], "--out", str(out)]
    process = subprocess.Popen(
        [sys.executable, "-m", "mbrl_ros.cli", *words], preexec_fn=die_with_parent
    )
    try:
        # Past the first decision of the gate.
        eventually(lambda: (out / "summary.json").exists() and len(curve_of(out)) >= 3, 240)
        process.send_signal(number)
        code = process.wait(PATIENCE)
    finally:
        process.kill()
    if number == signal.SIGKILL:
        assert code == -signal.SIGKILL
    else:
        assert code == 128 + number
        assert f"error: ended by {number.name}; {out} is kept" in capfd.readouterr().err
        assert (out / "report.png").exists()
    before, rows = json.loads((out / "summary.json").read_text()), curve_of(out)
    assert before["models_published"] > 0
    words[2] = f"--steps={before['env_steps'] + 250}"
    assert main(words) == 2
    assert main([*words, "planner.horizon:=7", "--resume"]) == 2
    assert "planner.horizon was 6, got 7" in capfd.readouterr().err
    assert main([*words, "--resume"]) == 0
    after, longer = json.loads((out / "summary.json").read_text()), curve_of(out)
    assert longer[: len(rows)] == rows
    assert len(longer) > len(rows)
    assert longer == sorted(longer)
    assert after["env_steps"] >= before["env_steps"] + 250
    for name in ("transitions", "models_published", "updates"):
        assert after[name] > before[name]
    assert after["transitions"] == len(read_transitions([out / "bag"]))
    # It planned from the first step on.
    assert after["eval_returns"]


def test_a_full_disk_ends_it_and_what_fits_is_kept(tmp_path):
    """A limit on the size of files stands for the disk: the bag reaches it first."""
    out = tmp_path / "out"
    words = [*WORDS[:2], "--steps=1000000", *WORDS[3:], "--out", str(out)]

    def limited():
        die_with_parent()
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    run = subprocess.run(
        [sys.executable, "-m", "mbrl_ros.cli", *words],
        preexec_fn=limited, stderr=subprocess.PIPE, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 1
    assert f"error: {out}/bag/bag_0.mcap: File too large" in run.stderr
    assert "Traceback" not in run.stderr
    summary = json.loads((out / "summary.json").read_text())
    assert summary["models_published"] > 0
    assert len(read_transitions([out / "bag"])) >= summary["transitions"] - 10
    assert unpack(load(out / "checkpoints" / "model-0-000001.safetensors"))


def test_an_environment_that_raises_or_hangs_is_named_and_costs_nothing(
    tmp_path, capsys, monkeypatch
):
    # Not above: MuJoCo must not be imported before test/simulation has chosen its graphics.
    from gymnasium.envs.mujoco.inverted_pendulum_v5 import InvertedPendulumEnv

    out, step, calls = tmp_path / "out", InvertedPendulumEnv.step, []

    def breaks(environment, action):
        calls.append(action)
        if len(calls) == 150:
            raise RuntimeError("lost the serial port")
        if len(calls) == 170:
            eventually(lambda: " step has not returned for 0 s" in capsys.readouterr().err)
            signal.raise_signal(signal.SIGINT)
            time.sleep(1000.0)
        return step(environment, action)

    monkeypatch.setattr(InvertedPendulumEnv, "step", breaks)
    assert main([*WORDS, "--out", str(out)]) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: environment 'InvertedPendulum-v5': step: RuntimeError: lost")
    assert "test_learn.py:" in error
    assert json.loads((out / "summary.json").read_text())["env_steps"] == 150
    assert list((out / "checkpoints").glob("model-*"))
    monkeypatch.setattr(pending, "_PATIENCE", 0.2)
    monkeypatch.setattr(stop_request, "_PATIENCE", 0.2)
    assert main([*WORDS, "--resume", "--out", str(out)]) == 128 + signal.SIGINT
    assert f"error: ended by SIGINT; {out} is kept" in capsys.readouterr().err
    assert json.loads((out / "summary.json").read_text())["transitions"] == 149 + 19


OWN = """
from dataclasses import replace
from mbrl_ros.planning.random_shooting import RandomShooting

class Tired(RandomShooting):
    done = 0

    def improve(self, *given):
        Tired.done += 1
        if Tired.done > 30:
            raise KeyError("tired")
        found = super().improve(*given)
        return replace(found, actions=found.actions * (float("nan") if Tired.done > 20 else 1.0))
"""


def test_a_planner_that_raises_or_plans_nan_is_named_and_costs_nothing(tmp_path, capsys):
    file, out = tmp_path / "own.py", tmp_path / "out"
    file.write_text(OWN)
    assert main([*WORDS, f"planner.type:={file}:Tired", "--out", str(out)]) == 1
    said, told = capsys.readouterr()
    assert told.splitlines()[-1].startswith(f"error: KeyError: 'tired' ({file}:11); {out} is kept")
    summary = json.loads((out / "summary.json").read_text())
    assert summary["transitions"] > 60
    reason = "agent: expected finite numbers, got [nan]"
    assert told.count(f"warning: the safe command in place of a plan: {reason}\n") == 1
    assert f"safe commands in place of plans: 10 ({reason})\n" in said
    assert (summary["fallbacks"], summary["fallback_reason"]) == (10, reason)


def test_what_has_an_option_is_no_parameter(tmp_path, capsys):
    assert main([*WORDS, "seed:=7", "--out", str(tmp_path / "out")]) == 2
    assert "argument 'seed:=7': expected --seed 7" in capsys.readouterr().err


def test_events_are_stamped_as_they_happen(learned):
    out, began, ended = learned
    times = [event.wall_time for event in read_events(out / "tensorboard")]
    assert [began, *times, ended] == sorted([began, *times, ended])


def test_tensorboard_shows_the_same(learned):
    name = "tensorboard.backend.event_processing.event_accumulator"
    accumulator = pytest.importorskip(name).EventAccumulator(str(learned[0] / "tensorboard"))
    accumulator.Reload()
    shown = {
        tag: [(event.step, event.value) for event in accumulator.Scalars(tag)]
        for tag in accumulator.Tags()["scalars"]
    }
    assert shown == read_scalars(learned[0] / "tensorboard")
