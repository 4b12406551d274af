"""A film strip of an episode: pictures of a MuJoCo model in a row."""

from __future__ import annotations

import os
import sys

import numpy as np
from numpy.typing import NDArray

from mbrl_ros.core.spaces import FloatArray

_WIDTH, _HEIGHT = 200, 150


def film_strip(model: str, places: FloatArray, pictures: int = 12) -> NDArray[np.uint8] | None:
    """Return pictures of an episode, from its start to its end.

    Args:
        model: MJCF file.
        places: ``mjData.qpos`` at each step, shape ``(T, nq)``.
        pictures: their number.

    Returns:
        in two rows, RGB, shape ``(height, width, 3)``; None: nothing here can render.

    ``graphics.choose`` must have been called before MuJoCo was first imported.
    """
    if sys.platform.startswith("linux") and os.environ.get("MUJOCO_GL", "disable") == "disable":
        return None
    import mujoco

    loaded = mujoco.MjModel.from_xml_path(model)
    data = mujoco.MjData(loaded)
    try:
        renderer = mujoco.Renderer(loaded, _HEIGHT, _WIDTH)
    except Exception:  # EGL, OSMesa and drivers fail in many ways where there is no graphics
        return None
    images = []
    with renderer:
        for step in np.linspace(0, len(places) - 1, pictures).astype(int):
            data.qpos[:] = places[step]
            mujoco.mj_forward(loaded, data)
            renderer.update_scene(data, 0 if loaded.ncam else -1)
            images.append(renderer.render().copy())
    half = (pictures + 1) // 2
    images += [np.full_like(images[0], 255)] * (2 * half - pictures)
    rows = [np.concatenate(images[:half], axis=1), np.concatenate(images[half:], axis=1)]
    strip: NDArray[np.uint8] = np.concatenate(rows)
    return strip
