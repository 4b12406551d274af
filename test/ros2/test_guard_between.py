"""The guard on real ROS 2: it stands between controller and plant, and its end leaves that safe."""

import pytest

pytestmark = pytest.mark.ros2

QUICK = ("task:=inverted_pendulum", "duration:=0", "view:=none", "autotune:=false")
QUICK += ("model.hidden:=[32, 32]", "model.members:=2", "planner.candidates:=16")

# Arguments: the run's folder.
KILLER = """
import os, pathlib, signal, sys, time
import rclpy
from mbrl_ros.msg import Observation
from rclpy.qos import QoSProfile

rclpy.init()
node = rclpy.create_node("killer")
seen = []
node.create_subscription(Observation, "observation", seen.append, QoSProfile(depth=100))


def until(condition, timeout=120.0):
    end = time.monotonic() + timeout
    while not condition() and time.monotonic() < end:
        rclpy.spin_once(node, timeout_sec=0.02)
    assert condition(), seen[-3:]


def ends(topic):
    publishers = node.get_publishers_info_by_topic(topic)
    subscriptions = node.get_subscriptions_info_by_topic(topic)
    return {i.node_name for i in publishers}, {i.node_name for i in subscriptions}


def guards():
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode().split(chr(0))
        except OSError:
            continue
        if f"{sys.argv[1]}/config.yaml" in words and words[1].endswith("/safety_guard"):
            yield int(folder.name)


def driven():
    return len(seen) > 5 and all(m.action_step >= 0 for m in seen[-5:] if m.step)


until(lambda: ends("/action_proposed") == ({"mpc_controller"}, {"safety_guard"}))
until(lambda: ends("/action")[0] == {"safety_guard"} and "mujoco_sim" in ends("/action")[1])
until(driven)
killed = list(guards())
for process in killed:
    os.kill(process, signal.SIGKILL)
seen.clear()
until(lambda: len(seen) > 2 and seen[-1].action_step == -1 and seen[-1].step > 0)
assert list(seen[-1].action) == [0.0], seen[-1]
# What acted until then was no older than the time-out.
acted = [m.step - 1 - m.action_step for m in seen if m.step and m.action_step >= 0]
assert max(acted, default=0) <= 6, acted
seen.clear()
until(driven)
assert set(guards()).isdisjoint(killed)
print("safe, and driven again", flush=True)
"""


def test_it_stands_between_and_its_end_stops_the_plant(
    start, real_script, ros_environment, tmp_path
):
    launch = start(
        *("ros2", "launch", "mbrl_ros", "sim.launch.py", *QUICK, f"run_dir:={tmp_path / 'run'}"),
        environment=ros_environment,
    )
    launch.wait_for("active, seed")
    killer = real_script(KILLER, tmp_path / "run")
    assert killer.process.wait(150) == 0, killer.output + launch.output
    assert "driven again" in killer.output
