"""What acts on a plant: the newest command that the rules let pass, or else the safe command."""

from __future__ import annotations

from numpy.typing import ArrayLike

from mbrl_ros.core.records import Observation
from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.safety.command_latch import CommandLatch, ReceivedCommand
from mbrl_ros.safety.rules import SafetyRule, WithinLimits, apply_rules
from mbrl_ros.safety.safe_command import SafeCommand


class Actuation:
    """Decides at the start of each control step what acts on a plant.

    `take` may be called from another thread than the rest.

    Attributes:
        decided: what acts next; None: the safe command.
    """

    def __init__(self, action: Space, safe: SafeCommand, fresh: SafetyRule) -> None:
        """Decide for the safe command until an episode begins.

        Args:
            action: A dimensions.
            safe: its safe command.
            fresh: rule by which a command is too old to act.
        """
        self.decided: ReceivedCommand | None = None
        self._changed = self._lawless = ""
        self._safe = safe
        self._latch = CommandLatch(action)
        self._rules: tuple[SafetyRule, ...] = (WithinLimits(action), fresh)

    @property
    def newest(self) -> ReceivedCommand | None:
        """The newest command; None before the first."""
        return self._latch.newest

    @property
    def intervention(self) -> str:
        """Why something else acts than the newest command; empty if that does."""
        return "; ".join(filter(None, (self._changed, self._lawless)))

    @property
    def refused(self) -> int:
        """Commands that were malformed."""
        return self._latch.refused

    def begin(self, resting: FloatArray, episode: int, now: float) -> ReceivedCommand:
        """Begin an episode with an action as if it had been commanded, and return it.

        Args:
            resting: in effect as the episode begins, shape ``(A,)``, within the limits.
            episode: its number.
            now: plant time [s].
        """
        self._safe.held = resting
        begun = ReceivedCommand(resting, episode, -1, now)
        self._latch.newest = self.decided = begun
        return begun

    def take(
        self,
        values: ArrayLike,
        episode: int,
        step: int,
        now: float,
        observation: Observation,
        safe: bool = False,
        person: bool = False,
    ) -> bool:
        """Take a command; see `CommandLatch.take`."""
        return self._latch.take(values, episode, step, now, observation, safe, person)

    def decide(self, observation: Observation, now: float) -> None:
        """Decide what acts in the next step.

        Args:
            observation: the newest.
            now: plant time [s].
        """
        self.decided, self._changed = apply_rules(self._rules, self._latch.newest, observation, now)

    def act(self, command: ReceivedCommand | None, observed: FloatArray) -> FloatArray:
        """Return what a command does, which ``hold`` repeats from then on; shape ``(A,)``.

        Args:
            command: that was decided for; None, and one that the controller calls safe: the plant's
                own safe command, since only the plant knows what it applies now.
            observed: values of the newest observation.
        """
        told = None if command is None or command.safe else command.values
        values = self._safe(observed) if told is None else told
        self._lawless = self._safe.trouble if told is None else ""
        # Copied, so that nobody who holds an action sees it change.
        self._safe.held = values.copy()
        return self._safe.held
