"""What a viewer must know of a robot's place in space."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.core.settings import group, setting


@dataclass(frozen=True)
class DrawnSettings:
    """Which model of the robot is drawn."""

    model: str = setting("", "MJCF file of the robot (.xml); empty: the simulator's model")
    joints: list[str] = setting(
        [],
        "which observation dimension is the position of which joint of that file, where they are "
        "not called alike, such as elbow_angle = elbow, pole_sin = hinge_sin or at_x = base_x (of "
        "a free joint)",
    )

    def __post_init__(self) -> None:
        """Check that there is a model for the joints."""
        if self.joints and not self.model:
            raise ValueError(f"drawn.model: expected a file, for drawn.joints {self.joints}")


@dataclass(frozen=True)
class RvizSettings:
    """The parameters of ``rviz_markers``."""

    frame: str = setting(
        "map", "frame of all that is shown, such as odom: fixed in the world, z up [m]"
    )
    position: list[str] = setting(
        [],
        "dimensions that are the robot's x, y and, if there are three, z in that frame [m]; empty: "
        "the model's joints are found among the dimensions by their names",
    )
    drawn: DrawnSettings = group(DrawnSettings)


@dataclass(frozen=True)
class WebSettings:
    """The parameters of ``web_monitor``."""

    host: str = setting("127.0.0.1", "address to listen on; 0.0.0.0: from everywhere")
    port: int = setting(8080, "preferred port; the next free one is taken", low=1, high=65535)
    token: str = setting(
        "", "with which viewers at other computers may steer; empty: they can only watch"
    )
    drawn: DrawnSettings = group(DrawnSettings)
