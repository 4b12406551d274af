"""How long a command takes to act, and what acts until then."""

from __future__ import annotations

import threading
from collections import Counter, deque

import numpy as np

from mbrl_ros.core.spaces import FloatArray

# Control steps over which the usual delay is taken.
_MEMORY = 25
# Commands remembered: more than any delay that is measured and any that a model knows of.
_SENT = 64


class Latency:
    """Measures the delay from an observation to its action's effect, in control steps.

    The plant says with each observation which step's action was in effect just before
    it, so the delay is read off, wherever it comes from: planning, transport or both.

    All methods may be called from any thread.

    Attributes:
        delay: the usual delay [control steps]; 0 in lock-step.
    """

    def __init__(self, resting: FloatArray) -> None:
        """Begin with no command under way.

        Args:
            resting: what acts until the first command does, shape ``(A,)``.
        """
        self._resting = resting
        self._measured: deque[int] = deque(maxlen=_MEMORY)
        self._sent: dict[int, FloatArray] = {}
        self._changed: set[int] = set()
        self._lock = threading.Lock()
        self.delay = 0

    def new_episode(self, resting: FloatArray) -> None:
        """Forget the commands under way; a new episode starts without any.

        Args:
            resting: what acts until the first command does, shape ``(A,)``.
        """
        with self._lock:
            self._resting = resting
            self._sent.clear()
            self._changed.clear()

    def observed(self, step: int, action_step: int) -> None:
        """Take in which action was in effect before the observation of ``step``."""
        if step > 0 and 0 <= action_step < step:
            self._measured.append(step - 1 - action_step)
            # The most frequent one; among equals the one measured first.
            self.delay = Counter(self._measured).most_common(1)[0][0]

    def sent(self, step: int, values: FloatArray) -> None:
        """Take in the command that was sent in answer to the observation of ``step``."""
        with self._lock:
            if step not in self._changed:
                self._note(step, values)

    def changed(self, step: int, values: FloatArray) -> None:
        """Take in that something else went to the plant in answer to a step, before it or after."""
        with self._lock:
            self._changed.add(step)
            self._note(step, values)

    def _note(self, step: int, values: FloatArray) -> None:
        self._sent[step] = values
        if len(self._sent) > _SENT:
            oldest = min(self._sent)
            del self._sent[oldest]
            self._changed.discard(oldest)

    def in_flight(self, step: int, more: int = 0) -> FloatArray:
        """Return what will act before an answer to ``step`` can, oldest first.

        Args:
            step: of the newest observation.
            more: control steps by which commands act later than the plant tells.

        Returns:
            shape ``(delay + more, A)``.
        """
        actions = []
        with self._lock:
            sent, resting = dict(self._sent), self._resting
        for answered in range(step - self.delay - more, step):
            earlier = [s for s in sent if s <= answered]
            actions.append(sent[max(earlier)] if earlier else resting)
        return np.stack(actions) if actions else np.empty((0, len(resting)))

    def before(self, step: int) -> FloatArray:
        """Return the commands sent in answer to earlier steps, newest last, shape ``(P, A)``."""
        with self._lock:
            earlier = sorted(answered for answered in self._sent if answered < step)
            sent = [self._sent[answered] for answered in earlier]
            return np.stack(sent) if sent else np.empty((0, len(self._resting)))
