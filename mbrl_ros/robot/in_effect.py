"""Which action was in effect in a control step."""

from __future__ import annotations

import numpy as np

from mbrl_ros.core.spaces import FloatArray


class InEffect:
    """What was sent since it was last asked, on average over time."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._sent: list[tuple[float, FloatArray]] = []

    def change(self, values: FloatArray, now: float) -> None:
        """Note what is in effect from now on, shape ``(A,)``."""
        if self._sent and self._sent[-1][0] >= now:
            self._sent.pop()
        self._sent.append((now, values))

    def mean(self, now: float) -> FloatArray | None:
        """Return the mean since the last call; None: nothing was sent yet.

        Of one action it is exactly that.

        Args:
            now: on the clock of `change` [s].
        """
        sent, self._sent = self._sent, [(now, values) for _, values in self._sent[-1:]]
        if len(sent) < 2:
            return sent[0][1] if sent else None
        times = np.array([since for since, _ in sent] + [now])
        if now <= times[0]:
            return sent[-1][1]
        return np.average([values for _, values in sent], axis=0, weights=np.diff(times))
