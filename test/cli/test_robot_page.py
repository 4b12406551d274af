"""docs/robot.md, followed word by word on the rig's stand-in."""

import contextlib
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.processes import die_with_parent
from support.waiting import PATIENCE, eventually

ros = pytest.importorskip("mbrl_ros.ros")
ri = pytest.importorskip("mbrl_ros.ros.interfaces")

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "robot.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^(?:mbrl-ros|python) .*$", TEXT, flags=re.MULTILINE)
BEGINNINGS = {"mbrl-ros": ["-m", "mbrl_ros.cli"], "python": []}

pytestmark = pytest.mark.process


def command_of(start):
    """Return the page's command that contains this, as words for this Python."""
    (found,) = [command for command in COMMANDS if start in command]
    first, *words = shlex.split(found)
    return [sys.executable, *BEGINNINGS[first], *words]


class Terminal:
    """A command that goes on in a terminal of its own, and what it printed."""

    def __init__(self, words, folder, number):
        self._file = folder / f"terminal{number}.txt"
        self.process = subprocess.Popen(
            words,
            cwd=folder,
            stdout=self._file.open("w"),
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent,
        )

    @property
    def text(self):
        return self._file.read_text()

    def end(self):
        """As Ctrl-C does."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)
        assert self.process.wait(PATIENCE) in (0, 130), self.text


@pytest.fixture
def terminal(tmp_path, domain, monkeypatch):
    monkeypatch.setenv("MBRL_ROS_RUNTIME", "embedded")
    opened = []

    def begin(start, *more):
        opened.append(Terminal([*command_of(start), *more], tmp_path, len(opened)))
        return opened[-1]

    yield begin
    for each in opened:
        each.process.kill()
        each.process.wait()


QUICK = ("planner.horizon:=8", "planner.candidates:=16", "autotune:=false")
QUICK += ("model.hidden:=[32, 32]", "optimizer.updates_per_transition:=0.5")


def done(start, folder):
    words = command_of(start)
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)


class Bystander:
    """Somebody who looks on: what takes a command of its own a second, it sees at once."""

    def __init__(self):
        self.node = ros.Node("bystander")
        self.places = []
        self.node.create_subscription(ri.JointState, "joint_states", self.see, 10)
        # What `eventually` is given besides a time.
        self.look = ("it did not happen", lambda: ros.spin_once(self.node, timeout_sec=0.05))

    def see(self, message):
        self.places.append(message.position[message.name.index("slider")])

    @property
    def services(self):
        return [name for name, _ in self.node.get_service_names_and_types()]


@pytest.fixture
def bystander(domain):
    ros.init()
    made = Bystander()
    yield made
    made.node.destroy_node()
    ros.shutdown()


def test_from_a_list_of_topics_to_a_system_that_moves_it(terminal, bystander, tmp_path):
    (file,) = re.findall(r"`rig\.yaml`:\n\n```yaml\n(.*?)```", TEXT, flags=re.DOTALL)
    (tmp_path / "rig.yaml").write_text(file)
    rig = terminal("robot standin cartpole_rig")
    eventually(lambda: "messages a second" in rig.text)
    listed = done("topic list", tmp_path).stdout
    assert "/joint_states [sensor_msgs/msg/JointState]" in listed
    check = done("robot check", tmp_path)
    assert check.stdout.endswith("nothing wrong was found; nothing was sent\n"), check.stdout
    assert check.returncode == 0
    begin = float(re.search(r"cart_position = (\S+)", check.stdout)[1])

    bridge = terminal("robot_bridge --ros-args")
    guard = terminal("safety_guard --ros-args")
    eventually(lambda: "commands /effort_controller/commands" in bridge.text)
    hand = terminal("topic pub --rate 20")
    eventually(
        lambda: bystander.places and bystander.places[-1] > begin + 0.1, PATIENCE, *bystander.look
    )
    hand.end()
    guard.end()
    bridge.end()

    system = terminal("launch robot", "view:=none", "run_dir:=run", *QUICK)
    eventually(lambda: "/mpc_controller/arm" in bystander.services, PATIENCE, *bystander.look)
    assert done("/estop", tmp_path).returncode == 0
    assert "success=True" in done("service call /mpc_controller/arm", tmp_path).stdout
    (reset,) = re.findall(r"`mbrl-ros (service call /robot_bridge/reset [^`]*)`", TEXT)
    words = [sys.executable, "-m", "mbrl_ros.cli", *shlex.split(reset)]
    answer = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE)
    assert "the episode ends" in answer.stdout
    system.end()
    assert "transitions" in system.text
    rig.end()


def test_the_page_names_every_shipped_robot_and_every_function():
    robots = {path.stem for path in (ROOT / "config" / "robots").glob("*.yaml")}
    assert set(re.findall(r"^\| `(\w+)`", TEXT.partition("## Shipped")[2], flags=re.M)) == robots
    from mbrl_ros.core.formula import FUNCTIONS
    from mbrl_ros.robot.memories import MEMORIES

    for name in (*FUNCTIONS, *MEMORIES, "radians", "yaw", "rotation6d"):
        assert f"`{name}" in TEXT
