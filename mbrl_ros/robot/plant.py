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
from mbrl_ros.core.records import Observation, PlanGains
from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.robot.bounds import EpisodeBounds
from mbrl_ros.robot.cameras import RobotCameras, check_cameras
from mbrl_ros.robot.fields import FindClass
from mbrl_ros.robot.in_effect import InEffect
from mbrl_ros.robot.inner_loop import InnerLoop
from mbrl_ros.robot.listening import Listener
from mbrl_ros.robot.rewards import Rewards
from mbrl_ros.robot.settings import BridgeSettings, check_topics
from mbrl_ros.robot.writing import make_writers
from mbrl_ros.safety.actuation import Actuation
from mbrl_ros.safety.command_latch import ReceivedCommand
from mbrl_ros.safety.rules import NoOlderThan
from mbrl_ros.safety.safe_command import SafeCommand


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

    All but `tick` may be called from another thread. `acted`, `check_begin` and `send` are for
    another kind of plant to override; they are called while the lock is held.

    Attributes:
        period: control period [s].
        problem: why there is no observation; empty: there is one.
        observation: the newest one.
        safe: what it applies when in doubt.
        listener: to its topics.
        formulas: of the observation dimensions.
        writers: of the messages of each command.
        cameras: what they show.
        rewards: since the last observation.
        bounds: of episodes.
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
        check_cameras(settings, self._observed)
        own = {name: getattr(settings, name) for name in settings.heard}
        self.listener = Listener(own, task.period, find)
        self.cameras = RobotCameras(settings.cameras, self._observed.image_size, self.listener)
        self.formulas = self.listener.formulas(settings.observe, "observe", self._observed.names)
        self.of_actions = {
            where: self.listener.formulas(lines, where, self._action.names) if lines else []
            for where, lines in (("applied", settings.applied), ("resting", settings.resting))
        }
        self.rewards = Rewards(settings, self.listener)
        self.bounds = EpisodeBounds(settings, *spaces)
        self.writers = make_writers(settings, self._action.names, find)
        self._limit = round(settings.time_limit / task.period)
        self._has_reset = bool(settings.reset_service)
        self._stage = _Stage.WAITING
        # Whether it is this bridge that commands the robot.
        self._commands = False
        self._episode, self._step = 0, -1
        # A command acts for so long at most [s]; when the last step was.
        self._patience, self._ticked = oldest + task.period, math.inf
        self._in_effect: FloatArray | None = None
        self._effect = InEffect()
        self._inner = InnerLoop(task, settings.inner_loop) if settings.inner_loop else None
        self._limited = ""
        self._sent_step = -1
        self._cut = False
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
            if now - self._ticked <= self._patience:
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
            self.rewards.give(reward)

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
                self.cameras.check(now)
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
        self.bounds.check_place(values)
        resting = self._read("resting", now)
        if resting is None:
            resting = self._told(now)
        if resting is None:
            resting = self.safe(values)
        self.check_begin(resting)
        if self.observation is not None:
            self._episode += 1
        self._step, self._cut = 0, False
        self.rewards.begin()
        self._stage, self._commands = _Stage.RUNNING, True
        self._in_effect = self._action.clip(resting)
        self._sent_step = -1
        self._actuation.begin(self._in_effect, self._episode, now)
        if self._inner is not None:
            self._inner.begin(self._in_effect)

    def check_begin(self, resting: FloatArray) -> None:
        """Check that an episode may begin where this is in effect, shape ``(A,)``.

        Raises:
            ValueError: if it may not.
        """
        self.bounds.check_jump(resting)

    def _seen(self, values: FloatArray, now: float, stamp: int) -> Observation:
        action = self.acted(now)
        begins = self._step == 0
        ended = not begins and self.bounds.ends(values)
        over = self._cut or (self._limit > 0 and self._step >= self._limit)
        return Observation(
            self._episode,
            self._step,
            values,
            action,
            self._sent_step,
            math.nan if begins else self.rewards.paid(now),
            ended,
            over and not begins and not ended,
            stamp,
        )

    def acted(self, now: float) -> FloatArray:
        """Return what was in effect since the last observation, shape ``(A,)``; NaN: unknown."""
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

    def _act(
        self, decided: ReceivedCommand | None, seen: Observation, now: float
    ) -> dict[str, Any]:
        """Return the messages that send what was decided, corrected in the inner loop."""
        self._limited = ""
        if self._inner is not None:
            decided, self._limited = self._inner.correct(decided, seen, now)
            if decided is None:
                self._sent_step = -1
        return self.send(self._actuation.act(decided, seen.values), now)

    def _safely(self, values: FloatArray, now: float) -> dict[str, Any]:
        """Return the messages that send the safe command; none while somebody else commands."""
        self._sent_step = -1
        return self.send(self._actuation.act(None, values), now) if self._commands else {}

    def send(self, action: FloatArray, now: float) -> dict[str, Any]:
        """Return the messages that send an action, which is in effect then."""
        self._effect.change(action, now)
        if self._inner is not None:
            self._inner.sent(action)
        named = dict(zip(self._action.names, action.tolist(), strict=True))
        return {name: writer(named) for name, writer in self.writers.items()}
