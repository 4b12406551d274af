"""The page over its connections, as browsers use them."""

import contextlib
import io
import math
import threading
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from reports import messages as m
from support import messages
from support.waiting import PATIENCE, eventually

viser = pytest.importorskip("viser", reason="the page needs viser")
from msgspec import msgpack  # noqa: E402
from websockets.exceptions import ConnectionClosed  # noqa: E402
from websockets.sync.client import connect  # noqa: E402

from mbrl_ros.web.controls import Control  # noqa: E402
from mbrl_ros.web.page import Page  # noqa: E402
from mbrl_ros.web.watched import Watched  # noqa: E402

WEIGHT = Control("mpc_controller", "objective.up.weight", 0.5, low=0.0)
CAMERA = {
    "type": "ViewerCameraMessage", "wxyz": (1, 0, 0, 0), "position": (0, 0, 3), "fov": 1.0,
    "near": 0.1, "far": 100.0, "image_height": 600, "image_width": 800, "look_at": (0, 0, 0),
    "up_direction": (0, 0, 1),
}  # fmt: skip


class Asked:
    """What viewers asked for."""

    def __init__(self):
        self.of = []

    def stop(self):
        self.of.append("stop")

    def call(self, name):
        self.of.append(name)

    def change(self, control, value):
        self.of.append((control.name, value))


@pytest.fixture
def asked():
    return Asked()


@pytest.fixture
def page(asked):
    made = Page("127.0.0.1", 0, "", asked, "a task")
    made.show_controls([WEIGHT])
    yield made
    made.close()


def connected(page, **headers):
    url = page.url.replace("http", "ws")
    protocols = [f"viser-v{viser.__version__}"]
    return connect(url, subprotocols=protocols, max_size=None, **headers)


@pytest.fixture
def viewer(page):
    """Return a function that opens the page; its connection hears all that is sent to it."""
    with contextlib.ExitStack() as stack:

        def look():
            socket = stack.enter_context(connected(page))
            socket.send(msgpack.encode(CAMERA))

            def hear():
                with contextlib.suppress(ConnectionClosed):
                    while True:
                        socket.recv()

            threading.Thread(target=hear, daemon=True).start()
            return socket

        yield look


def slider_of(page, number):
    return eventually(lambda: page._steerers[number]._widgets if number in page._steerers else 0)[
        WEIGHT.node, WEIGHT.name
    ][0]


def moved(slider, value):
    updates = {"value": value}
    return msgpack.encode(
        {"type": "GuiUpdateMessage", "uuid": slider._impl.uuid, "updates": updates}
    )


@pytest.mark.parametrize("origin", [None, "own"])
def test_the_page_itself_is_served(page, origin):
    with connected(page, origin=page.url if origin else None) as socket:
        assert socket.recv(timeout=PATIENCE)


@pytest.mark.parametrize("origin", ["https://evil.example.org", "http://localhost:1", "null"])
def test_pages_of_others_are_not(page, origin):
    with connected(page, origin=origin) as socket, pytest.raises(ConnectionClosed):
        socket.recv(timeout=PATIENCE)


def test_a_viewer_moves_their_own_sliders_and_nobody_elses(page, asked, viewer):
    first, second = viewer(), viewer()
    slider = slider_of(page, 0)
    own = slider_of(page, 1)
    second.send(moved(slider, 0.9))  # not theirs
    second.send(moved(own, 0.7))
    eventually(lambda: asked.of)
    assert asked.of == [(WEIGHT.name, 0.7)]
    first.send(moved(slider, 0.2))
    eventually(lambda: len(asked.of) == 2)
    assert asked.of[1] == (WEIGHT.name, 0.2)

    # What it became is shown to all, and is no new request.
    page.show_value(replace(WEIGHT, value=3.0))
    assert (slider.value, slider.max) == (own.value, own.max) == (3.0, 3.0)
    page.show_controls([replace(WEIGHT, value=0.4)])
    assert slider_of(page, 0) is slider  # still in hand
    assert slider.value == 0.4
    page.show_controls([WEIGHT, replace(WEIGHT, name="objective.up.target")])
    assert slider_of(page, 0) is not slider
    assert len(asked.of) == 2


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 1e308, -7.0])
def test_values_that_no_slider_has_are_typed(page, viewer, value):
    viewer()
    slider_of(page, 0)
    page.show_controls([replace(WEIGHT, name="x", value=value)])
    ((widget, _),) = page._steerers[0]._widgets.values()
    assert widget.value == pytest.approx(value, nan_ok=True)
    for other in (3.0, math.inf, math.nan, value):
        page.show_value(replace(WEIGHT, name="x", value=other))
        assert widget.value == pytest.approx(other, nan_ok=True)


def test_observations_of_another_size_are_not_drawn(page, viewer):
    viewer()
    eventually(lambda: page.is_watched)
    watched = Watched()
    for names in ([], ["x", "v"], ["v"]):
        watched.tell({"observation.names": names, "period": 0.1})
        for step, size in enumerate((0, 1, 2, 3, 1)):
            message = m.observation(0, step)
            message.values = np.ones(size)
            watched.feed("Observation", message, float(step))
            page._plots._choice.value = names[-1] if names else "…"
            page._plots.draw(watched, float(step))
        assert len(watched.observation) == (len(names) or 1)


def test_what_is_shown_is_drawn_only_for_viewers(page, viewer):
    watched, file = Watched(), io.BytesIO()
    Image.fromarray(np.full((48, 64, 3), 200, np.uint8)).save(file, format="png")
    whole = messages.make(
        "mbrl_ros/msg/Frame", header=messages.header(), episode=0, step=0, camera="front",
        encoding="png", width=64, height=48, data=np.frombuffer(file.getvalue(), np.uint8),
    )  # fmt: skip
    watched.feed("Frame", whole, 0.0)
    page.redraw(watched, 0.0)
    assert page._image is None
    viewer()
    eventually(lambda: page.is_watched)
    for count in range(6):
        page.redraw(watched, float(count))
    assert page._image.image.shape == (48, 64, 3)
    shown = page._image.image
    # Damaged ones change nothing: half of one, no image, a hole in it.
    for data in (whole.data[:60], whole.data[:3], np.delete(whole.data, np.s_[40:50])):
        watched.feed("Frame", replace(whole, data=data), 0.0)
        for count in range(6):
            page.redraw(watched, float(count))
        assert page._image.image is shown


def test_nobody_gets_a_tunnel_to_the_internet(page):
    assert page._server.request_share_url() is None


def test_an_address_of_another_computer_is_refused():
    with pytest.raises(ValueError, match=r"^host: '203.0.113.1' cannot be listened on: [^\n]*$"):
        Page("203.0.113.1", 0, "", None, "a task")
