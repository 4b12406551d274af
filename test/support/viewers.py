"""A browser's connection to the page, without the browser; needs viser."""

import contextlib
import threading

import viser
from msgspec import msgpack
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

_CAMERA = {
    "type": "ViewerCameraMessage", "wxyz": (1, 0, 0, 0), "position": (0, 0, 3), "fov": 1.0,
    "near": 0.1, "far": 100.0, "image_height": 600, "image_width": 800, "look_at": (0, 0, 0),
    "up_direction": (0, 0, 1),
}  # fmt: skip


def connected(url, **headers):
    """Connect to the page at an address; nobody counts as a viewer before there is a camera."""
    protocols = [f"viser-v{viser.__version__}"]
    return connect(url.replace("http", "ws"), subprotocols=protocols, max_size=None, **headers)


@contextlib.contextmanager
def viewing(url):
    """Open the page as a viewer, and hear all that is sent to it."""
    with connected(url) as socket:
        socket.send(msgpack.encode(_CAMERA))

        def hear():
            with contextlib.suppress(ConnectionClosed):
                while True:
                    socket.recv()

        threading.Thread(target=hear, daemon=True).start()
        yield socket
