"""`mbrl-ros real2sim`: from a bag to parameters."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.processes import die_with_parent
from support.recorded import simulated, write_bag
from support.waiting import PATIENCE, eventually

from mbrl_ros import ros
from mbrl_ros.cli import real2sim_following
from mbrl_ros.cli.main import main
from mbrl_ros.cli.real2sim_following import ever_held, follow
from mbrl_ros.cli.ros_tools.session import Session
from mbrl_ros.cli.ros_tools.verbs import Interrupted
from mbrl_ros.core.niceness import USUAL
from mbrl_ros.data.streaming import BagError
from mbrl_ros.ros import interfaces as ri
from mbrl_ros.system.task_file import read_task_file

pytestmark = pytest.mark.process

ARM = """
<mujoco>
  <option timestep="0.01"/>
  <worldbody>
    <body name="upper"><joint name="shoulder" damping="0.1" axis="0 1 0"/>
      <geom type="capsule" size="0.02" fromto="0 0 0 0.3 0 0"/>
      <body name="payload" pos="0.3 0 0"><geom size="0.04" mass="0.2"/></body></body>
  </worldbody>
  <actuator><motor joint="shoulder" ctrllimited="true" ctrlrange="-1 1"/></actuator>
</mujoco>
"""
TASK = """# Mine.
/**:
  ros__parameters:
    period: 0.04  # [s]
    observation: {names: [angle, speed]}
    action: {names: [torque], low: [-1.0], high: [1.0]}
    prior: {model: mujoco, environment: arm.xml}

mujoco_sim:
  ros__parameters:
    environment: arm.xml
    action_repeat: 4
"""
HIDDEN = "actuation_delay_told:=false"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a task, its model, and a bag of another arm than the model's."""
    made = tmp_path_factory.mktemp("arm")
    (made / "arm.xml").write_text(ARM)
    (made / "config.yaml").write_text(TASK)
    other = "physics.mass_scale:=1.5", "physics.bodies:=[payload]", "physics.friction_scale:=2.0"
    words = *other, "actuation_delay:=1", HIDDEN, "time_limit:=4.0"
    _, log = simulated(made / "config.yaml", 250, *words)
    write_bag(made / "bag", log)
    return made


def fitted(folder, *words):
    return main(["real2sim", str(folder / "bag"), *map(str, words)])


def test_a_bag_tells_payload_damping_and_delay_and_fills_what_is_asked_for(folder, capsys):
    fit = "--fit", "mass", "friction", "delay", "--bodies", "payload", "--max-delay", "2"
    task = folder / "task.yaml"
    task.write_text(TASK)
    json_file = folder / "gap.json"
    for _ in range(2):  # once more replaces what was written
        assert fitted(folder, *fit, "--write", task, "--json", json_file) == 0
    shown = capsys.readouterr().out
    assert "physics.mass_scale" in shown
    figures = json.loads(json_file.read_text())
    for estimate, truth in zip(figures["estimates"], (1.5, 2.0), strict=True):
        assert estimate["low"] <= truth <= estimate["high"]
    assert figures["gap"]["angle"]["after"] < 0.01 * figures["gap"]["angle"]["before"]
    assert len(figures["gap"]["speed"]["before_each"]) == 12
    text = task.read_text()
    assert text.startswith("# Mine.")
    assert text.count("# real2sim") == 11  # nine parameters and one section
    nodes = read_task_file(task).nodes
    plant, shared = nodes["mujoco_sim"], nodes["**"]
    assert plant["physics.mass_scale"] == shared["prior.mass_scale"] == pytest.approx(1.5, rel=1e-3)
    assert plant["physics.bodies"] == shared["prior.bodies"] == ["payload"]
    assert (plant["actuation_delay"], plant["actuation_delay_told"]) == (1, False)
    assert nodes["model_trainer"]["model.delay"] == 1
    assert plant["action_repeat"] == 4


def test_the_fitted_model_as_files(folder):
    fit = "--fit", "mass", "friction", "--bodies", "payload", "--max-delay", "1"
    _, log = simulated(folder / "config.yaml", 250, "physics.mass_scale:=1.5",
                       "physics.bodies:=[payload]", "time_limit:=4.0")  # fmt: skip
    other = folder / "other"
    write_bag(other, log)
    out = folder / "fitted.xml"
    task = "--task", str(folder / "config.yaml")
    assert main(["real2sim", str(other), *task, *fit, "-o", str(out)]) == 0
    import mujoco  # not before test/simulation has chosen what renders

    made = mujoco.MjModel.from_xml_path(str(out))
    assert made.body("payload").mass[0] == pytest.approx(0.3, rel=2e-3)
    # With it as the model there is no gap any more.
    gap = folder / "left.json"
    assert main(["real2sim", str(other), *task, *fit, "--model", str(out), "--json", str(gap)]) == 0
    left = json.loads(gap.read_text())
    assert left["estimates"][0]["value"] == pytest.approx(1.0, rel=2e-3)
    yaml = folder / "fitted.yaml"
    assert main(["real2sim", str(other), *task, *fit, "-o", str(yaml)]) == 0
    assert read_task_file(yaml).nodes["mujoco_sim"].keys() == {
        "physics.mass_scale", "physics.bodies", "physics.friction_scale"
    }  # fmt: skip


def test_a_bag_that_grows_is_followed_and_what_was_found_is_told(folder, tmp_path, domain):
    words = "physics.gain_scale:=0.7", "physics.friction_scale:=2.0", "time_limit:=4.0"
    _, log = simulated(folder / "config.yaml", 160, *words)
    bag, file = tmp_path / "bag", tmp_path / "found.yaml"
    write_bag(bag, log[:20])
    command = [
        sys.executable, "-m", "mbrl_ros.cli", "real2sim", str(bag), "--follow", "--max-delay", "1",
        "--task", str(folder / "config.yaml"), "-o", str(file),
    ]  # fmt: skip
    told = {}
    ros.init(args=[])
    node = ros.Node("listener", enable_rosout=False)

    def hear(message):
        for entry in message.status:
            told[entry.name] = {value.key: value.value for value in entry.values}

    node.create_subscription(ri.DiagnosticArray, "/diagnostics", hear, 10)
    executor = ros.SingleThreadedExecutor()
    executor.add_node(node)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent
    ) as process:
        try:
            assert "waiting: expected at least 4 unbroken stretches" in process.stdout.readline()
            assert not file.exists()
            threads = [int(each.name) for each in Path(f"/proc/{process.pid}/task").iterdir()]
            assert min(os.getpriority(os.PRIO_PROCESS, each) for each in threads) >= USUAL
            write_bag(bag, log[20:])
            eventually(lambda: executor.spin_once(timeout_sec=0.1) or told.get("real2sim"))
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
            executor.shutdown()
            node.destroy_node()
            ros.try_shutdown()
    gain = told["real2sim"]["identified: gain_scale"]
    assert gain.startswith("physics.gain_scale is 0.7 times the simulation's (0.")
    plant = read_task_file(file).nodes["mujoco_sim"]
    assert plant["physics.gain_scale"] == pytest.approx(0.7, rel=2e-3)
    assert plant["physics.friction_scale"] == pytest.approx(2.0, rel=2e-3)


def test_a_full_disk_ends_no_following_that_has_begun(tmp_path, monkeypatch):
    bag = tmp_path / "bag_0.mcap"
    bag.write_bytes(bytes(100))
    said, published = [], []
    full = OSError(errno.ENOSPC, "No space left on device", "found.yaml")
    writes = iter([None, full, BagError("bag_0.mcap: cannot be read: Input/output error"), None])

    class Over(Session):
        def __init__(self):
            clock = SimpleNamespace(now=lambda: SimpleNamespace(to_msg=ri.Time))
            publisher = SimpleNamespace(publish=published.append)
            self.node = SimpleNamespace(
                create_publisher=lambda *_: publisher, get_clock=lambda: clock
            )

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def sleep(self, _):
            if len(published) == 4:
                raise Interrupted(signal.SIGINT)
            bag.write_bytes(bytes(2 * bag.stat().st_size))

    def write(_):
        if (error := next(writes)) is not None:
            raise error

    found = SimpleNamespace(windows=4, estimates=[], delay=0, delay_errors=[])
    monkeypatch.setattr(real2sim_following, "Session", Over)
    monkeypatch.setattr(real2sim_following, "yield_process", lambda: None)
    console = SimpleNamespace(print=said.append)
    follow([bag], lambda: found, write, console)
    assert [line.partition(":")[2].strip() for line in said if line.startswith("waiting")] == [
        "found.yaml: No space left on device",
        "bag_0.mcap: cannot be read: Input/output error",
    ]
    writes = iter([full])
    with pytest.raises(OSError, match="No space left"):
        follow([bag], lambda: found, write, console)


def test_a_bag_grows_also_where_its_files_shrink_and_go(tmp_path):
    first, second = tmp_path / "bag_0.mcap", tmp_path / "bag_1.mcap"
    sizes = {}
    assert ever_held([tmp_path], sizes) == 0
    for file, size, whole in ((first, 900, 900), (first, 300, 900), (second, 100, 1000)):
        file.write_bytes(bytes(size))
        assert ever_held([tmp_path], sizes) == whole
    first.unlink()
    second.write_bytes(bytes(500))
    assert ever_held([tmp_path], sizes) == ever_held([first, second], sizes) == 1400


def test_only_the_newest_transitions_are_asked_what_is_so_now(folder, tmp_path):
    for gain in (1.0, 0.8):
        words = f"physics.gain_scale:={gain}", "time_limit:=4.0"
        write_bag(tmp_path / "bag", simulated(folder / "config.yaml", 100, *words)[1])
    words = "--task", folder / "config.yaml", "--fit", "gain", "--json", tmp_path / "gap.json"
    assert main(["real2sim", str(tmp_path / "bag"), *map(str, words), "--newest", "95"]) == 0
    (found,) = json.loads((tmp_path / "gap.json").read_text())["estimates"]
    assert found["value"] == pytest.approx(0.8, rel=2e-3)


def test_mistakes_are_named_and_nothing_is_written(folder, capsys):
    own = folder / "own.yaml"
    own.write_text(TASK + "    physics: {friction_scale: 1.1}\n")
    for words, message in (
        (["-o", "fitted.json"], "-o: expected a file that ends with .yaml or .xml"),
        (["--horizon", "0"], "--horizon: expected an integer in [1, 1000], got 0"),
        (["--max-delay", "21"], "--max-delay: expected an integer in [0, 20], got 21"),
        (["--model", "CartPole-v1"], "environment 'CartPole-v1': "),
        (["--model", "nowhere.xml"], "there is no such file"),
        (["--bodies", "leg"], "has no body 'leg', it has: upper, payload"),
        (["--horizon", "500"], "unbroken stretches of 500 steps"),
        (["--fit", "friction", "--write", own], "mujoco_sim: expected no value to be replaced, "
         "got physics.friction_scale: 1.1"),
        (["--fit", "friction", "--write", folder / "none.yaml"], "none.yaml: cannot be read"),
    ):  # fmt: skip
        assert fitted(folder, *words) == 2, words
        error = capsys.readouterr().err
        assert error.startswith("error: "), error
        assert message in error, error
        assert error.count("\n") == 1
    assert own.read_text() == TASK + "    physics: {friction_scale: 1.1}\n"
    before = {path.name for path in folder.iterdir()}
    for words in (
        ["-o", folder / "new.yaml", "--json", folder / "nowhere" / "gap.json"],
        ["--json", folder / "new.json", "-o", folder / "nowhere" / "new.yaml"],
        ["-o", folder / "new.yaml", "--json", folder],
    ):
        assert fitted(folder, "--fit", "friction", *words) == 2
        assert "nowhere/" in (error := capsys.readouterr().err) or "directory" in error
        assert ".new" not in error.replace("new.", "")
    assert {path.name for path in folder.iterdir()} == before
