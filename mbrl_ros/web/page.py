"""The page: viser's server with the robot, curves and controls."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
import time
from collections.abc import Sequence
from html import escape
from typing import Any

import viser

from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.scene.posing import Poser
from mbrl_ros.web.access import is_foreign, is_local, is_token
from mbrl_ros.web.cameras import Cameras
from mbrl_ros.web.controls import Control
from mbrl_ros.web.goal_markers import GoalMarkers
from mbrl_ros.web.plots import Plots
from mbrl_ros.web.scene import Scene
from mbrl_ros.web.status import TEXT, news_html, status_html
from mbrl_ros.web.steerer import Steerer, Steering
from mbrl_ros.web.watched import Watched

# What is not the robot is drawn every so many redraws: curves are wider than poses on a slow line.
_SELDOM = 5
# Why there is no robot stands above the state; what grows and shrinks comes last, so that it moves
# nothing.
_EXCUSE, _LAST = -1.0, 1000.0
# A wrong token is answered after this time [s].
_THINK = 1.0


class _Server(viser.ViserServer):
    """A server that is never tunnelled to the internet, which any viewer could ask viser for."""

    def request_share_url(self, verbose: bool = True) -> str | None:
        """Refuse."""
        return None


class Times:
    """A slider over the time of a recorded run, which moves by itself; one for all viewers."""

    def __init__(self, gui: Any, duration: float) -> None:
        end = max(round(duration, 1), 0.1)
        self._slider = gui.add_slider("time [s]", 0.0, end, 0.1, initial_value=0.0, order=-3)
        self._now = 0.0
        self._speed = gui.add_dropdown(
            "speed", ("stopped", "x 1", "x 4", "x 16"), initial_value="x 1", order=-2
        )

    def passed(self, elapsed: float) -> float:
        """Return what time is shown after some more wall time, both in seconds."""
        if round(self._now, 1) != self._slider.value:  # somebody moved it
            self._now = self._slider.value
        factor = int(self._speed.value.partition(" ")[2] or 0)
        self._now = min(self._now + factor * elapsed, self._slider.max)
        self._slider.value = round(self._now, 1)
        return self._now


class Page:
    """Shows a system to any number of viewers; those at this computer, or with a token, steer.

    Attributes:
        url: where it is.
    """

    def __init__(
        self, host: str, port: int, token: str, steering: Steering | None, title: str
    ) -> None:
        """Serve.

        Args:
            host: address to listen on.
            port: preferred; the next free one is taken.
            token: with which others than viewers at this computer may steer; empty: nobody else.
            steering: does what viewers ask for; None: there is nothing to steer.
            title: of the page.

        Raises:
            ValueError: if the address is not this computer's.
        """
        try:
            with socket.create_server((host, 0)):
                pass
        except OSError as error:
            raise ValueError(f"host: '{host}' cannot be listened on: {error.strerror}") from None
        self._token, self._steering = token, steering
        with contextlib.redirect_stdout(io.StringIO()):  # a banner of its own
            self._server = _Server(host, port, verbose=False)
        shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::1", "::") else host
        self.url = f"http://{shown}:{self._server.get_port()}"
        self._lock = threading.RLock()
        self._steerers: dict[int, Steerer] = {}
        self._controls: list[Control] = []
        self._scene: Scene | None = None
        self._goals: GoalMarkers | None = None
        self._excuse: Any = None
        self._action: Space | None = None
        self._acting: FloatArray | None = None
        self._supposed = ""
        self._count = 0
        self._server._websock_server.on_client_connect(self._refuse_foreign)
        gui = self._server.gui
        gui.configure_theme(show_logo=False, show_share_button=False)
        gui.set_panel_label(title)
        self._server.scene.set_up_direction("+z")
        panel = gui.add_panel()
        with panel.add_tab("Curves", viser.Icon.CHART_LINE):
            self._plots = Plots(gui)
        self._cameras = Cameras(gui, panel)
        panel.dock_left()
        panel.set_width(400)
        gui.main_panel.dock_right()
        gui.main_panel.set_width(340)
        self._status = gui.add_html("waiting for the system …", order=0)
        self._news = gui.add_html("", order=_LAST)
        self._server.on_client_connect(self._welcome)
        self._server.on_client_disconnect(self._forget)

    @property
    def is_watched(self) -> bool:
        """Whether anybody looks."""
        return bool(self._server.get_clients())

    def show_robot(self, poser: Poser) -> None:
        """Show a robot's model, from now on."""
        if self._excuse is not None:
            self._excuse.remove()
        self._scene = Scene(self._server, poser)
        self._goals = GoalMarkers(self._server.scene, poser, self._scene.extent)

    def show_no_robot(self, reason: str) -> None:
        """Say why there is no model."""
        text = f"<div style='{TEXT}'>no 3-D view: {escape(reason)}</div>"
        self._excuse = self._server.gui.add_html(text, order=_EXCUSE)

    def show_controls(self, controls: Sequence[Control]) -> None:
        """Offer these controls; what somebody has in hand stays, if it is among them as it was."""
        with self._lock:
            before, self._controls = self._controls, list(controls)
            if [c.kind for c in before] == [c.kind for c in controls]:
                for control in controls:
                    self.show_value(control)
                return
            for steerer in self._steerers.values():
                steerer.offer(self._controls)

    def show_value(self, control: Control) -> None:
        """Show that a parameter has another value, whoever set it."""
        with self._lock:
            for i, each in enumerate(self._controls):
                if (each.node, each.name) == (control.node, control.name):
                    self._controls[i] = control
            for steerer in self._steerers.values():
                steerer.show(control)

    def show_supposed(self, objective: str) -> None:
        """Show for which objective, not the present one, a plan is asked for; empty: for none."""
        with self._lock:
            self._supposed = objective
            for steerer in self._steerers.values():
                steerer.show_supposed(objective)

    def say(self, text: str, good: bool = True) -> None:
        """Tell those who steer what came of a request."""
        with self._lock:
            for steerer in self._steerers.values():
                steerer.say(text, good)

    def add_times(self, duration: float) -> Times:
        """Return a slider over the time of a recorded run [s]."""
        return Times(self._server.gui, duration)

    def redraw(self, watched: Watched, now: float) -> None:
        """Show the newest state; without viewers this does nothing."""
        if not self.is_watched:
            return
        self._count += 1
        if self._scene is not None:
            self._scene.draw(watched)
            self._draw_goals(watched, now)
        self._acting = watched.acting
        self._offer_commands(watched.action_space)
        if self._count % _SELDOM != 1:
            return
        with self._server.atomic():
            self._status.content = status_html(watched, now)
            self._news.content = news_html(watched, now)
            self._plots.draw(watched, now)
        self._cameras.draw(watched)

    def close(self) -> None:
        """Stop serving."""
        with contextlib.redirect_stdout(io.StringIO()):
            self._server.stop()

    def _draw_goals(self, watched: Watched, now: float) -> None:
        if self._goals is None:
            return
        with self._lock:
            handles = [steerer.handles for steerer in self._steerers.values()]
            targets = self._goals.draw(watched, handles, now)
        if targets and self._steering is not None:
            self._steering.aim(watched.goal_for(targets))

    def _offer_commands(self, action: Space | None) -> None:
        if action is None or action == self._action:
            return
        with self._lock:
            self._action = action
            for steerer in self._steerers.values():
                steerer.offer_commands(action, lambda: self._acting)

    def _request(self, number: int) -> tuple[str, str, str]:
        """Return a viewer's address, and the request's headers Origin and Host."""
        connection = self._server._websock_server._live_connections[number]
        headers = connection.request.headers if connection.request else {}
        return connection.remote_address[0], headers.get("Origin", ""), headers.get("Host", "")

    async def _refuse_foreign(self, connection: Any) -> None:
        _, origin, host = self._request(connection.client_id)
        if is_foreign(origin, host):
            await self._server._websock_server._live_connections[connection.client_id].close()

    def _welcome(self, client: viser.ClientHandle) -> None:
        if self._steering is None:
            return
        try:
            address, _, host = self._request(client.client_id)
        except KeyError:
            return  # gone already
        if is_local(address, host):
            self._let_steer(client)
            return
        if not self._token:
            client.gui.add_html("<i>You can watch; steering needs a token.</i>", order=1)
            return
        with client.gui.add_folder("Steering needs the token", order=1) as folder:
            given = client.gui.add_text("token", "")
            enter = client.gui.add_button("Enter")

        def look(_: Any) -> None:
            if is_token(given.value, self._token):
                folder.remove()
                self._let_steer(client)
            else:
                time.sleep(_THINK)
                client.add_notification("Wrong token", "", color="red", auto_close_seconds=4.0)

        enter.on_click(look)

    def _let_steer(self, client: viser.ClientHandle) -> None:
        assert self._steering is not None
        # Atomic, so that nothing is moved in the browser before all is as it is now.
        with self._lock, client.atomic():
            steerer = Steerer(client, self._steering)
            self._steerers[client.client_id] = steerer
            steerer.offer(self._controls)
            steerer.show_supposed(self._supposed)
            if self._action is not None:
                steerer.offer_commands(self._action, lambda: self._acting)

    def _forget(self, client: viser.ClientHandle) -> None:
        with self._lock:
            self._steerers.pop(client.client_id, None)
