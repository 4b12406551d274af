"""The page over its connections, as browsers use them."""

import contextlib
import io
import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from reports import messages as m
from support import messages
from support.waiting import PATIENCE, eventually

pytest.importorskip("viser", reason="the page needs viser")
from msgspec import msgpack
from support.viewers import connected, viewing
from websockets.exceptions import ConnectionClosed

from mbrl_ros.scene.posing import Poser
from mbrl_ros.web.controls import Control
from mbrl_ros.web.page import Page
from mbrl_ros.web.watched import Future, Watched

WEIGHT = Control("mpc_controller", "objective.up.weight", 0.5, low=0.0)


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

    def aim(self, goal):
        self.of.append(goal)

    def suppose(self, objective):
        self.of.append(("what if", objective))

    def command(self, who, values):
        self.of.append((who, values))
        return True


@pytest.fixture
def asked():
    return Asked()


@pytest.fixture
def page(asked):
    made = Page("127.0.0.1", 0, "", asked, "a task")
    made.show_controls([WEIGHT])
    yield made
    made.close()


@pytest.fixture
def viewer(page):
    """Return a function that opens the page."""
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(viewing(page.url))


def steerer_of(page, number):
    """Wait until a viewer has been offered everything; what comes earlier may be overwritten."""

    def offered():
        with page._lock:
            return page._steerers.get(number)

    return eventually(offered)


def slider_of(page, number):
    return steerer_of(page, number)._widgets[WEIGHT.node, WEIGHT.name][0]


def moved(slider, value):
    updates = {"value": value}
    return msgpack.encode(
        {"type": "GuiUpdateMessage", "uuid": slider._impl.uuid, "updates": updates}
    )


@pytest.mark.parametrize("origin", [None, "own"])
def test_the_page_itself_is_served(page, origin):
    with connected(page.url, origin=page.url if origin else None) as socket:
        assert socket.recv(timeout=PATIENCE)


@pytest.mark.parametrize("origin", ["https://evil.example.org", "http://localhost:1", "null"])
def test_pages_of_others_are_not(page, origin):
    with connected(page.url, origin=origin) as socket, pytest.raises(ConnectionClosed):
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
    watched.feed("Frame", replace(whole, camera="wrist"), 0.0)
    watched.feed("Reconstruction", whole, 0.0)
    page.redraw(watched, 0.0)
    images = page._cameras._images
    assert not images
    viewer()
    eventually(lambda: page.is_watched)
    for count in range(6):
        page.redraw(watched, float(count))
    assert sorted(images, key=lambda name: images[name].order) == [
        "front", "front, as the model tells it", "wrist"
    ]  # fmt: skip
    shown = images["front"].image
    assert shown.shape == (48, 64, 3)
    # Damaged ones change nothing: half of one, no image, a hole in it.
    for data in (whole.data[:60], whole.data[:3], np.delete(whole.data, np.s_[40:50])):
        watched.feed("Frame", replace(whole, data=data), 0.0)
        for count in range(6):
            page.redraw(watched, float(count))
        assert images["front"].image is shown


CARTS = """<mujoco><worldbody>
  <body name="cart"><joint name="x" type="slide" axis="1 0 0"/><geom type="box" size=".1 .1 .1"/>
  </body></worldbody></mujoco>"""
PARAMETERS = {
    "observation.names": ["x", "v"], "observation.low": [-2.0, -9.0],
    "observation.high": [2.0, 9.0], "action.names": ["push", "choice"],
    "action.low": [-3.0, 0.0], "action.high": [3.0, 2.0], "action.discrete": ["choice"],
}  # fmt: skip


def wanted(target):
    there = {"type": "tolerance", "of": ["x"], "target": [target], "change": False,
             "weight": 1.0}  # fmt: skip
    content = json.dumps({"terms": {"there": there}, "goal": {}})
    return SimpleNamespace(content=content)


@pytest.fixture
def system(page, tmp_path):
    """Return a system that is watched, whose target is at 0.5."""
    file = tmp_path / "model.xml"
    file.write_text(CARTS)
    page.show_robot(Poser.of_file(str(file), ["x", "v"]))
    watched = Watched()
    watched.tell(PARAMETERS)
    message = m.observation(0, 0)
    message.values, message.action = np.array([0.1, 0.0]), np.array([5.0, 1.0])
    watched.feed("Observation", message, 0.0)
    watched.feed("Objective", wanted(0.5), 0.0)
    return watched


def test_where_the_best_candidates_lead_is_drawn_beside_the_plan(page, system):
    drawn = page._scene._plan
    mean = np.array([(0.1, 0.0), (0.2, 0.0), (0.4, 0.0)])
    for others in ([], [mean + 1.0], [mean + 1.0, mean + np.nan, mean - 1.0], []):
        system.future = Future(0, mean, np.zeros_like(mean), np.reshape(others, (-1, 3, 2)), 1.0)
        page._scene.draw(system)
        told = [each for each in others if np.isfinite(each).all()]
        assert drawn._lines["mean"].visible
        line = drawn._lines.get("candidates")
        assert bool(line and line.visible) == bool(told)
        if told:
            tip = drawn._lines["mean"].points[0, 0, 0] - mean[0, 0]
            starts = [each[0, 0] + tip for each in told]
            assert line.points[[2 * i for i in range(len(told))], 0, 0] == pytest.approx(starts)
    system.future = None
    page._scene.draw(system)
    assert not any(line.visible for line in drawn._lines.values())


def handle_of(page, number, watched):
    def offered():
        page.redraw(watched, 0.0)
        return number in page._steerers and [*page._steerers[number].handles._handles.values()]

    (handle,) = eventually(offered)
    return handle


def test_a_target_is_dragged_by_who_steers_and_followed_by_all(page, asked, viewer, system):
    first = viewer()
    mine, ball = handle_of(page, 0, system), page._goals._balls[1]
    viewer()
    theirs = handle_of(page, 1, system)
    assert mine.active_axes == (True, False, False)
    for each in (mine, theirs, ball):
        assert each.position == pytest.approx([0.5, 0, 0])

    name, owner = {"name": mine.name}, {"owner": "0"}
    first.send(msgpack.encode({"type": "TransformControlsDragStartMessage", **name, **owner}))
    moved = {"wxyz": (1, 0, 0, 0), "position": (-1.2, 0.3, 0.0)}
    first.send(msgpack.encode({"type": "TransformControlsUpdateMessage", **name, **moved, **owner}))

    def sent():
        page.redraw(system, 0.1)
        return asked.of

    assert eventually(sent) == [{"x": pytest.approx(-1.2)}]
    # The others see it at once; in the hand it stays where it is held.
    assert theirs.position == pytest.approx([-1.2, 0, 0], abs=1e-6)
    assert mine.position == pytest.approx([-1.2, 0.3, 0])
    first.send(msgpack.encode({"type": "TransformControlsDragEndMessage", **name, **owner}))
    eventually(lambda: not page._steerers[0].handles.holding)
    system.feed("Objective", wanted(-1.2), 0.2)
    page.redraw(system, 0.2)
    assert mine.position == pytest.approx([-1.2, 0, 0], abs=1e-6)
    # Somebody else sets another one; then an objective without a target is chosen.
    system.feed("Objective", wanted(1.5), 0.3)
    page.redraw(system, 0.3)
    for each in (mine, theirs, ball):
        assert each.position == pytest.approx([1.5, 0, 0])
    system.feed("Objective", SimpleNamespace(content="{}"), 0.4)
    page.redraw(system, 0.4)
    assert not page._goals._balls
    assert not page._steerers[0].handles._handles
    assert len(asked.of) == 1


def test_a_refused_target_goes_back(page, asked, viewer, system):
    viewer()
    handle = handle_of(page, 0, system)
    page._steerers[0].handles._moved[1] = np.array([1.0, 0.0, 0.0])
    page.redraw(system, 10.0)
    assert asked.of == [{"x": pytest.approx(1.0)}]
    assert handle.position == pytest.approx([1.0, 0, 0], abs=1e-6)
    page.redraw(system, 12.0)
    assert handle.position == pytest.approx([0.5, 0, 0], abs=1e-6)


def test_a_viewer_commands_for_as_long_as_they_hold_the_button(page, asked, viewer, system):
    first = viewer()

    def offered():
        page.redraw(system, 0.0)
        return 0 in page._steerers and page._steerers[0]._pad

    pad = eventually(offered)
    push, choice = pad._sliders
    assert (push.min, push.max, push.value) == (-3.0, 3.0, 0.0)
    assert (choice.min, choice.max, choice.step) == (0, 2, 1)
    hold = next(h for h in page._steerers[0]._client.gui._gui_input_handle_from_uuid.values()
                if getattr(h, "label", "") == "Hold to command")  # fmt: skip
    push.value = 1.5
    for _ in range(2):
        first.send(
            msgpack.encode(
                {"type": "GuiButtonHoldMessage", "uuid": hold._impl.uuid, "frequency": 20.0}
            )
        )
    eventually(lambda: len(asked.of) == 2)
    assert asked.of == [(0, [1.5, 0])] * 2
    pad._adopt()
    assert (push.value, choice.value) == (3.0, 1)  # what acts, within the limits
    for strange in ([math.nan, 1.0], [1.0], None):
        page._acting = strange if strange is None else np.array(strange)
        pad._adopt()
        assert (push.value, choice.value) == (3.0, 1)


def test_a_viewer_asks_what_if_and_all_see_for_what(page, asked, viewer):
    active = Control("mpc_controller", "objective.active", "up", choices=("up", "left"))
    page.show_controls([active])
    first = viewer()
    choice = steerer_of(page, 0)._what_if
    assert [*choice.options][1:] == ["up", "left"]
    first.send(moved(choice, "left"))
    eventually(lambda: asked.of == [("what if", "left")])
    page.show_supposed("left")
    viewer()
    other = steerer_of(page, 1)._what_if
    assert other.value == "left"
    first.send(moved(choice, choice.options[0]))
    eventually(lambda: asked.of[-1] == ("what if", ""))
    page.show_supposed("")
    assert other.value == choice.options[0]
    assert len(asked.of) == 2


def test_the_view_goes_to_where_the_robot_is_found(page, viewer, system):
    camera, resting = page._server.initial_camera, page._server.initial_camera.look_at
    viewer()
    eventually(lambda: page.is_watched)
    (client,) = page._server.get_clients().values()
    for x in (40.0, 41.0, 0.0):
        message = m.observation(0, int(x))
        message.values = np.array([x, 0.0])
        system.feed("Observation", message, x)
        page.redraw(system, x)
        assert camera.look_at[0] == pytest.approx(resting[0] + x, abs=0.2)
        assert camera.position[0] - camera.look_at[0] == pytest.approx(page._scene.extent / 4)
        # Who looks already keeps their own view, but of where the robot is.
        assert client.camera.look_at[0] == pytest.approx(camera.look_at[0], abs=1e-6)
        beside = client.camera.position[0] - client.camera.look_at[0]
        assert beside == pytest.approx(page._scene.extent / 4, abs=1e-6)
    message.values = np.array([math.nan, 0.0])
    system.feed("Observation", message, 50.0)
    page.redraw(system, 50.0)
    assert np.isfinite(camera.look_at).all()


def test_why_there_is_no_robot_is_told_until_there_is_one(page, tmp_path):
    file = tmp_path / "model.xml"
    file.write_text(CARTS)
    page.show_no_robot("<nobody> knows")
    excuse = page._excuse
    assert "no 3-D view: &lt;nobody&gt; knows" in excuse.content
    page.show_robot(Poser.of_file(str(file), ["x", "v"]))
    assert excuse._impl.removed


def test_nobody_gets_a_tunnel_to_the_internet(page):
    assert page._server.request_share_url() is None


def test_an_address_of_another_computer_is_refused():
    with pytest.raises(ValueError, match=r"^host: '203.0.113.1' cannot be listened on: [^\n]*$"):
        Page("203.0.113.1", 0, "", None, "a task")
