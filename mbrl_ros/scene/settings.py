"""What a viewer must know of a robot's place in space."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.core.settings import setting


@dataclass(frozen=True)
class RvizSettings:
    """The parameters of ``rviz_markers``."""

    frame: str = setting(
        "map", "frame of all that is shown, such as odom: fixed in the world, z up [m]"
    )
    model: str = setting("", "MJCF file of the robot (.xml); empty: the simulator's model")
    joints: list[str] = setting(
        [],
        "what in that file observation dimensions are that are called otherwise, such as "
        "base_x = at_x",
    )
    position: list[str] = setting(
        [],
        "dimensions that are the robot's x, y and, if there are three, z in that frame [m]; empty: "
        "the model's joints are found among the dimensions by their names",
    )
