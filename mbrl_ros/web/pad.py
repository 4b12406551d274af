"""A viewer's sliders of the actions, and the button that has them act while it is held."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.web.controls import Control

# Often enough for `TakeOver` [Hz].
_RATE = 20.0
# Keys that move the first sliders down and up, and by what share of the range.
_KEYS, _NUDGE = (("J", "L"), ("K", "I")), 0.1


class Pad:
    """Says what a person wants to do, not whether they may."""

    def __init__(
        self,
        gui: Any,
        action: Space,
        command: Callable[[Sequence[float]], None],
        acting: Callable[[], FloatArray | None],
        order: int,
    ) -> None:
        """Add it.

        Args:
            gui: viser's, of that viewer.
            action: A dimensions.
            command: called all the time while the button is held, with A values.
            acting: what the plant applies now; None: not known.
            order: among the other folders.
        """
        self._action, self._command, self._acting = action, command, acting
        self._registered: list[Any] = []
        self._folder = gui.add_folder("take over", order=order, expand_by_default=False)
        with self._folder:
            self._sliders = [self._slider(gui, i) for i in range(action.dim)]
            hold = gui.add_button(
                "Hold to command", color="orange",
                hint="what the sliders say, within the guard's limits, until you let go",
            )  # fmt: skip
            same = gui.add_button("Set to what acts now", color="gray")

        # On the event loop: in order, and at once.
        async def held(_: Any) -> None:
            command([slider.value for slider in self._sliders])

        hold.on_hold(held, callback_hz=_RATE)
        same.on_click(lambda _: self._adopt())
        for slider, keys in zip(self._sliders, _KEYS, strict=False):
            for key, share in zip(keys, (-_NUDGE, _NUDGE), strict=True):
                self._register(gui, slider, key, share)

    def remove(self) -> None:
        """Take it away."""
        for each in (self._folder, *self._registered):
            each.remove()

    def _slider(self, gui: Any, i: int) -> Any:
        name, low, high = self._action.names[i], self._action.low[i], self._action.high[i]
        value = float(self._action.neutral[i])
        if i in self._action.discrete_indices:
            return gui.add_slider(name, int(low), int(high), 1, initial_value=int(value))
        ends = Control("", name, value, low=low, high=high).slider()
        step = (ends[2] if ends else 0) or (high - low) / 100
        return gui.add_slider(name, low, high, step, initial_value=value)

    def _register(self, gui: Any, slider: Any, key: str, share: float) -> None:
        def nudge(_: Any) -> None:
            by = share * (slider.max - slider.min)
            by = round(by) or (1 if by > 0 else -1) if isinstance(slider.min, int) else by
            slider.value = min(max(slider.value + by, slider.min), slider.max)

        command = gui.add_command(f"{slider.label} {share:+.0%}", hotkey=key)
        command.on_trigger(nudge)
        self._registered.append(command)

    def _adopt(self) -> None:
        acting = self._acting()
        if acting is None or len(acting) != self._action.dim or not np.isfinite(acting).all():
            return
        for slider, value in zip(self._sliders, self._action.clip(acting), strict=True):
            slider.value = type(slider.min)(value)
