"""What is drawn in space as messages for RViz: lengths in m, quaternions w first on the way in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.nodes.record_messages import time_message
from mbrl_ros.ros import interfaces as ri
from mbrl_ros.scene.places import pieces
from mbrl_ros.scene.shapes import Shape

Color = tuple[float, float, float, float]

_UNTURNED = (1.0, 0.0, 0.0, 0.0)


def path_message(header: Any, points: FloatArray, stamps: Iterable[int]) -> Any:
    """Return a ``nav_msgs/Path``.

    Args:
        header: its frame is that of the points, too.
        points: shape ``(T, 3)``.
        stamps: when each is reached [ns].
    """
    return ri.Path(
        header=header,
        poses=[
            ri.PoseStamped(
                header=ri.Header(stamp=time_message(stamp), frame_id=header.frame_id),
                pose=_pose(point),
            )
            for point, stamp in zip(points, stamps, strict=True)
        ],
    )


def lines(header: Any, name: str, way: FloatArray, width: float, color: Color) -> Any:
    """Return the ways ``(T, K, 3)`` of points as a marker of that name."""
    kind = ri.Marker.LINE_LIST
    marker = _marker(header, name, 0, kind, color, (width, 0.0, 0.0))
    marker.points = _points(pieces(way).reshape(-1, 3))
    return marker


def dots(header: Any, name: str, points: FloatArray, size: float, color: Color) -> Any:
    """Return points ``(K, 3)`` as a marker of that name."""
    marker = _marker(header, name, 0, ri.Marker.SPHERE_LIST, color, (size,) * 3)
    marker.points = _points(points)
    return marker


def solid(name: str, number: int, shape: Shape) -> Any:
    """Return a shape as a marker of that name and number, for `place`."""
    kind = ri.Marker.TRIANGLE_LIST
    marker = _marker(ri.Header(), name, number, kind, shape.color, (1.0, 1.0, 1.0))
    marker.points = _points(shape.vertices[shape.faces].reshape(-1, 3))
    return marker


def place(marker: Any, header: Any, position: FloatArray, turn: FloatArray) -> None:
    """Place a marker at a position ``(3,)``, turned by a quaternion ``(4,)``."""
    marker.header, marker.pose = header, _pose(position, turn)


def nothing(header: Any) -> Any:
    """Return the marker that removes all others of its topic."""
    return ri.Marker(header=header, action=ri.Marker.DELETEALL)


def _marker(
    header: Any, name: str, number: int, kind: int, color: Color, scale: Sequence[float]
) -> Any:
    r, g, b, a = color
    return ri.Marker(
        header=header,
        ns=name,
        id=number,
        type=kind,
        pose=_pose((0.0, 0.0, 0.0)),
        scale=ri.Vector3(**_xyz(scale)),
        color=ri.ColorRGBA(r=r, g=g, b=b, a=a),
    )


def _pose(position: Sequence[float] | FloatArray, turn: Any = _UNTURNED) -> Any:
    w, x, y, z = map(float, turn)
    orientation = ri.Quaternion(x=x, y=y, z=z, w=w)
    return ri.Pose(position=ri.Point(**_xyz(position)), orientation=orientation)


def _points(points: FloatArray) -> list[Any]:
    return [ri.Point(x=x, y=y, z=z) for x, y, z in points.tolist()]


def _xyz(values: Sequence[float] | FloatArray) -> dict[str, float]:
    return dict(zip("xyz", map(float, values), strict=True))
