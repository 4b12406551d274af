"""The trainer of a fleet: one model from all robots that `model_trainer.robots` names.

Arguments: `ros2 launch mbrl_ros trainer.launch.py --show-args`. The robots are systems of their
own, each with `trainer:=/fleet`; `fleet.launch.py` starts all of them.
"""

from launch import LaunchDescription
from mbrl_ros.nodes.launch_description import describe
from mbrl_ros.system.launch_kinds import FLEET_TRAINER


def generate_launch_description() -> LaunchDescription:
    """Return what is to be launched; the nodes are listed in `mbrl_ros.system.launch_kinds`."""
    return describe(FLEET_TRAINER)
