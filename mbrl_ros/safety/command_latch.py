"""The newest command for a plant, checked as it arrives."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike

from mbrl_ros.core.records import Observation
from mbrl_ros.core.spaces import FloatArray, Space


@dataclass(frozen=True)
class ReceivedCommand:
    """A command as it arrived at the plant.

    Attributes:
        values: shape ``(A,)``, SI units; finite.
        episode: of the observation it answers.
        step: of the observation it answers; -1: what acts as the episode begins.
        time: plant time of arrival [s].
        safe: whether it is the controller's safe command.
        person: whether a person commands.
    """

    values: FloatArray
    episode: int
    step: int
    time: float
    safe: bool = False
    person: bool = False


class CommandLatch:
    """Keeps the newest command.

    Attributes:
        newest: None before the first.
        refused: commands that were malformed.
    """

    def __init__(self, action: Space) -> None:
        """Make an empty latch.

        Args:
            action: A dimensions.
        """
        self.newest: ReceivedCommand | None = None
        self.refused = 0
        self._action = action

    def take(
        self,
        values: ArrayLike,
        episode: int,
        step: int,
        time: float,
        observation: Observation,
        safe: bool = False,
        person: bool = False,
    ) -> bool:
        """Keep a command, unless it comes too late.

        Args:
            values: shape ``(A,)``.
            episode: of the observation it answers.
            step: of the observation it answers.
            time: plant time of arrival [s].
            observation: the plant's newest.
            safe: whether it is the controller's safe command.
            person: whether a person commands.

        Returns:
            whether it is kept; a command that answers an earlier episode, or an earlier step than
            the newest command, is not.

        Raises:
            ValueError: if it is malformed; nothing is changed then.
        """
        try:
            action = self._action.check(values, "action")
            if (episode, step) > (observation.episode, observation.step):
                raise ValueError(
                    f"action: answers step {step} of episode {episode}, but the plant is at "
                    f"step {observation.step} of episode {observation.episode}"
                )
        except (TypeError, ValueError) as error:
            self.refused += 1
            raise ValueError(str(error)) from None
        newest = self.newest
        if episode < observation.episode or (newest is not None and step < newest.step):
            return False
        self.newest = ReceivedCommand(action, episode, step, time, safe, person)
        return True
