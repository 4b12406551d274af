"""A headless camera on a MuJoCo model, rendering on its own thread."""

from __future__ import annotations

import atexit
import math
import queue
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mbrl_ros.core.extensions import describe
from mbrl_ros.core.records import Observation
from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.simulation.physics import Physics
from mbrl_ros.simulation.plant import Plant
from mbrl_ros.simulation.settings import CameraSettings

Image = NDArray[np.uint8]
FREE_CAMERA = -1
# Tolerance for the rounding of stamps, as a share of the time between two frames.
_EARLY = 0.01


class Camera:
    """Renders the state of a plant at a rate in plant time.

    The stepping thread passes copies of the state; OpenGL and everything slow stay on the camera's
    thread, since a context belongs to one thread and a control step must not wait for an image.

    Attributes:
        name: of the camera in the model; its number if unnamed, ``free`` for a free one.
        failure: why there are no more images, in a line; empty: there are.
    """

    def __init__(
        self, plant: Plant, settings: CameraSettings, show: Callable[[Observation, Image], None]
    ) -> None:
        """Open the camera.

        Args:
            plant: has a MuJoCo model.
            settings: rate and size.
            show: called on the camera's thread with a state's observation and image, ``(height,
                width, 3)``.

        Raises:
            ValueError: without a MuJoCo model, such a camera, or a renderer.
        """
        self._physics, self._camera, self.name = _found(plant, settings)
        self._settings = settings
        self._show = show
        self.failure = ""
        self._newest = -1
        self._states: queue.Queue[tuple[Observation, FloatArray] | None] = queue.Queue(maxsize=1)
        self._ready = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._error is not None:
            raise _cannot_render(self._error) from self._error

    def offer(self, observation: Observation, *, wait: bool) -> None:
        """Pass the plant's state if a frame is due.

        Args:
            observation: of that state.
            wait: whether to wait for the previous frame instead of skipping this one.
        """
        number = math.floor(observation.time * self._settings.rate + _EARLY)
        if number <= self._newest or (self._states.full() and not wait):
            return
        self._newest = number
        self._hand_over((observation, self._physics.state()))

    def close(self) -> None:
        """Render pending states, and close."""
        self._hand_over(None)
        self._thread.join()

    def _hand_over(self, item: tuple[Observation, FloatArray] | None) -> None:
        # A failed camera accepts no states, and must not stop the plant.
        while self._thread.is_alive():
            try:
                return self._states.put(item, timeout=0.5)
            except queue.Full:
                continue

    def _run(self) -> None:
        try:
            renderer = _Renderer(self._physics.model, self._settings, self._camera)
        except Exception as error:
            self._error = error
            return
        finally:
            self._ready.set()
        try:
            while (item := self._states.get()) is not None:
                observation, state = item
                self._show(observation, renderer.render(state))
        except Exception as error:  # of a renderer, or a video that cannot be written
            self.failure = describe(error)
        finally:
            renderer.close()


class Eye:
    """A camera that renders at once, on the thread that steps the plant.

    Attributes:
        name: see `Camera`.
    """

    def __init__(self, plant: Plant, settings: CameraSettings) -> None:
        """Open the camera; arguments and exceptions as for `Camera`."""
        self._physics, camera, self.name = _found(plant, settings)
        try:
            self._renderer = _Renderer(self._physics.model, settings, camera)
        except Exception as error:
            raise _cannot_render(error) from error
        # Where the process ends first: OpenGL, which came before, ends after it.
        atexit.register(_close, weakref.ref(self._renderer))

    def look(self) -> Image:
        """Return the image of the plant's present state."""
        return self._renderer.render(self._physics.state())


class _Renderer:
    """MuJoCo's renderer with its own data; for use on one thread."""

    def __init__(self, model: Any, settings: CameraSettings, camera: int) -> None:
        import mujoco

        buffer = model.vis.global_
        buffer.offwidth = max(buffer.offwidth, settings.width)
        buffer.offheight = max(buffer.offheight, settings.height)
        self._model = model
        self._data = mujoco.MjData(model)
        self._camera = camera
        self._renderer = mujoco.Renderer(model, settings.height, settings.width)
        if not settings.effects:
            flags = self._renderer.scene.flags
            for effect in ("SHADOW", "REFLECTION", "SKYBOX"):
                flags[getattr(mujoco.mjtRndFlag, f"mjRND_{effect}")] = 0

    def render(self, state: FloatArray) -> Image:
        import mujoco

        mujoco.mj_setState(self._model, self._data, state, mujoco.mjtState.mjSTATE_INTEGRATION)
        mujoco.mj_forward(self._model, self._data)
        self._renderer.update_scene(self._data, self._camera)
        return self._renderer.render()

    def close(self) -> None:
        self._renderer.close()


def _close(reference: weakref.ref[_Renderer]) -> None:
    renderer = reference()
    if renderer is not None:
        renderer.close()


def _found(plant: Plant, settings: CameraSettings) -> tuple[Physics, int, str]:
    """Return the physics, the number and the name of a plant's camera."""
    if plant.physics is None:
        raise ValueError(
            f"camera: environment '{plant.name}' has no MuJoCo model to render; "
            "set camera.rate to 0"
        )
    camera = _camera_id(plant.physics.model, settings.name, plant.name)
    return plant.physics, camera, _camera_name(plant.physics.model, camera)


def _cannot_render(error: Exception) -> ValueError:
    return ValueError(
        f"camera: cannot render ({type(error).__name__}: {error}); "
        "set camera.rate to 0, or the environment variable MUJOCO_GL to egl or osmesa"
    )


def _camera_id(model: Any, name: str, environment: str) -> int:
    names = [model.camera(i).name for i in range(model.ncam)]
    if not name:
        return 0 if names else FREE_CAMERA
    if name not in names:
        known = ", ".join(names) or "none"
        raise ValueError(
            f"camera.name: environment '{environment}' has no camera '{name}', it has: {known}"
        )
    return names.index(name)


def _camera_name(model: Any, camera: int) -> str:
    return "free" if camera == FREE_CAMERA else model.camera(camera).name or str(camera)
