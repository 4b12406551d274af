"""The guard between controller and plant: what of a command may act. It knows nothing of learning.

Without ROS and without a thread; times are those of one clock that the caller chooses.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from mbrl_ros.core.limits import LimitSettings
from mbrl_ros.core.records import Observation
from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.safety.changes import ChangesSlowly, Sent
from mbrl_ros.safety.command_latch import CommandLatch, ReceivedCommand
from mbrl_ros.safety.limits import limit_rules
from mbrl_ros.safety.rules import NoOlderThan, SafetyRule, WithinLimits, apply_rules
from mbrl_ros.safety.safe_command import SafeCommand
from mbrl_ros.safety.settings import STOP, GuardSettings

# Control steps by which a command may be ahead of its observation, which comes on another way, and
# an observation ahead of its time.
_AHEAD = 3


@dataclass(frozen=True)
class Verdict:
    """What may act.

    Attributes:
        episode: of the observation it answers.
        step: of the observation it answers.
        values: shape ``(A,)``, SI units.
        safe: whether it is the task's safe command, which the plant may know better.
        reason: why it is not what was proposed; empty if it is.
        person: whether a person commands.
        silent: whether that is so only since the plant is silent.
    """

    episode: int
    step: int
    values: FloatArray
    safe: bool
    reason: str
    person: bool = False
    silent: bool = False


class Guard:
    """Judges the commands for a plant, one after the other.

    Attributes:
        limits: that it keeps to.
        safe: what it sends when in doubt.
        estopped: why only the safe command passes until it is armed; empty: it is not stopped.
        refused: commands and observations that were malformed.
        passed: commands that passed as they were.
        changed: commands of which other values passed.
        replaced: commands in place of which the safe command passed.
        trouble: what was wrong with the newest malformed command or observation; empty: nothing.
        handover: how the last take-over ended; empty: there was none.
    """

    def __init__(self, task: TaskSettings, settings: GuardSettings) -> None:
        """Make a guard, armed.

        Raises:
            ValueError: naming the parameter that does not fit.
        """
        self._observation, self._action = task.observation_space(), task.action_space()
        self.limits = task.limits
        self._period = task.period / task.real_time_factor
        self._lock_step = task.lock_step
        self._timeout = settings.oldest_command(self._period)
        self._patience = settings.oldest_observation(self._period)
        self._takeover = settings.takeover
        self.estopped = ""
        self.refused = self.passed = self.changed = self.replaced = 0
        self.trouble = self.handover = ""
        self.safe = SafeCommand.of(task)
        self._latch = CommandLatch(self._action)
        self._sent = Sent()
        self._task_period = task.period
        self._rules = self._rules_of(task.limits)
        self._handback = ChangesSlowly(
            self._action, self._handback_rate(), [math.inf] * self._action.dim, task.period,
            self._sent,
        )  # fmt: skip
        self._seen: Observation | None = None
        self._waiting: tuple[ArrayLike, int, int, bool] | None = None
        self._waits_since = -math.inf
        self._person: tuple[FloatArray, float] | None = None
        self._changed_hands = -math.inf
        # Where a person's hand is need not be where the servos are.
        self._blends_in = self.safe.holds
        self._heard = self._spoke = -math.inf
        self._resting = True
        self._stopped = False

    def observe(self, observation: Observation, now: float) -> Verdict | None:
        """Take in an observation.

        Args:
            observation: as received; an invalid one is refused.
            now: on the clock [s].

        Returns:
            the verdict on what came before it and answers it, or on what a person commands.
        """
        try:
            self._observation.check(observation.values, "observation")
        except ValueError as error:
            self._refuse(str(error))
            return None
        seen = self._seen
        if not self._believed(observation, now):
            return None
        began = seen is None or seen.episode != observation.episode or observation.step < seen.step
        if began or not self._stopped:  # to hold what a held command becomes in turn would sway
            with contextlib.suppress(ValueError):
                self.safe.held = self._action.clip(self._action.check(observation.action, "action"))
        if began:
            self._latch.newest = None
            self._sent.begin(self.safe.held)
        # A reading that is repeated is no newer; in lock-step the plant waits.
        same = not began and seen is not None and seen.step == observation.step
        received = seen.received if same and seen is not None else now
        self._seen = replace(observation, received=received)
        if self._commanding(now) and self._person is not None:
            self._waiting = None
            answered = observation.episode, observation.step
            return self._judge(ReceivedCommand(self._person[0], *answered, now, person=True))
        waiting, self._waiting = self._waiting, None
        waited = 0.0 if self._lock_step else now - self._waits_since
        if waiting is None or waited > self._timeout:
            return None
        return self.propose(*waiting, now)

    def propose(
        self, values: ArrayLike, episode: int, step: int, safe: bool, now: float
    ) -> Verdict | None:
        """Judge a command of the controller.

        Args:
            values: shape ``(A,)``.
            episode: of the observation it answers.
            step: of the observation it answers.
            safe: whether it is the controller's safe command.
            now: on the clock [s].

        Returns:
            what may act; None: nothing new, since the command is malformed, outdated, answers an
            observation that is still to come, or a person commands.
        """
        seen = self._seen
        if seen is None:
            return None
        if (episode, step) > (seen.episode, seen.step):
            ahead = step - seen.step if episode == seen.episode else step
            if episode <= seen.episode + 1 and ahead <= _AHEAD:
                self._waiting, self._waits_since = (values, episode, step, safe), now
                return None
        try:
            taken = self._latch.take(values, episode, step, now, seen, safe)
        except ValueError as error:
            self._refuse(str(error))
            return None
        if not taken:
            return None
        self._heard = now
        if self._commanding(now):
            return None
        newest = self._latch.newest
        assert newest is not None
        return self._judge(newest)

    def take_over(self, values: ArrayLike, now: float) -> None:
        """Take in a person's command: it answers each observation, instead of the controller's.

        Args:
            values: shape ``(A,)``; empty: the controller commands again.
            now: on the clock [s].

        Raises:
            ValueError: if it is malformed; nothing is changed then.
        """
        if np.shape(values) == (0,):
            self._hand_back("handed back", now)
            return
        try:
            checked = self._action.check(values, "override")
        except ValueError as error:
            self._refuse(str(error))
            raise
        if not self._commanding(now):
            self._changed_hands = now
        self._person, self._heard = (checked, now), now

    def silence(self, now: float) -> Verdict | None:
        """Return the safe command if nothing acts that may go on; to be called every half period.

        Args:
            now: on the clock [s].
        """
        seen = self._seen
        if seen is None or self._lock_step or now - self._spoke < 0.75 * self._period:
            return None
        person = self._commanding(now)
        if self.estopped:
            return self._stop(seen, self.estopped, now)
        if self._resting:
            return None
        if now - seen.received > self._patience:
            return self._unanswerable(seen, now)
        if now - self._heard > self._timeout and not person:
            return self._stop(seen, f"no command for {now - self._heard:.2f} s", now)
        return None

    def stop(self, reason: str, now: float) -> Verdict | None:
        """Let only the safe command pass, until it is armed.

        Args:
            reason: why.
            now: on the clock [s].

        Returns:
            the safe command, to be sent at once; None before the first observation.
        """
        self.estopped = self.estopped or reason
        return None if self._seen is None else self._stop(self._seen, self.estopped, now)

    def arm(self) -> None:
        """End an e-stop."""
        self.estopped = ""

    def limit(self, limits: LimitSettings) -> None:
        """Keep to other limits from now on.

        Args:
            limits: differ in `LIVE` at most.

        Raises:
            ValueError: if they do not fit, or allow more although it is not stopped, so that
                nobody has to arm it before it acts on them; nothing is changed then.
        """
        rules = self._rules_of(limits)
        wider = limits.wider_than(self.limits, self._observation, self._action.names)
        if wider and not self.estopped:
            raise ValueError(f"{wider}: wider than now: expected the guard stopped, by ~/stop")
        self.limits, self._rules = limits, rules

    def farewell(self, now: float) -> Verdict | None:
        """Return the safe command to send last; None if nothing was sent before.

        Args:
            now: on the clock [s].
        """
        if self._seen is None or self._spoke == -math.inf:
            return None
        return self._stop(self._seen, "the guard ends", now)

    @property
    def ready(self) -> bool:
        """Whether a command would pass."""
        return not self.estopped and self._seen is not None

    @property
    def person(self) -> bool:
        """Whether a person commands."""
        return self._person is not None

    def _believed(self, observation: Observation, now: float) -> bool:
        """Return whether an observation is the plant's, for all that is known.

        While the plant is heard, one that is older than the newest, or further ahead than time
        has passed, was long under way or is somebody else's.
        """
        seen = self._seen
        if seen is None or self._lock_step or now - seen.received > self._patience:
            return True
        ahead = observation.step - seen.step
        if observation.episode != seen.episode:
            ahead = observation.step if observation.episode == seen.episode + 1 else -1
        return 0 <= ahead <= (now - seen.received) / self._period + _AHEAD

    def _commanding(self, now: float) -> bool:
        """Return whether a person commands; notice that no longer."""
        if self._person is None:
            return False
        silent = now - self._person[1]
        if silent <= self._takeover.timeout:
            return True
        self._hand_back(f"the person has been silent for {silent:.2f} s", now)
        if self._takeover.silence == STOP:
            self.estopped = self.estopped or self.handover
        return False

    def _hand_back(self, how: str, now: float) -> None:
        if self._person is not None:
            self._person, self._changed_hands, self.handover = None, now, how

    def _judge(self, command: ReceivedCommand) -> Verdict:
        seen = self._seen
        assert seen is not None
        now = command.time
        if self.estopped:
            self.replaced += not command.safe
            return self._stop(seen, self.estopped, now)
        if now - seen.received > self._patience and not self._lock_step:
            self.replaced += 1
            return self._unanswerable(seen, now)
        rules, person = self._rules, command.person
        if now - self._changed_hands < self._takeover.handback and (not person or self._blends_in):
            rules = [self._handback, *rules]
        passed, reason = apply_rules(rules, command, seen, now)
        if passed is None:
            self.replaced += 1
            return self._stop(seen, reason, now)
        if reason:
            self.changed += 1
        else:
            self.passed += 1
        self._sent.note(command.step, passed.values)
        self._spoke, self._resting, self._stopped = now, passed.safe, passed.safe
        return Verdict(command.episode, command.step, passed.values, passed.safe, reason, person)

    def _stop(self, seen: Observation, reason: str, now: float) -> Verdict:
        # How fast it moves is unknown once nothing is heard of it.
        fresh = self._lock_step or now - seen.received <= self._patience
        values = self.safe(seen.values if fresh else np.full(self._observation.dim, np.nan))
        self._sent.note(seen.step, values)
        self._spoke, self._stopped = now, True
        reason = "; ".join(filter(None, (reason, self.safe.trouble)))
        return Verdict(seen.episode, seen.step, values, True, reason)

    def _unanswerable(self, seen: Observation, now: float) -> Verdict:
        """Return the safe command for a plant that is silent."""
        age = now - seen.received
        return replace(self._stop(seen, f"no observation for {age:.2f} s", now), silent=True)

    def _rules_of(self, limits: LimitSettings) -> list[SafetyRule]:
        return [
            NoOlderThan(self._timeout, self._period),
            WithinLimits(self._action),
            *limit_rules(limits, self._observation, self._action, self._task_period, self._sent),
        ]

    def _refuse(self, trouble: str) -> None:
        self.refused += 1
        self.trouble = trouble

    def _handback_rate(self) -> Sequence[float]:
        spans = self._action.upper - self._action.lower
        rate = spans / max(self._takeover.handback, 1e-9)
        rate[list(self._action.discrete_indices)] = np.inf
        return [float(each) for each in rate]
