"""Pairs consecutive observations of one episode into transitions."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

from mbrl_ros.core.records import Actor, Observation, Transition, finite_reward
from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.data.transitions import check_count

# Number of observations remembered to recognise duplicates. A plant repeats at most its last one;
# the rest is margin.
_MEMORY = 1000
# What takes so many times longer than the step before is none.
_FAR = 20


class TransitionPairer:
    """Turns a stream of observations, however disturbed, into clean transitions.

    Unusable observations are skipped and counted, never an error. The reasons are:

    - ``duplicate``: a repeated observation;
    - ``out_of_order``: older than one already used;
    - ``gap``: the previous observation is missing or was rejected, or by their stamps the two are
      not neighbours: the plant was started anew in between, and its first observation is missing;
    - ``bad_observation``, ``bad_action``: wrong size, not finite, no count;
    - ``past_end``: its episode had already ended.

    Attributes:
        skipped: number of observations without a transition, per reason.
        unpaid: number of transitions kept without their reward, since it was infinite.
        reason: why the last one had none; empty: it had, or it began an episode.
    """

    def __init__(
        self,
        observation_space: Space,
        action_space: Space,
        resting: FloatArray | None = None,
        period: float = 0.0,
    ) -> None:
        """Create a pairer.

        Args:
            observation_space: O dimensions.
            action_space: A dimensions.
            resting: action in effect at the start of an episode if the plant does not report it,
                shape ``(A,)``; None: the one nearest to zero.
            period: control period [s]; 0: unknown.
        """
        self._resting = action_space.neutral if resting is None else resting
        self._observation_space = observation_space
        self._action_space = action_space
        self._last: Observation | None = None
        # In effect before it; None: not known.
        self._before: FloatArray | None = None
        self._stray: tuple[int, int] | None = None
        # Time by the stamps of the last step, and of one that took too long [ns].
        self._usual, self._odd = round(1e9 * period), 0
        self._recent: dict[tuple[int, int], tuple[int, bytes]] = {}
        self._actors: dict[tuple[int, int], Actor] = {}
        self.skipped: Counter[str] = Counter()
        self.unpaid = 0
        self.reason = ""

    @property
    def reasons(self) -> str:
        """What was skipped, as text; empty if nothing was."""
        return ", ".join(f"{count} {reason}" for reason, count in sorted(self.skipped.items()))

    def acted(self, episode: int, step: int, actor: Actor) -> None:
        """Note whose command answers an observation; of several the newest counts.

        Args:
            episode: of the observation.
            step: of the observation.
            actor: whose it is.
        """
        self._actors.pop((episode, step), None)
        self._actors[episode, step] = actor
        if len(self._actors) > _MEMORY:
            del self._actors[next(iter(self._actors))]

    def feed(self, seen: Observation) -> Transition | None:
        """Add one observation and return the transition that it completes, if any."""
        self.reason = ""
        try:
            values = self._observation_space.check(seen.values, "observation")
            key = (check_count(seen.episode, "episode"), check_count(seen.step, "step"))
        except (ValueError, TypeError):
            self._skip("bad_observation")
            return None
        fingerprint = (seen.stamp, values.tobytes())
        if self._recent.get(key) == fingerprint:
            self._skip("duplicate")
            return None
        last = self._last
        if last is not None and key <= (last.episode, last.step) and not self._restarted(key):
            self._stray = key
            self._skip("out_of_order")
            return None
        follows = last is not None and key == (last.episode, last.step + 1)
        if last is not None and follows and 0 < seen.stamp < last.stamp:
            # Of the plant that was there before.
            self._skip("out_of_order")
            return None
        self._stray = None
        self._remember(key, fingerprint)
        if values is not seen.values:
            seen = replace(seen, values=values)
        action, before = self._checked(seen.action), self._before
        self._last = seen
        self._before = self._resting if action is None and not seen.step else action
        if last is None or not follows:
            self._odd = 0  # what follows is not in a row with it
            if seen.step > 0:
                self._skip("gap")
            return None
        if last.ended:
            self._last = replace(seen, truncated=True)
            self._skip("past_end")
            return None
        if not self._in_time(last, seen):
            self._skip("gap")
            return None
        if action is None:
            self._skip("bad_action")
            return None
        self.unpaid += math.isinf(seen.reward)
        return Transition(
            last.values,
            action,
            seen.values,
            last.episode,
            last.step,
            finite_reward(seen.reward),
            bool(seen.terminated),
            bool(seen.truncated),
            seen.stamp,
            before,
            self._actor(seen),
        )

    def _actor(self, seen: Observation) -> Actor:
        if seen.action_step < 0:
            return Actor.FALLBACK
        return self._actors.get((seen.episode, seen.action_step), Actor.UNKNOWN)

    def _checked(self, action: FloatArray) -> FloatArray | None:
        try:
            return self._action_space.check(action, "action")
        except (ValueError, TypeError):
            return None

    def _in_time(self, last: Observation, seen: Observation) -> bool:
        """Return whether about as much time has passed as in the step before, by the stamps."""
        if not last.stamp or not seen.stamp:
            return True
        elapsed, odd = seen.stamp - last.stamp, self._odd
        if self._usual and elapsed >= _FAR * self._usual:
            # Twice in a row it is the plant's way to stamp.
            self._odd = elapsed
            if not odd or elapsed >= _FAR * odd:
                return False
        self._usual, self._odd = elapsed, 0
        return True

    def _restarted(self, key: tuple[int, int]) -> bool:
        """Whether an older observation means that the plant was restarted.

        A restarted plant counts from episode 0 again. The evidence is a reset, or, if that was
        missed, a second observation in a row that continues an older one.
        """
        episode, step = key
        return step == 0 or self._stray == (episode, step - 1)

    def _remember(self, key: tuple[int, int], fingerprint: tuple[int, bytes]) -> None:
        self._recent.pop(key, None)
        self._recent[key] = fingerprint
        if len(self._recent) > _MEMORY:
            del self._recent[next(iter(self._recent))]

    def _skip(self, reason: str) -> None:
        self.skipped[reason] += 1
        self.reason = reason
