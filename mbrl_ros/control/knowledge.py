"""What the controller knows: of the plant, how late commands act, how far to trust the model."""

from __future__ import annotations

from dataclasses import replace

from mbrl_ros.control.belief import BeliefTracker
from mbrl_ros.control.latency import Latency
from mbrl_ros.control.model_manager import ActiveModel
from mbrl_ros.control.settings import ControllerSettings
from mbrl_ros.control.sight import Sight
from mbrl_ros.control.trust import Level, Trust
from mbrl_ros.core.records import Observation
from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.models.world_model import Images


class Knowledge:
    """Takes in observations, for one thread.

    Attributes:
        newest: the newest one; None: there is none of this episode.
        beliefs: the model's, from one to the next.
        latency: of commands.
        trust: in the model.
    """

    def __init__(
        self, observation: Space, action: Space, settings: ControllerSettings, resting: FloatArray
    ) -> None:
        """Know nothing.

        Args:
            observation: O dimensions.
            action: A dimensions.
            settings: the controller's.
            resting: what acts before the first command does, shape ``(A,)``.
        """
        self._observation, self._trusts = observation, settings.trust.enabled
        self.newest: Observation | None = None
        self.beliefs = BeliefTracker(
            action, resting, settings.trust.steps, settings.adaptation.memory
        )
        self.latency = Latency(resting)
        self.trust, self._sight = Trust(settings.trust), Sight()

    @property
    def trusted(self) -> Level:
        """How far the model is to be trusted."""
        return self.trust.level if self._trusts else Level.FULL

    def begins(self, observation: Observation) -> bool:
        """Return whether an episode begins with an observation."""
        newest = self.newest
        # A plant that was restarted counts from the start, perhaps of the same episode.
        return (
            newest is None
            or newest.episode != observation.episode
            or observation.step < newest.step
        )

    def new_episode(self, acting: FloatArray) -> None:
        """Have the next observation begin an episode.

        Args:
            acting: until a command does, shape ``(A,)``.
        """
        self.newest = None
        self.latency.new_episode(acting)
        self.beliefs.new_episode()

    def take_in(self, observation: Observation, active: ActiveModel | None) -> str:
        """Learn from an observation what is the case.

        Args:
            observation: the newest.
            active: the model of this tick.

        Returns:
            why nothing can be learned from it; empty if all is well.
        """
        self.newest = observation
        try:
            self._observation.check(observation.values, "observation")
        except ValueError as error:
            return str(error)
        self.latency.observed(observation.step, observation.action_step)
        unseen = self._sight.observe(observation) if self._trusts else ""
        if unseen:
            # Nor is the belief to be drawn from it.
            observation = replace(observation, images={})
        step = self.beliefs.observe(observation, active.model if active else None)
        if step is not None and active is not None:
            self.trust.observe(tuple(self.beliefs.steps), active.model)
            active.observe(step)
        return unseen

    def picture(self) -> tuple[Observation, Images] | None:
        """Return the newest observation, and what the model thinks its cameras see.

        For any thread; None: nothing is known yet.

        Raises:
            UnlearnedError: if the model tells no images.
        """
        newest, believed = self.newest, self.beliefs.believed
        if newest is None or believed is None:
            return None
        model, belief = believed
        return newest, model.fork(model.members).picture(belief)
