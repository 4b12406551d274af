"""A headless camera on a plant, rendering on its own thread where that is possible."""

from __future__ import annotations

import atexit
import math
import queue
import threading
import weakref
from collections.abc import Callable
from typing import Any, Protocol

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
            plant: has a MuJoCo model, or renders itself.
            settings: rate and size.
            show: called on the camera's thread with a state's observation and image, ``(height,
                width, 3)``.

        Raises:
            ValueError: without anything to render, such a camera, or a renderer.
        """
        self._scene = _found(plant, settings)
        self.name = self._scene.camera
        self._settings = settings
        self._show = show
        self.failure = ""
        self._newest = -1
        self._states: queue.Queue[tuple[Observation, Any] | None] = queue.Queue(maxsize=1)
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
        self._hand_over((observation, self._scene.state()))

    def close(self) -> None:
        """Render pending states, and close."""
        self._hand_over(None)
        self._thread.join()

    def _hand_over(self, item: tuple[Observation, Any] | None) -> None:
        # A failed camera accepts no states, and must not stop the plant.
        while self._thread.is_alive():
            try:
                return self._states.put(item, timeout=0.5)
            except queue.Full:
                continue

    def _run(self) -> None:
        try:
            renderer = self._scene.open()
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
        self._scene = _found(plant, settings)
        self.name = self._scene.camera
        try:
            self._renderer = self._scene.open()
        except Exception as error:
            raise _cannot_render(error) from error
        # Where the process ends first: OpenGL, which came before, ends after it.
        atexit.register(_close, weakref.ref(self._renderer))

    def look(self) -> Image:
        """Return the image of the plant's present state."""
        return self._renderer.render(self._scene.state())


class _Renderer(Protocol):
    """Draws what a scene's state shows; for use on one thread."""

    def render(self, state: Any) -> Image: ...

    def close(self) -> None: ...


class _Scene(Protocol):
    """What is rendered, and the name of the camera that sees it."""

    camera: str

    def state(self) -> Any:
        """Return a copy of its present state, on the thread that steps the plant."""

    def open(self) -> _Renderer:
        """Return what draws it, on the thread that is to draw."""


class _Model:
    """A MuJoCo model as a scene."""

    def __init__(self, physics: Physics, name: str, settings: CameraSettings) -> None:
        self._physics, self._settings = physics, settings
        self._number = _camera_id(physics.model, settings.name, name)
        self.camera = _camera_name(physics.model, self._number)

    def state(self) -> FloatArray:
        return self._physics.state()

    def open(self) -> _Renderer:
        return _ModelRenderer(self._physics.model, self._settings, self._number)


class _Drawn:
    """An environment that draws itself, as a scene; it can only on the thread that steps it."""

    def __init__(self, plant: Plant, settings: CameraSettings) -> None:
        self._environment, self.camera = plant.environment, settings.name or "rendered"
        height, width, _ = self.state().shape
        if (width, height) != (settings.width, settings.height):
            raise ValueError(
                f"camera: environment '{plant.name}' draws {width} x {height} pixels: expected "
                "these as camera.width and camera.height, got "
                f"{settings.width} x {settings.height}"
            )

    def state(self) -> Image:
        return np.array(self._environment.render(), np.uint8)

    def open(self) -> _Renderer:
        return self

    def render(self, state: Image) -> Image:
        return state

    def close(self) -> None:
        pass


class _ModelRenderer:
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


def _found(plant: Plant, settings: CameraSettings) -> _Scene:
    """Return what a plant's camera sees."""
    if plant.physics is not None:
        return _Model(plant.physics, plant.name, settings)
    if plant.environment.render_mode != "rgb_array":
        raise ValueError(
            f"camera: environment '{plant.name}' has no MuJoCo model to render; "
            "set camera.rate to 0"
        )
    return _Drawn(plant, settings)


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
