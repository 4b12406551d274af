"""A robot as a plant: observations at every control period, commands checked before they act."""

from __future__ import annotations

import contextlib
import enum
import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mbrl_ros.core.extensions import describe
from mbrl_ros.core.limits import LimitSettings
from mbrl_ros.core.numbers import shown
from mbrl_ros.core.records import ENCODINGS, Frame, Observation, PlanGains
from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.data.frames import encode, fitted
from mbrl_ros.data.messages import nanoseconds
from mbrl_ros.robot.fields import FindClass
from mbrl_ros.robot.formulas import Formula
from mbrl_ros.robot.images import COMPRESSED, RAW, read_image
from mbrl_ros.robot.in_effect import InEffect
from mbrl_ros.robot.inner_loop import InnerLoop
from mbrl_ros.robot.listening import Listener, find_class
from mbrl_ros.robot.settings import BridgeSettings, CommandSettings, SourceSettings, check_topics
from mbrl_ros.robot.writing import MessageWriter, commanded
from mbrl_ros.safety.actuation import Actuation
from mbrl_ros.safety.command_latch import ReceivedCommand
from mbrl_ros.safety.rules import NoOlderThan
from mbrl_ros.safety.safe_command import SafeCommand

# How far an action may be beyond its limits as an episode begins, as a share of their range.
_TOLERANCE = 0.05


class _Stage(enum.Enum):
    WAITING = enum.auto()  # for the next episode to begin
    RESETTING = enum.auto()  # the robot's own service brings it back
    RUNNING = enum.auto()


@dataclass(frozen=True)
class Tick:
    """What is to be done in a control step.

    Attributes:
        observation: to publish; None: there is none.
        messages: to send, by the name of the command.
    """

    observation: Observation | None
    messages: Mapping[str, Any]


class RobotPlant:
    """A robot that is observed and commanded by its own topics.

    As with a simulated plant in real time, a step applies the newest command received before it
    begins: an action that answers observation k is in effect from k + 1 to k + 2. Without such a
    command, or with one older than ``command_timeout``, the safe command is sent; also where the
    controller sends its safe command. Where a source that is needed is missing or stale there is
    no observation, and the safe command is sent; the steps of an episode are counted on, so that
    what is missing shows. Where steps themselves fail to come, `overdue` sends it.

    Nothing is sent before the first episode begins, nor from when the reset service brings the
    robot back until the next one begins: what was held before would be a jump from where it is.

    All but `tick` may be called from another thread.

    Attributes:
        period: control period [s].
        problem: why there is no observation; empty: there is one.
        observation: the newest one.
        safe: what it applies when in doubt.
        listener: to its topics.
        formulas: of the observation dimensions.
        writers: of the messages of each command.
        of_actions: ``applied`` and ``resting``, with their formulas of all actions; or none.
    """

    def __init__(self, task: TaskSettings, settings: BridgeSettings, find: FindClass) -> None:
        """Check the mapping against the types of the messages.

        Args:
            task: spaces, period and safe command.
            settings: the bridge's, with a group for each source and command.
            find: the class of a message by its full name; raises LookupError if there is none.

        Raises:
            ValueError: naming the parameter that does not fit.
        """
        self.period = task.period
        self.problem = ""
        self.observation: Observation | None = None
        spaces = task.observation_space(), task.action_space()
        self._observed, self._action = spaces
        oldest = settings.oldest_command(task.period)
        if oldest < task.period:
            raise ValueError(
                f"command_timeout: expected at least the period of {task.period:g} s, since a "
                f"command waits that long for the next step, got {oldest:g}"
            )
        self.safe = SafeCommand.of(task)
        self._actuation = Actuation(self._action, self.safe, NoOlderThan(oldest, task.period))
        check_topics(settings, [*settings.heard, *settings.commands])
        self._cameras = self._checked_cameras(settings)
        self.listener = make_listener(settings, task.period, find)
        self.formulas = self.listener.formulas(settings.observe, "observe", self._observed.names)
        self.of_actions = {
            where: self.listener.formulas(lines, where, self._action.names) if lines else []
            for where, lines in (("applied", settings.applied), ("resting", settings.resting))
        }
        self._reward = self._alone(settings.reward, "reward", [*self.listener.sources])
        if self._reward is not None:
            self.listener.check(self._reward, "reward")
        self._ends = self._alone(settings.ends, "ends", self._observed.names)
        self._begins = self._alone(settings.begins, "begins", self._observed.names)
        self.writers = make_writers(settings, self._action.names, find)
        self._limit = round(settings.time_limit / task.period)
        self._has_reset = bool(settings.reset_service)
        self._stage = _Stage.WAITING
        # Whether it is this bridge that commands the robot.
        self._commands = False
        self._episode, self._step = 0, -1
        # In a step the newest command is at most so old.
        self._latest, self._ticked = oldest + task.period, math.inf
        self._in_effect: FloatArray | None = None
        self._effect = InEffect()
        self._inner = InnerLoop(task, settings.inner_loop) if settings.inner_loop else None
        self._limited = ""
        self._sent_step = -1
        self._cut = False
        self._feedback, self._given = settings.feedback, 0.0
        self._lock = threading.Lock()

    @property
    def intervention(self) -> str:
        """Why something else acts than the newest command; empty if that does."""
        return self.problem or self._actuation.intervention or self._limited

    @property
    def resetting(self) -> bool:
        """Whether the robot's reset service is to be called, or has not answered yet."""
        return self._stage is _Stage.RESETTING

    @property
    def refused(self) -> int:
        """Commands that were malformed."""
        return self._actuation.refused

    def hear(self, name: str, message: Any, now: float) -> None:
        """Take in a message; see `Listener.hear`."""
        self.listener.hear(name, message, now)

    def command(
        self,
        values: ArrayLike,
        episode: int,
        step: int,
        now: float,
        safe: bool = False,
        person: bool = False,
    ) -> bool:
        """Take a command; see `CommandLatch.take`."""
        with self._lock:
            seen = self.observation
            if seen is None:
                return False
            return self._actuation.take(values, episode, step, now, seen, safe, person)

    def follow(self, plan: PlanGains) -> None:
        """Take the plan by which commands are corrected in the inner loop."""
        with self._lock:
            if self._inner is not None:
                self._inner.follow(plan)

    def limit(self, limits: LimitSettings) -> None:
        """Keep to other limits in the inner loop; see `InnerLoop.limit`."""
        with self._lock:
            if self._inner is not None:
                self._inner.limit(limits)

    def between(self, now: float) -> Mapping[str, Any]:
        """Return what corrects the command between two control steps; none: it stays.

        To be called with each message of the first source.

        Args:
            now: on a clock that never jumps [s].
        """
        with self._lock:
            seen, decided, inner = self.observation, self._actuation.decided, self._inner
            if inner is None or seen is None or self._stage is not _Stage.RUNNING or self.problem:
                return {}
            if seen.step != self._step or decided is None or not inner.is_due(now):
                return {}
            newest = self._actuation.newest
            if decided.safe or newest is None or newest.safe:
                return {}  # nor is it corrected any more when the safe command is to follow
            if newest.person and not decided.person:
                return {}  # nor when a person has taken over
            try:
                values = self.listener.read(self.formulas, now)
                return self._act(decided, replace(seen, values=values), now)
            except Exception:  # the next control step says why, and sends the safe command
                return {}

    def overdue(self, now: float) -> Mapping[str, Any]:
        """Return the safe command where control steps fail to come; none: they come.

        To be called every period, on another thread than `tick`: a command acts for no longer than
        a step would let it.

        Args:
            now: on a clock that never jumps [s].
        """
        with self._lock:
            if now - self._ticked <= self._latest:
                return {}
            self.problem = f"no control step for {now - self._ticked:.2f} s"
            return self._safely(self._readings(now), now)

    def reset(self) -> None:
        """End the episode with the next observation, and begin another one after it."""
        with self._lock:
            self._cut = True

    def pay(self, reward: float) -> None:
        """Take in a reward that a person gives, for the present step; not if it is not finite."""
        with self._lock:
            if self._feedback and math.isfinite(reward):
                self._given += reward

    def restored(self) -> None:
        """Note that the robot's reset service has answered."""
        with self._lock:
            if self._stage is _Stage.RESETTING:
                self._stage = _Stage.WAITING

    def tick(self, now: float, stamp: int) -> Tick:
        """Take a control step.

        Args:
            now: on a clock that never jumps [s].
            stamp: now on the clock for stamps [ns].

        Raises:
            ValueError: if not even the safe command can be sent.
        """
        with self._lock:
            self._ticked = now
            if self._stage is _Stage.RESETTING:
                self.problem = "waiting for reset_service to bring the robot back"
                return Tick(None, {})
            if self._stage is _Stage.RUNNING:
                self._step += 1
            if (acted := self._effect.mean(now)) is not None:
                self._in_effect = acted
            if self._inner is not None:
                self._inner.step(now)
            self.problem = ""
            # How fast it moves is unknown before it is read.
            values = np.full(self._observed.dim, np.nan)
            try:
                values = self.listener.read(self.formulas, now)
                for camera in self._cameras:
                    self.listener.newest(camera, now)
                if self._stage is _Stage.WAITING:
                    self._begin(values, now)
                seen = self.observation = self._seen(values, now, stamp)
                if not seen.ended:
                    self._actuation.decide(seen, now)
                    decided = self._actuation.decided
                    self._sent_step = -1 if decided is None else decided.step
                    return Tick(seen, self._act(decided, seen, now))
            except Exception as error:  # whatever it is, the command before must not stay
                self.problem = str(error) if isinstance(error, ValueError) else describe(error)
                return Tick(None, self._safely(values, now))
            last = self._safely(values, now)
            if self._has_reset:
                self._stage, self._commands = _Stage.RESETTING, False
                self.safe.held = self.safe.resting
            else:
                self._stage = _Stage.WAITING
            return Tick(seen, last)

    def frame(self, camera: str, seen: Observation, now: float) -> Frame:
        """Return what a camera shows as a frame of an observation, of the size that models see.

        It takes a while, for an image that has to be decoded, so it is not a part of `tick`.

        Args:
            camera: one of the settings' cameras.
            seen: the observation.
            now: on a clock that never jumps [s].

        Raises:
            ValueError: if there is no image, or it cannot be read.
        """
        side, lossless = self._observed.image_size, ENCODINGS[0]
        message = self.listener.newest(camera, now)
        try:
            data = encode(fitted(read_image(message), side), lossless)
        except ValueError as error:
            raise ValueError(f"{camera}: {error}") from None
        stamp = nanoseconds(message.header.stamp) or seen.stamp
        return Frame(seen.episode, seen.step, camera, lossless, side, side, data, stamp)

    def _checked_cameras(self, settings: BridgeSettings) -> tuple[str, ...]:
        if set(settings.cameras) != set(self._observed.images):
            expected = ", ".join(self._observed.images) or "none"
            raise ValueError(
                f"cameras: expected observation.images, {expected}, got "
                f"{', '.join(settings.cameras) or 'none'}"
            )
        for camera in settings.cameras:
            if (kind := getattr(settings, camera).type) not in (RAW, COMPRESSED):
                raise ValueError(f"{camera}.type: expected {RAW} or {COMPRESSED}, got '{kind}'")
        return tuple(settings.cameras)

    def last_messages(self, now: float) -> Mapping[str, Any]:
        """Return the safe command, for the end; nothing where nothing is sent.

        Args:
            now: on a clock that never jumps [s].
        """
        with self._lock:
            return self._safely(self._readings(now), now)

    def _readings(self, now: float) -> FloatArray:
        """Return what is read now, shape ``(O,)``; NaN: unknown."""
        with contextlib.suppress(Exception):  # whatever it is, the safe command is sent
            return self.listener.read(self.formulas, now)
        return np.full(self._observed.dim, np.nan)

    def _begin(self, values: FloatArray, now: float) -> None:
        """Begin an episode.

        Raises:
            ValueError: if it is not the time for it.
        """
        if self._begins is not None and not self._holds(self._begins, values):
            raise ValueError(f"waiting for an episode to begin: {self._begins.text}")
        resting = self._read("resting", now)
        if resting is None:
            resting = self._told(now)
        if resting is None:
            resting = self.safe(values)
        self._check_begin(resting)
        if self.observation is not None:
            self._episode += 1
        self._step, self._cut, self._given = 0, False, 0.0
        self._stage, self._commands = _Stage.RUNNING, True
        self._in_effect = self._action.clip(resting)
        self._sent_step = -1
        self._actuation.begin(self._in_effect, self._episode, now)
        if self._inner is not None:
            self._inner.begin(self._in_effect)

    def _check_begin(self, resting: FloatArray) -> None:
        """Check that the robot need not jump into the limits of its actions."""
        action = self._action
        margin = _TOLERANCE * (action.upper - action.lower)
        for i in np.flatnonzero(
            (resting < action.lower - margin) | (resting > action.upper + margin)
        ):
            limits = f"[{shown(action.low[i])}, {shown(action.high[i])}]"
            raise ValueError(
                f"waiting for an episode to begin: {action.names[i]} would jump from "
                f"{resting[i]:.4g} into its limits {limits}"
            )

    def _seen(self, values: FloatArray, now: float, stamp: int) -> Observation:
        action = self._acted(now)
        begins = self._step == 0
        ended = not begins and self.ends(values)
        over = self._cut or (self._limit > 0 and self._step >= self._limit)
        return Observation(
            self._episode,
            self._step,
            values,
            action,
            self._sent_step,
            math.nan if begins else self.paid(now),
            ended,
            over and not begins and not ended,
            stamp,
        )

    def _acted(self, now: float) -> FloatArray:
        """Return what was in effect since the last observation."""
        told = self._told(now)
        action = self._in_effect if told is None else told
        assert action is not None
        return action

    def _told(self, now: float) -> FloatArray | None:
        """Return what is in effect by the robot's own word; None: unknown."""
        try:
            return self._read("applied", now)
        except ValueError:
            return None

    def _read(self, which: str, now: float) -> FloatArray | None:
        formulas = self.of_actions[which]
        return self.listener.read(formulas, now) if formulas else None

    def ends(self, values: FloatArray) -> bool:
        """Return whether an episode ends with an observation, shape ``(O,)``."""
        return self._ends is not None and self._holds(self._ends, values)

    def paid(self, now: float) -> float:
        """Return the reward since the last one: the robot's and a person's; NaN: unknown.

        Args:
            now: on a clock that never jumps [s].
        """
        paid = 0.0 if self._feedback else math.nan
        if self._reward is not None:
            try:
                paid = float(self.listener.read([self._reward], now)[0])
            except ValueError:
                return math.nan  # what a person gave counts with the next that is known
        given, self._given = self._given, 0.0
        return paid + given

    def _holds(self, condition: Formula, values: FloatArray) -> bool:
        named = dict(zip(self._observed.names, values.tolist(), strict=True))
        return bool(condition.value(named))

    def _act(
        self, decided: ReceivedCommand | None, seen: Observation, now: float
    ) -> dict[str, Any]:
        """Return the messages that send what was decided, corrected in the inner loop."""
        self._limited = ""
        if self._inner is not None:
            decided, self._limited = self._inner.correct(decided, seen, now)
            if decided is None:
                self._sent_step = -1
        return self._sent(self._actuation.act(decided, seen.values), now)

    def _safely(self, values: FloatArray, now: float) -> dict[str, Any]:
        """Return the messages that send the safe command; none while somebody else commands."""
        self._sent_step = -1
        return self._sent(self._actuation.act(None, values), now) if self._commands else {}

    def _sent(self, action: FloatArray, now: float) -> dict[str, Any]:
        """Return the messages that send an action, which is in effect then."""
        self._effect.change(action, now)
        if self._inner is not None:
            self._inner.sent(action)
        named = dict(zip(self._action.names, action.tolist(), strict=True))
        return {name: writer(named) for name, writer in self.writers.items()}

    @staticmethod
    def _alone(text: str, where: str, known: Any) -> Formula | None:
        if not text:
            return None
        try:
            return Formula(text, known)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None


def make_listener(settings: BridgeSettings, period: float, find: FindClass) -> Listener:
    """Return what hears the sources of the settings; see `Listener`."""
    own: dict[str, SourceSettings] = {name: getattr(settings, name) for name in settings.heard}
    return Listener(own, period, find)


def make_writers(
    settings: BridgeSettings, names: tuple[str, ...], find: FindClass
) -> dict[str, MessageWriter]:
    """Return what makes the messages of each command.

    Args:
        settings: the bridge's.
        names: of the actions.
        find: as for `RobotPlant`.

    Raises:
        ValueError: naming what does not fit.
    """
    writers = {}
    for name in settings.commands:
        own: CommandSettings = getattr(settings, name)
        message_class = find_class(find, own.type, f"{name}.type")
        writers[name] = MessageWriter(own.send, message_class, find, names, f"{name}.send")
    commanded(writers, names)
    return writers
