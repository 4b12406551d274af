"""Choice of MuJoCo's OpenGL library on a machine without a display."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys

_EGL_PLATFORM_DEVICE = 0x313F

_MISSING = (
    "camera: found neither a working EGL nor OSMesa to render without a display; "
    "install one (Debian, Ubuntu: apt install libegl1 libgl1-mesa-dri, or libosmesa6) "
    "or set camera.rate to 0"
)


def choose(*, camera: bool) -> None:
    """Set ``MUJOCO_GL``, unless the user has; MuJoCo reads it when first imported.

    Without a camera nothing is rendered, and no graphics library is needed or loaded.

    Raises:
        ValueError: if a camera is requested and the machine has no rendering library.
    """
    if "MUJOCO_GL" in os.environ or not sys.platform.startswith("linux"):
        return
    if not camera:
        if "mujoco" not in sys.modules:
            os.environ["MUJOCO_GL"] = "disable"
    elif _egl_works():
        os.environ["MUJOCO_GL"] = "egl"
    elif ctypes.util.find_library("OSMesa"):
        os.environ["MUJOCO_GL"] = "osmesa"
    else:
        raise ValueError(_MISSING)


def _egl_works() -> bool:
    """Return whether EGL has a device that can be initialised, as MuJoCo does.

    The library alone is no evidence: containers often have it without a driver.
    """
    try:
        egl = ctypes.CDLL(ctypes.util.find_library("EGL") or "libEGL.so.1")
        lookup = egl.eglGetProcAddress
    except (OSError, AttributeError):
        return False
    pointer, integer = ctypes.c_void_p, ctypes.c_int
    lookup.restype, lookup.argtypes = pointer, [ctypes.c_char_p]
    query_address = lookup(b"eglQueryDevicesEXT")
    display_address = lookup(b"eglGetPlatformDisplayEXT")
    if not query_address or not display_address:
        return False
    query = ctypes.CFUNCTYPE(ctypes.c_uint, integer, pointer, pointer)(query_address)
    get_display = ctypes.CFUNCTYPE(pointer, ctypes.c_uint, pointer, pointer)(display_address)
    egl.eglInitialize.argtypes = [pointer] * 3
    devices, count = (pointer * 16)(), ctypes.c_int()
    if not query(16, devices, ctypes.byref(count)):
        return False
    displays = (get_display(_EGL_PLATFORM_DEVICE, d, None) for d in devices[: count.value])
    return any(display and egl.eglInitialize(display, None, None) for display in displays)
