"""A simulated plant and the three nodes that learn to control it.

Arguments: `ros2 launch mbrl_ros sim.launch.py --show-args`. Any parameter of a node may be
given too, such as planner.horizon:=30.
"""

from launch import LaunchDescription
from mbrl_ros.nodes.launch_description import describe
from mbrl_ros.system.launch_kinds import SIM


def generate_launch_description() -> LaunchDescription:
    """Return what is to be launched; the nodes are listed in `mbrl_ros.system.launch_kinds`."""
    return describe(SIM)
