"""Which observation dimensions are which joints of a robot's model."""

from __future__ import annotations

from collections.abc import Sequence


def read_joints(
    lines: Sequence[str], field: str, dimensions: Sequence[str], joints: Sequence[str]
) -> dict[str, str]:
    """Return joints with the dimension that each is.

    Args:
        lines: ``DIMENSION = JOINT`` each.
        field: they are from.
        dimensions: of the observation.
        joints: of the model.

    Raises:
        ValueError: naming the line that is none, or the joint that appears twice.
    """
    found: dict[str, str] = {}
    for line in lines:
        dimension, joint = (part.strip() for part in line.partition("=")[::2])
        for what, name, known in (
            ("dimension", dimension, dimensions),
            ("joint", joint, joints),
        ):
            if name not in known:
                raise ValueError(
                    f"{field}: expected DIMENSION = JOINT with a {what} of "
                    f"{', '.join(filter(None, known)) or 'which there is none'}, got '{line}'"
                )
        if joint in found:
            raise ValueError(f"{field}: '{joint}' is given twice")
        found[joint] = dimension
    return found
