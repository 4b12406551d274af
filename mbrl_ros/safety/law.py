"""The user's own law for the safe command: a function from an observation to an action."""

from __future__ import annotations

from collections.abc import Callable

from numpy.typing import ArrayLike

from mbrl_ros.core.extensions import describe, load
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

    def __call__(self, observed: FloatArray) -> FloatArray:
        """Return the action, shape ``(A,)``.

        Args:
            observed: the newest observation, valid or not.

        Raises:
            UnansweredError: if the observation is not known, or the function fails.
        """
        try:
            known = self._observation.check(observed, "observation").copy()
        except ValueError as error:
            raise UnansweredError(str(error)) from None
        try:
            with calling("safe_command"):
                answer = self._function(known)
        except Exception as error:  # the user's own code
            raise UnansweredError(describe(error)) from None
        try:
            return self._action.clip(self._action.check(answer, "its answer"))
        except Exception as error:  # whatever it is that it answered
            what = str(error) if isinstance(error, ValueError) else describe(error)
            raise UnansweredError(what) from None
