"""The ROS 2 API the nodes use: rclpy where it is installed, else the embedded runtime.

The names are rclpy's, in one flat namespace. ``MBRL_ROS_RUNTIME=rclpy`` or ``embedded`` forces
one of the two.
"""

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

_wish = os.environ.get("MBRL_ROS_RUNTIME", "")
if _wish not in ("", "rclpy", "embedded"):
    raise ImportError(f"MBRL_ROS_RUNTIME is '{_wish}', but must be rclpy or embedded")

#: Which runtime is in use: ``rclpy`` or ``embedded``.
RUNTIME: str = _wish
if not _wish:
    try:
        # find_spec alone would accept an rclpy built for another Python.
        import rclpy  # noqa: F401

        RUNTIME = "rclpy"
    except ImportError:
        RUNTIME = "embedded"

if RUNTIME == "embedded" and find_spec("cyclonedds") is None:
    raise ImportError(
        "neither rclpy nor cyclonedds is there: source a ROS 2, or pip install cyclonedds, which "
        "there is up to Python 3.13"
    )

if TYPE_CHECKING or RUNTIME == "embedded":
    from mbrl_ros.ros.embedded.api import *  # noqa: F403
    from mbrl_ros.ros.embedded.api import __all__ as _names
else:
    from mbrl_ros.ros.rclpy_api import *  # noqa: F403
    from mbrl_ros.ros.rclpy_api import __all__ as _names

__all__ = ["RUNTIME", *_names]
