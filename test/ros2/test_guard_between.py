"""The guard on real ROS 2: it stands between controller and plant, and its end leaves that safe."""

import pytest
from quick import PLANNING

pytestmark = pytest.mark.ros2

# Arguments: the run's folder.
KILLER = """
import os, signal, sys
from mbrl_ros.msg import Observation
from real_node import processes, real_node, until
from rclpy.qos import QoSProfile

node = real_node("killer")
seen = []
node.create_subscription(Observation, "observation", seen.append, QoSProfile(depth=100))


def ends(topic):
    publishers = node.get_publishers_info_by_topic(topic)
    subscriptions = node.get_subscriptions_info_by_topic(topic)
    return {i.node_name for i in publishers}, {i.node_name for i in subscriptions}


def guards():
    return processes(sys.argv[1], "safety_guard")


def driven():
    return len(seen) > 5 and all(m.action_step >= 0 for m in seen[-5:] if m.step)


until(node, lambda: ends("/action_proposed") == ({"mpc_controller"}, {"safety_guard"}))
until(node, lambda: ends("/action")[0] == {"safety_guard"} and "mujoco_sim" in ends("/action")[1])
until(node, driven)
killed = guards()
for process in killed:
    os.kill(process, signal.SIGKILL)
seen.clear()
until(node, lambda: len(seen) > 2 and seen[-1].action_step == -1 and seen[-1].step > 0)
assert list(seen[-1].action) == [0.0], seen[-1]
# What acted until then was no older than the time-out.
acted = [m.step - 1 - m.action_step for m in seen if m.step and m.action_step >= 0]
assert max(acted, default=0) <= 6, acted
seen.clear()
until(node, driven)
assert set(guards()).isdisjoint(killed)
print("safe, and driven again", flush=True)
"""


def test_it_stands_between_and_its_end_stops_the_plant(launch, real_script, tmp_path):
    system = launch("sim.launch.py", "task:=inverted_pendulum", "duration:=0", *PLANNING)
    system.wait_for("active, seed")
    killer = real_script(KILLER, tmp_path / "run")
    assert killer.process.wait(150) == 0, killer.output + system.output
    assert "driven again" in killer.output
