"""A recorded run on the page, at any time of it."""

from __future__ import annotations

import bisect
import math
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mbrl_ros.core.settings import SettingsError, build, for_node, specs
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.data.bag_records import by_name
from mbrl_ros.data.bags import Recorded, read_messages
from mbrl_ros.scene.posing import Poser
from mbrl_ros.scene.settings import DrawnSettings
from mbrl_ros.simulation.settings import SimulatorSettings
from mbrl_ros.system.bag_task import task_file_of
from mbrl_ros.web.page import Page
from mbrl_ros.web.watched import Watched

_PERIOD = 0.1
_OBSERVATION = "mbrl_ros/msg/Observation"
_OURS = (
    "Action", "ControllerStatus", "Frame", "GuardStatus", "Intervention", "Objective",
    "Observation", "Plan", "TrainingStatus", "Transition",
)  # fmt: skip
_TYPES = {
    **{f"mbrl_ros/msg/{kind}": kind for kind in _OURS},
    "sensor_msgs/msg/JointState": "JointState",
    "diagnostic_msgs/msg/DiagnosticArray": "DiagnosticArray",
}


class Playback:
    """What a bag holds, as it was known at each time.

    Attributes:
        duration: from the first message to the last [s].
        parameters: of the run, node name, or ``**``, to flat parameters; empty: not known.
    """

    def __init__(self, path: Path) -> None:
        """Read a bag, as a whole.

        Args:
            path: of a bag, or of the folder of a run that has one.

        Raises:
            ValueError: if it is no bag, or nothing in it can be shown.
        """
        bag = path / "bag" if (path / "bag").is_dir() else path
        self._bag = bag
        self._messages: list[Recorded] = list(read_messages(bag, types=_TYPES))
        if not self._messages:
            raise ValueError(f"{bag}: expected messages of a run, found none")
        file = task_file_of(bag)
        self.parameters = file.nodes if file is not None else {}
        if not any(m.message.__msgtype__ == _OBSERVATION for m in self._messages):
            period = float(self.parameters.get("**", {}).get("period", TaskSettings().period))
            with by_name(bag):
                self._messages = _observed(self._messages, period)
        self._times = [message.time * 1e-9 for message in self._messages]
        self.duration = self._times[-1] - self._times[0]
        self._watched, self._fed = self._begun(), 0

    def at(self, seconds: float) -> tuple[Watched, float]:
        """Return what was known by a time since the first message, and that time since 1970 [s].

        Raises:
            BagError: naming the message and the field, if one is of another version.
        """
        now = self._times[0] + seconds
        until = bisect.bisect_right(self._times, now)
        if until < self._fed:
            self._watched, self._fed = self._begun(), 0
        for i in range(self._fed, until):
            message = self._messages[i].message
            with by_name(self._bag):
                self._watched.feed(_TYPES[message.__msgtype__], message, self._times[i])
        self._fed = until
        return self._watched, now

    def poser(self) -> Poser:
        """Return what poses the run's plant.

        Raises:
            ValueError: if it is not known, or no simulation that has a model; one line.
        """
        own = {spec.name for spec in specs(SimulatorSettings)}
        given = for_node(self.parameters, "mujoco_sim") if self.parameters else {}
        if not given.get("environment"):
            raise ValueError("which plant it was is not known")
        settings = build(SimulatorSettings, {n: v for n, v in given.items() if n in own})
        return Poser.of_plant(settings)

    def _begun(self) -> Watched:
        watched = Watched(recorded=True)
        watched.tell(self.parameters.get("**", {}))
        return watched


def _observed(messages: Sequence[Recorded], period: float) -> list[Recorded]:
    """Return the observations of transitions, where a bag has no others, and the transitions.

    They are a period [s] apart: what learned in lock-step was now faster, now slower.
    """
    made: list[Recorded] = []
    place: tuple[int, int] | None = None
    steps = 0

    def observation(of: Any, later: int) -> SimpleNamespace:
        return SimpleNamespace(
            __msgtype__=_OBSERVATION,
            episode=of.episode,
            step=of.step + later,
            values=of.next_observation if later else of.observation,
            action=of.action if later else (),
            action_step=of.step if later else -1,
            reward=of.reward if later else math.nan,
            terminated=bool(later and of.terminated),
            truncated=bool(later and of.truncated),
        )

    for each in messages:
        of, shown = each.message, [each.message]
        if of.__msgtype__ == "mbrl_ros/msg/Transition":
            begins = place != (of.episode, of.step)
            shown = [*([observation(of, 0)] if begins else []), of, observation(of, 1)]
            place = of.episode, of.step + 1
        for message in shown:
            steps += message.__msgtype__ == _OBSERVATION
            made.append(each._replace(time=round(steps * period * 1e9), message=message))
    return made


def play(path: Path, host: str, port: int, drawn: DrawnSettings) -> None:
    """Serve the page of a recorded run, until interrupted.

    Args:
        path: as for `Playback`.
        host: address to listen on.
        port: preferred.
        drawn: which model it is.

    Raises:
        ValueError: naming what is wrong with one of these.
    """
    playback = Playback(path)
    names = playback.parameters.get("**", {}).get("observation.names", [])
    page = Page(host, port, "", None, path.resolve().name)
    print(f"the page is at {page.url}; Ctrl-C ends it", flush=True)
    try:
        page.show_robot(
            Poser.of_file(drawn.model, names, drawn.joints) if drawn.model else playback.poser()
        )
    except (ValueError, SettingsError) as error:
        page.show_no_robot(str(error))
    times = page.add_times(playback.duration)
    last = time.monotonic()
    while True:
        elapsed, last = time.monotonic() - last, time.monotonic()
        if page.is_watched:
            page.redraw(*playback.at(times.passed(elapsed)))
        time.sleep(_PERIOD)
