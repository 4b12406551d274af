"""What a viewer who may steer has on the page: buttons, and a widget for each parameter."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import viser

from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.web.controls import Control
from mbrl_ros.web.goal_markers import GoalHandles
from mbrl_ros.web.pad import Pad

# viser's buttons are small, and the e-stop is the only red one.
_LARGE_STOP = (
    "<style>button[style*='mantine-color-red']{height:72px!important;font-size:26px!important;"
    "font-weight:800!important;letter-spacing:2px}</style>"
)
# The parameter that chooses among the objectives.
_ACTIVE = "objective.active"
# No objective: those that there are have names without a space.
_NOTHING = "no other objective"
# Where each is below the state; groups of parameters come after.
_FIRST_BUTTONS, _WHAT_IF, _PAD, _GROUPS = 10, 15, 20, 30
_BUTTONS = {
    "plant": {"Reset": "reset", "Pause": "pause", "Resume": "resume"},
    "go on for": {"1 step": "step", "1 s": "second"},
    "model": {"Roll back": "rollback", "Use newest": "use_newest_model"},
}


class Steering(Protocol):
    """What viewers may do; called on the page's threads."""

    def stop(self) -> None:
        """Press the e-stop, at once."""

    def call(self, name: str) -> None:
        """Ask for one of: arm, reset, pause, resume, step, second, rollback, use_newest_model."""

    def change(self, control: Control, value: Any) -> None:
        """Set a parameter; ValueError: it cannot be such a value."""

    def aim(self, goal: Mapping[str, float]) -> None:
        """Want observation dimensions at other targets."""

    def suppose(self, objective: str) -> None:
        """Show what would be planned for another objective, by its name; empty: no more."""

    def command(self, who: int, values: Sequence[float]) -> bool:
        """Command the plant, for as long as this is repeated; false: another viewer does."""


class Steerer:
    """A viewer's own buttons and controls; nobody else's connection can use them.

    Attributes:
        handles: at the targets in the scene.
    """

    def __init__(self, client: viser.ClientHandle, steering: Steering) -> None:
        """Add the buttons.

        Args:
            client: the viewer.
            steering: does what they ask for.
        """
        self._client, self._steering = client, steering
        self._widgets: dict[tuple[str, str], tuple[Any, Control]] = {}
        self._folders: list[Any] = []
        self._pad: Pad | None = None
        self._commands = True
        self._what_if: Any = None
        self.handles = GoalHandles(client.scene)
        gui = client.gui
        panel = gui.add_panel(order=-1)
        with panel.add_tab("Stop", viser.Icon.HAND_STOP):
            gui.add_html(_LARGE_STOP)
            stop = gui.add_button("E-STOP", color="red", hint="only the safe command, until armed")
            arm = gui.add_button("Arm", color="gray", hint="end an e-stop")
        # Above the scene, where no notice covers it: these come from the top.
        panel.float(x=-12, y=-12, width=260)
        panel.expand()  # on a telephone, too

        # As the button goes down, and on the event loop; by the keyboard it is only clicked.
        async def pressed(_: Any) -> None:
            steering.stop()

        stop.on_hold(pressed)
        stop.on_click(pressed)
        arm.on_click(lambda _: steering.call("arm"))
        for i, (label, names) in enumerate(_BUTTONS.items()):
            group = gui.add_button_group(label, tuple(names), order=_FIRST_BUTTONS + i)
            group.on_click(partial(_pressed, steering, group, names))

    def offer(self, controls: Sequence[Control]) -> None:
        """Replace all controls."""
        for folder in self._folders:
            folder.remove()
        self._folders, self._widgets = [], {}
        groups: dict[str, list[Control]] = {}
        for control in controls:
            groups.setdefault(control.group, []).append(control)
            if control.name == _ACTIVE:
                self._offer_variants(control.choices)
        for order, (group, members) in enumerate(groups.items()):
            open_first = group.startswith("objective")
            folder = self._client.gui.add_folder(
                group, order=_GROUPS + order, expand_by_default=open_first
            )
            self._folders.append(folder)
            with folder:
                for control in members:
                    widget = _widget(self._client.gui, control)
                    widget.on_update(self._changed(control))
                    self._widgets[control.node, control.name] = (widget, control)

    def _offer_variants(self, names: Sequence[str]) -> None:
        """Offer to show what would be planned for another objective, one of these."""
        options = (_NOTHING, *names)
        if self._what_if is None:
            offered = self._client.gui.add_dropdown(
                "what if", options, initial_value=_NOTHING, order=_WHAT_IF,
                hint="what would be planned for another objective, in purple",
            )  # fmt: skip
            offered.on_update(self._supposed)
            self._what_if = offered
        elif tuple(self._what_if.options) != options:
            self._what_if.options = options

    def offer_commands(self, action: Space, acting: Callable[[], FloatArray | None]) -> None:
        """Let the viewer command the plant.

        Args:
            action: A dimensions.
            acting: what the plant applies now; None: not known.
        """
        if self._pad is not None:
            self._pad.remove()
        self._pad = Pad(self._client.gui, action, self._command, acting, order=_PAD)

    def show_supposed(self, objective: str) -> None:
        """Show for which objective all viewers see a plan now; empty: none."""
        shown = objective or _NOTHING
        if self._what_if is not None and self._what_if.value != shown:
            self._what_if.value = shown

    def show(self, control: Control) -> None:
        """Show a new value."""
        if (control.node, control.name) not in self._widgets:
            return
        widget, _ = self._widgets[control.node, control.name]
        self._widgets[control.node, control.name] = (widget, control)
        value = _shown(control)
        for name, farther in (("min", min), ("max", max)):
            if (end := getattr(widget, name, None)) is not None:
                setattr(widget, name, farther(end, value))
        if widget.value != value:
            widget.value = value

    def say(self, text: str, good: bool) -> None:
        """Show a short message."""
        self._client.add_notification(
            text, "", color="green" if good else "red", auto_close_seconds=4.0 if good else 10.0
        )

    def _supposed(self, event: Any) -> None:
        if event.client_id is not None:
            value = event.target.value
            self._steering.suppose("" if value == _NOTHING else value)

    def _command(self, values: Sequence[float]) -> None:
        taken = self._steering.command(self._client.client_id, values)
        if self._commands is not taken:
            self._commands = taken
            if not taken:
                self.say("another viewer commands", good=False)

    def _changed(self, control: Control) -> Callable[[Any], None]:
        key = control.node, control.name

        def changed(event: Any) -> None:
            # What the page itself shows comes without a client.
            if event.client_id is None:
                return
            widget, present = self._widgets[key]
            try:
                value = present.parsed(widget.value)
                if value != present.value:
                    self._steering.change(present, value)
            except ValueError as error:
                self.say(str(error), good=False)
                widget.value = _shown(present)

        return changed


def _pressed(steering: Steering, group: Any, names: Mapping[str, str], _: Any) -> None:
    steering.call(names[group.value])


def _shown(control: Control) -> Any:
    """Return a value as its widget has it: lists are text."""
    value = control.value
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else value


def _widget(gui: Any, control: Control) -> Any:
    label, hint, value = control.label, control.description or None, _shown(control)
    if control.choices:
        return gui.add_dropdown(label, control.choices, initial_value=value, hint=hint)
    if isinstance(value, bool):
        return gui.add_checkbox(label, initial_value=value, hint=hint)
    if isinstance(value, str):
        return gui.add_text(label, initial_value=value, hint=hint)
    if ends := control.slider():
        low, high, step = ends
        kind = type(value)
        return gui.add_slider(
            label, kind(low), kind(high), kind(step), initial_value=value, hint=hint
        )
    finite = {
        name: type(value)(end)
        for name, end in (("min", control.low), ("max", control.high))
        if math.isfinite(end) and control.low <= value <= control.high
    }
    return gui.add_number(label, initial_value=value, hint=hint, **finite)
