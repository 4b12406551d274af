"""Several simulated robots, each in a namespace of its own, and one trainer for all of them.

`ros2 launch mbrl_ros fleet.launch.py robots:="[left, right]" task:=pendulum_swingup`; arguments and
parameters are those of `sim.launch.py`. Robots of your own: `robot.launch.py` with
`namespace:=left trainer:=/fleet` on each, and `trainer.launch.py` where there is the time to train.
"""

import time
from pathlib import Path

from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    IncludeLaunchDescription,
    OpaqueFunction,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource

from launch import LaunchContext, LaunchDescription
from mbrl_ros.system.fleet import TRAINER, robots_of


def generate_launch_description() -> LaunchDescription:
    """Return what is to be launched."""
    return LaunchDescription(
        [
            DeclareLaunchArgument("robots", default_value="[one, two, three]"),
            DeclareLaunchArgument("run_dir", default_value=""),
            OpaqueFunction(function=_start),
        ]
    )


def _start(context: LaunchContext) -> list[GroupAction]:
    given = dict(context.launch_configurations)
    runs = given["run_dir"] or f"runs/fleet-{time.strftime('%Y%m%d-%H%M%S')}"

    def system(kind: str, namespace: str, **own: str) -> GroupAction:
        source = PythonLaunchDescriptionSource(str(Path(__file__).parent / f"{kind}.launch.py"))
        own |= {"namespace": namespace, "run_dir": f"{runs}/{namespace}"}
        return GroupAction([IncludeLaunchDescription(source, launch_arguments=own.items())])

    robots = [system("sim", name, **own) for name, own in robots_of(given).items()]
    return [system("trainer", TRAINER), *robots]
