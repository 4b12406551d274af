"""Reports of runs that ended well, badly, or before anything happened."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from support.messages import cdr, header, make, topic

from mbrl_ros.cli.main import main
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.recorder import Recorder
from mbrl_ros.models import checkpoint
from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.ensemble.settings import EnsembleSettings
from mbrl_ros.models.packing import pack
from mbrl_ros.reports.comparison import differences
from mbrl_ros.reports.history import read_history
from mbrl_ros.reports.prediction import main_dimensions, predict
from mbrl_ros.reports.report import write_report

from . import messages as m

ROOT = Path(__file__).parents[2]
SHARED = {
    "task": "toy",
    "seed": 3,
    "period": 0.1,
    "observation": {"names": ["sine", "cosine"]},
    "action": {"names": ["push"], "low": [-1.0], "high": [1.0]},
}
CONTROLLER = {
    "planner": {"horizon": 10},
    "objective": {"terms": ["up"], "up": {"type": "linear", "of": ["cosine"]}},
}


@pytest.fixture
def run_dir(tmp_path):
    tree = {
        "/**": {"ros__parameters": SHARED},
        "mujoco_sim": {"ros__parameters": {"action_repeat": 2}},
        "mpc_controller": {"ros__parameters": CONTROLLER},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(tree))
    (tmp_path / "launch.json").write_text(json.dumps({"runtime": "embedded", "launch": "sim"}))
    return tmp_path


def record(run_dir, close=True):
    """Record one episode of 60 steps and the beginning of another."""
    recorder = Recorder(run_dir / "bag")
    topics = {}
    for step in range(80):
        episode, step_in = (0, step) if step <= 60 else (1, step - 61)
        written = [m.observation(episode, step_in, ended=step == 60), m.action(step)]
        if step < 60:
            written.append(m.transition(step))
        if step % 20 == 19:
            written.append(m.controller_status(step, 1, (step, 0, 0, 0, 0, 0), model=(5, 1)))
            written.append(m.training_status(min(step, 60), 5, step // 20, 1.0 / step))
        for message in written:
            kind = m.kind_of(message)
            recorder.write(topics.setdefault(kind, m.topic(kind)), cdr(message))
    if close:
        assert recorder.close() == ""
    else:
        recorder._lock.close()


def save_model(run_dir, names=("sine", "cosine")):
    folder = run_dir / "checkpoints"
    folder.mkdir(exist_ok=True)
    settings = EnsembleSettings(members=2, hidden=[8])
    space = Space.of(list(names))
    model = DynamicsModel(space, Space.of(["push"], [-1.0], [1.0]), settings)
    model.low.fill_(-torch.inf)
    checkpoint.save(pack(model), folder / "model-5-000004.safetensors")


def check(run_dir):
    summary = json.loads((run_dir / "summary.json").read_text())
    assert (summary["task"], summary["seed"], summary["runtime"]) == ("toy", 3, "embedded")
    assert summary["episode_returns"] == [60.0]
    assert summary["env_steps"] == 2 * (60 + 18)
    assert summary["transitions_logged"] == 60
    assert (summary["ticks"], summary["ticks_late"]) == (79, 1)
    assert summary["sources"]["PLANNED"] == 79
    assert summary["plan_ms_p50"] == pytest.approx(20.0)
    assert summary["models_published"] >= 3
    assert summary["trust"] == {"full": 1.0}
    assert summary["one_step_z_p50"] == 1.1
    assert summary["open_loop_z_p50"] == 1.3
    assert summary["correction_p50"] == 0.01
    assert (run_dir / "report.png").stat().st_size > 20_000
    return summary


def test_a_run_that_ended_well(run_dir, capsys):
    record(run_dir)
    save_model(run_dir)
    assert main(["report", str(run_dir)]) == 0
    assert "60" in capsys.readouterr().out
    summary = check(run_dir)
    assert summary["models_published"] == 4
    assert summary["notes"] == []


def test_a_run_whose_logger_was_killed(run_dir):
    record(run_dir, close=False)
    with next((run_dir / "bag").glob("*.mcap")).open("ab") as file:
        file.write(b"\x05\xff\x00")
    report = write_report(run_dir)
    check(run_dir)
    assert len(report.notes) == 1
    assert "finished with" in report.notes[0]


def test_a_run_with_a_damaged_file_of_several(run_dir):
    record(run_dir)
    (run_dir / "bag" / "bag_7.mcap").write_bytes(b"what is this")
    write_report(run_dir)
    check(run_dir)


def test_a_run_that_had_hardly_begun(run_dir, capsys):
    assert main(["report", str(run_dir)]) == 0
    assert "no episode was completed" in capsys.readouterr().out
    summary = json.loads((run_dir / "summary.json").read_text())
    assert (summary["episode_returns"], summary["ticks"]) == ([], 0)
    assert summary["notes"] == ["there is no bag: nothing was recorded"]
    assert (run_dir / "report.png").exists()


def test_what_is_no_run_is_refused_in_one_line(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    assert re.fullmatch(r"error: .*: not a run folder: [^\n]*\n", capsys.readouterr().err)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(run_dir, capsys):
    (run_dir / "summary.json.partial").mkdir()
    assert main(["report", str(run_dir)]) == 2
    assert re.fullmatch(r"error: [^\n]*\n", capsys.readouterr().err)


def test_predictions_begin_at_what_was_measured(run_dir):
    record(run_dir)
    save_model(run_dir)
    history = read_history(run_dir)
    prediction = predict(history)
    assert (prediction.horizon, prediction.starts) == (10, [0, 10, 20, 30, 40])
    assert prediction.actual.shape == (51, 2)
    assert prediction.means.shape == prediction.stds.shape == (5, 11, 2)
    assert prediction.means[:, 0] == pytest.approx(prediction.actual[:50:10], abs=1e-6)
    assert prediction.stds[:, 0] == pytest.approx(0.0, abs=1e-6)


def test_a_model_of_something_else_is_not_compared(run_dir):
    record(run_dir)
    save_model(run_dir, names=("a", "b"))
    assert predict(read_history(run_dir)) is None


def test_a_damaged_model_is_left_out(run_dir):
    record(run_dir)
    save_model(run_dir)
    (run_dir / "checkpoints" / "model-5-000009.safetensors").write_bytes(b"broken")
    history = read_history(run_dir)
    assert predict(history).model == "model-5-000004"
    assert "model-5-000009" in history.notes[0]


def test_the_main_dimensions_are_those_of_the_objective(run_dir):
    history = read_history(run_dir)
    assert main_dimensions(history, 1) == [1]
    assert main_dimensions(history, 3) == [1, 0]


def test_runs_beside_each_other_on_a_page_of_its_own(run_dir, tmp_path_factory, capsys):
    record(run_dir)
    (run_dir / "video.gif").write_bytes(b"GIF89a")
    other = tmp_path_factory.mktemp("other") / "<b>"
    shutil.copytree(run_dir, other)
    text = (other / "config.yaml").read_text().replace("horizon: 10", "horizon: 12")
    (other / "config.yaml").write_text(text.replace("task: toy", "task: <i>toy"))
    recorder = Recorder(other / "bag")
    events = [
        m.make("Intervention", episode=0, step=1, proposed=np.ones(1), values=np.zeros(1),
               safe=True, reason="too <fast>"),
        make("rcl_interfaces/msg/Log", stamp=header().stamp, level=40, name="mujoco_sim",
             msg="it fell", file="", function="", line=0),
    ]  # fmt: skip
    for event in [*events, *events]:
        recorder.write(topic("/events/" + m.kind_of(event), event.__msgtype__), cdr(event))
    assert recorder.close() == ""

    page = run_dir / "page.html"
    assert main(["report", str(run_dir), str(other), "-o", str(page)]) == 0
    assert capsys.readouterr().out == f"{page}\n"
    text = page.read_text()
    assert "2 runs of toy, &lt;i&gt;toy" in text
    assert re.search(r"mpc_controller: planner.horizon</code><td class=\"value\">10<td.*?>12", text)
    assert re.search(r"too &lt;fast&gt;\s*<td class=\"n\">2", text)
    assert re.search(r"mujoco_sim\s*<td class=\"value\">it fell\s*<td class=\"n\">2", text)
    assert text.count("data:image/svg+xml") == 3
    assert text.count("data:image/gif") == 2
    assert "<i>" not in text
    assert not re.search(r"(src|href)=\"(?!data:|#)", text)  # it needs nothing else
    assert not (run_dir / "summary.json").exists()


def test_runs_of_learn_have_a_page_too(run_dir, capsys):
    record(run_dir)
    (run_dir / "launch.json").unlink()
    (run_dir / "curve.csv").write_text("env_steps,episode,return\n100,0,5.5\n200,1,7.25\n30")
    (run_dir / "report.png").write_bytes(b"its own")
    told = {"models_published": 9, "eval_return_mean": 6.5, "eval_return_margin": 0.5}
    (run_dir / "summary.json").write_text(json.dumps(told))
    page = run_dir / "page.html"
    assert main(["report", str(run_dir), "-o", str(page)]) == 0
    text = page.read_text()
    assert base64.b64encode(b"its own").decode() in text
    assert '<td class="n">7.2\n<td class="n">7.2\n<td class="n">9' in text  # best, last, models
    assert "mean return 6.5 &plusmn;\n0.5" in text
    assert "The guard" not in text
    assert json.loads((run_dir / "summary.json").read_text()) == told
    assert main(["report", str(run_dir)]) == 2  # its own report is not overwritten
    (run_dir / "summary.json").write_text("{")
    capsys.readouterr()
    assert main(["report", str(run_dir), "-o", str(page)]) == 2
    assert re.fullmatch(r"error: .*summary.json: damaged: [^\n]*\n", capsys.readouterr().err)


def test_a_page_has_a_name_and_several_runs_have_a_page(run_dir, capsys):
    assert main(["report", str(run_dir), "-o", "page.pdf"]) == 2
    assert capsys.readouterr().err == "error: --output: expected a file .html, got 'page.pdf'\n"
    assert main(["report", str(run_dir), str(run_dir)]) == 2
    assert capsys.readouterr().err == "error: 2 runs: expected -o FILE.html for their page\n"
    assert main(["report", str(run_dir / "nothing"), "-o", "page.html"]) == 2
    assert "not a run folder" in capsys.readouterr().err


def test_what_differs_is_named_with_its_node():
    one = {"**": {"seed": 1, "run_dir": "/a", "same": 2}, "n": {"x": [1, 2]}}
    other = {"**": {"seed": 2, "run_dir": "/b", "same": 2}, "n": {"x": [1, 2], "y": True}}
    assert differences([one, other]) == [("n: y", ["-", "True"]), ("seed", ["1", "2"])]
    assert differences([one, one]) == differences([one]) == []


def test_an_older_matplotlib_beside_ours_is_not_warned_of(tmp_path):
    """As in a virtual environment that sees the system's packages."""
    package = tmp_path / "mpl_toolkits"
    (package / "mplot3d").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "mplot3d" / "__init__.py").write_text("raise ImportError('of another version')")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-c", "import mbrl_ros.reports.figure"],
        env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_a_person_and_a_slow_source_are_in_the_report(run_dir):
    record(run_dir)
    recorder = Recorder(run_dir / "bag")
    diagnostics = topic("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray")

    def entry(name, message):
        kind = "diagnostic_msgs/msg/DiagnosticStatus"
        return make(kind, level=1, name=name, message=message, hardware_id="", values=[])

    slow = "joints (joint_states): 9.88 Hz, expected 25 Hz (period 0.04 s)"
    entries = [
        entry("robot_bridge: joints", slow),
        entry("robot_bridge: commands", slow.replace("9.88 Hz, expected 25", "no")),
        entry("other/robot_bridge: imu", slow),
    ]
    told = make(diagnostics.type, header=header(), status=entries)
    recorder.write(diagnostics, cdr(told))
    for _ in range(3):
        recorder.write(m.topic("Action"), cdr(m.action(0, source=6)))
    assert recorder.close() == ""
    report = write_report(run_dir)
    assert report.summary["findings"] == [slow]
    assert f"found: {slow}" in report.lines()
    assert report.summary["by_a_person"] == 3
