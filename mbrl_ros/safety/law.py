"""The user's own law for the safe command: a function from an observation to an action."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from numpy.typing import ArrayLike

from mbrl_ros.core.extensions import describe, load
from mbrl_ros.core.numbers import shown
from mbrl_ros.core.pending import calling
from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.core.task import SAFE_COMMANDS


class UnansweredError(ValueError):
    """A law has no answer; the message is one line."""


class Law:
    """A feedback law; its actions are within the limits."""

    def __init__(
        self, function: Callable[[FloatArray], ArrayLike], observation: Space, action: Space
    ) -> None:
        """Make a law.

        Args:
            function: from an observation, shape ``(O,)``, to an action, shape ``(A,)``, SI units.
            observation: O dimensions.
            action: A dimensions.
        """
        self._function = function
        self._observation, self._action = observation, action
        self._newest: _Call | None = None
        self._lock = threading.Lock()

    @classmethod
    def load(cls, reference: str, observation: Space, action: Space) -> Law:
        """Return the law that a task names.

        Args:
            reference: as ``module:attribute``.
            observation: O dimensions.
            action: A dimensions.

        Raises:
            ValueError: if there is none.
        """
        if ":" not in reference:
            raise ValueError(
                f"safe_command: expected {', '.join(SAFE_COMMANDS)} or module:attribute, got "
                f"'{reference}'"
            )
        function = load(reference, "safe_command")
        if not callable(function):
            raise ValueError(f"safe_command '{reference}': expected a function of an observation")
        return cls(function, observation, action)

    def __call__(self, observed: FloatArray, patience: float) -> FloatArray:
        """Return the action, shape ``(A,)``; for any thread.

        Args:
            observed: the newest observation, valid or not.
            patience: how long the function may take [s]; infinity: as long as it does. One that has
                taken longer is not called again before it has returned, nor waited for.

        Raises:
            UnansweredError: if the observation is not known, or the function fails or takes longer.
        """
        try:
            known = self._observation.check(observed, "observation").copy()
        except ValueError as error:
            raise UnansweredError(str(error)) from None
        call = self._called(known, patience)
        if call.error is not None:
            raise UnansweredError(describe(call.error))
        try:
            return self._action.clip(self._action.check(call.answer, "its answer"))
        except Exception as error:  # whatever it is that it answered
            what = str(error) if isinstance(error, ValueError) else describe(error)
            raise UnansweredError(what) from None

    def _called(self, known: FloatArray, patience: float) -> _Call:
        """Return a call that is over."""
        call = _Call(self._function, known)
        if patience == math.inf:
            call.run()
            return call
        with self._lock:
            newest = self._newest
            if newest is not None and newest.is_alive():
                raise UnansweredError(
                    f"has not returned for {time.monotonic() - newest.began:.2f} s"
                )
            try:
                call.start()
            except RuntimeError as error:  # there are too many threads
                raise UnansweredError(describe(error)) from None
            self._newest = call
        call.join(patience)
        if call.is_alive():
            raise UnansweredError(f"has not returned within {shown(patience)} s")
        return call


class _Call(threading.Thread):
    """A call of the user's code that nobody need wait for.

    Attributes:
        began: when, on ``time.monotonic`` [s].
        answer: what it returned.
        error: what it raised instead; None: nothing.
    """

    def __init__(self, function: Callable[[FloatArray], ArrayLike], known: FloatArray) -> None:
        super().__init__(name="safe_command", daemon=True)
        self.began = time.monotonic()
        self.answer: ArrayLike = ()
        self.error: BaseException | None = None
        self._function, self._known = function, known

    def run(self) -> None:
        try:
            with calling("safe_command"):
                self.answer = self._function(self._known)
        except (Exception, SystemExit) as error:  # the user's own code
            self.error = error
