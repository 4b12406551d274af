"""The forward kinematics of `core/kinematics.py` for many states at once, differentiable."""

from __future__ import annotations

import torch
from torch import Tensor

from mbrl_ros.core.kinematics import Joint, Kinematics


def points_of(kinematics: Kinematics, observed: Tensor) -> Tensor:
    """Return where a robot's points are.

    Args:
        kinematics: of the robot.
        observed: shape ``(..., O)``.

    Returns:
        shape ``(..., 3 P)`` [m].
    """
    turns: list[Tensor] = []
    places: list[Tensor] = []

    def constant(values: object) -> Tensor:
        return torch.as_tensor(values).to(observed)

    for link in kinematics.links:
        turn, place = constant(link.turn), constant(link.place)
        if link.parent >= 0:
            above = turns[link.parent]
            place = places[link.parent] + _turned(above, place)
            turn = above @ turn
        for joint in link.joints:
            axis, anchor = constant(joint.axis), constant(joint.anchor)
            position = observed[..., joint.dimension] - joint.reference
            if joint.slides:
                place = place + position[..., None] * _turned(turn, axis)
                continue
            about = place + _turned(turn, anchor)
            turn = turn @ _rotation(joint, position)
            place = about - _turned(turn, anchor)
        turns.append(turn)
        places.append(place)
    found = []
    for link_number, inside in kinematics.points:
        where = constant(inside)
        if link_number >= 0:
            where = places[link_number] + _turned(turns[link_number], where)
        found.append(where.expand(*observed.shape[:-1], 3))
    return torch.cat(found, dim=-1)


def _rotation(joint: Joint, angle: Tensor) -> Tensor:
    """Return rotation matrices about a joint's axis, shape ``(..., 3, 3)`` (Rodrigues)."""
    x, y, z = joint.axis.tolist()
    cross = torch.tensor([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]], dtype=torch.float64).to(angle)
    sine, cosine = torch.sin(angle)[..., None, None], torch.cos(angle)[..., None, None]
    return torch.eye(3).to(angle) + sine * cross + (1.0 - cosine) * (cross @ cross)


def _turned(turn: Tensor, vector: Tensor) -> Tensor:
    return (turn @ vector[..., None])[..., 0]
