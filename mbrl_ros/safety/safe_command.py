"""The task's safe command, applied when no valid command is available."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mbrl_ros.core.numbers import shown
from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.core.task import SAFE_COMMANDS, TaskSettings
from mbrl_ros.safety.law import Law, UnansweredError

ZERO, HOLD, DAMP, VALUES = SAFE_COMMANDS
# How long a law may take in real time, as a share of a period; at least, at most [s].
_SHARE, _LEAST, _MOST = 0.5, 0.01, 0.1


class SafeCommand:
    """The safe command of controller, plant and guard.

    - ``zero``: no force or velocity.
    - ``hold``: the last action the plant applied, indefinitely. For actions that are positions,
      where zero would be a jump; a force held would keep accelerating.
    - ``damp``: minus ``damping`` times the velocity of each action; brakes a plant driven by
      forces. Zero if the velocity is unknown.
    - ``values``: a constant action.

    A feedback law of the user's own goes before these: they follow where it fails or takes too
    long, or the observation is not known.

    All stay within the limits. Actions have shape ``(A,)``, SI units.

    Attributes:
        resting: action assumed before an episode if the plant does not report it.
        held: last action the plant reported; repeated by ``hold``.
        patience: how long a law may take [s]; infinity: as long as it does.
        trouble: why the newest safe command was not the law's; empty: it was, or there is none.
    """

    def __init__(
        self,
        observation: Space,
        action: Space,
        mode: str = ZERO,
        *,
        values: Sequence[float] = (),
        velocities: Sequence[str] = (),
        damping: float = 1.0,
        law: Law | None = None,
    ) -> None:
        """Create a safe command.

        Args:
            observation: O dimensions.
            action: A dimensions.
            mode: see above.
            values: for ``values``, and for ``hold`` before the plant has reported an action; A
                numbers, or none.
            velocities: for ``damp``: the observation dimension of each action's velocity.
            damping: for ``damp``: action per velocity.
            law: of the user's own; None: there is none.

        Raises:
            ValueError: naming the invalid parameter.
        """
        self._action = action
        self._mode, self._damping, self._law = mode, damping, law
        self.patience = math.inf
        self.trouble = ""
        if len(values) and mode not in (HOLD, VALUES):
            raise ValueError(
                f"safe_values: expected none, since safe_command is {mode}, got {list(values)}"
            )
        if len(values):
            self.resting = action.check(values, "safe_values")
            for name, value, low, high in zip(
                action.names, self.resting, action.low, action.high, strict=True
            ):
                if not low <= value <= high:
                    raise ValueError(
                        f"safe_values: '{name}': expected a number in "
                        f"[{shown(low)}, {shown(high)}], got {shown(value)}"
                    )
        elif mode == VALUES:
            raise ValueError(
                f"safe_values: expected {action.dim} numbers ({', '.join(action.names)}), got none"
            )
        else:
            self.resting = action.neutral
        if mode == ZERO:
            _check_zero(action)
        self._velocities: list[int] = []
        if mode == DAMP:
            if len(velocities) != action.dim:
                raise ValueError(
                    f"safe_velocities: expected an observation dimension for each of "
                    f"{', '.join(action.names)}, got {len(velocities)}"
                )
            self._velocities = [_index(observation, name) for name in velocities]
        self.held = self.resting

    @property
    def holds(self) -> bool:
        """Whether it is ``hold``, also where a law has no answer."""
        return self._mode == HOLD

    @classmethod
    def of(cls, task: TaskSettings) -> SafeCommand:
        """Return the safe command of a task's parameters, which has no patience in real time.

        Raises:
            ValueError: naming the invalid parameter.
        """
        mode, law = task.safe_command, None
        observation, action = task.observation_space(), task.action_space()
        if mode not in SAFE_COMMANDS:
            law, mode = Law.load(mode, observation, action), task.safe_fallback
        safe = cls(
            observation,
            action,
            mode,
            values=task.safe_values,
            velocities=task.safe_velocities,
            damping=task.safe_damping,
            law=law,
        )
        if not task.lock_step:
            period = task.period / task.real_time_factor
            safe.patience = min(max(_SHARE * period, _LEAST), _MOST)
        return safe

    def __call__(self, observed: FloatArray) -> FloatArray:
        """Return the safe command.

        Args:
            observed: the newest observation, valid or not.
        """
        self.trouble = ""
        if self._law is not None:
            try:
                return self._law(observed, self.patience)
            except UnansweredError as error:
                self.trouble = f"safe_command: {error}: {self._mode} instead"
        if self.holds:
            return self.held
        return self._damped(observed) if self._mode == DAMP else self.resting

    def _damped(self, observed: FloatArray) -> FloatArray:
        if observed.ndim != 1 or len(observed) <= max(self._velocities):
            return self.resting
        velocity = observed[self._velocities]
        return self._action.clip(-self._damping * np.where(np.isfinite(velocity), velocity, 0.0))


def _check_zero(action: Space) -> None:
    for name, low, high in zip(action.names, action.low, action.high, strict=True):
        if not low <= 0.0 <= high:
            raise ValueError(
                f"safe_command: zero is outside the limits of action '{name}' "
                f"[{shown(low)}, {shown(high)}]: expected {HOLD}, {DAMP} or {VALUES}"
            )


def _index(observation: Space, name: str) -> int:
    try:
        return observation.index(name)
    except ValueError as error:
        raise ValueError(f"safe_velocities: {error}") from None
