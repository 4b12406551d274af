"""Graduates a robot, as `mbrl-ros graduate`, which it runs; the launch fails if that does.

Arguments: `ros2 launch mbrl_ros graduate.launch.py --show-args`. Parameters of a node, such as
planner.horizon:=30, are given by `parameters:="planner.horizon:=30"`.
"""

from launch import LaunchDescription
from mbrl_ros.nodes.launch_description import describe_graduation


def generate_launch_description() -> LaunchDescription:
    """Return what is to be run."""
    return describe_graduation()
