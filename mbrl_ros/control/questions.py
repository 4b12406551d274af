"""What the agent is asked at each tick."""

from __future__ import annotations

import math

import torch

from mbrl_ros.control.knowledge import Knowledge
from mbrl_ros.control.settings import ControllerSettings
from mbrl_ros.core.records import Observation
from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.models.world_model import WorldModel
from mbrl_ros.objectives.forbidden import Forbidden
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning.problem import Problem


class Questions:
    """Asks what to do from where a command sent now will act.

    Attributes:
        forbidden: what no plan may enter; replace it at any time.
    """

    def __init__(
        self, knowledge: Knowledge, settings: ControllerSettings, forbidden: Forbidden
    ) -> None:
        """Ask nothing yet.

        Args:
            knowledge: the controller's.
            settings: the controller's.
            forbidden: see above.
        """
        self._known, self._exploration = knowledge, settings.exploration
        self._compensates = settings.latency_compensation
        self.forbidden = forbidden
        # Decisions in which it was curious.
        self._curious = 0

    def ask(
        self, observation: Observation, model: WorldModel, objective: Objective, exploring: bool
    ) -> Problem:
        """Return what is to be decided.

        Args:
            observation: the newest, which was taken in.
            model: to decide by.
            objective: judges.
            exploring: whether other things may be tried than the best that is known.
        """
        known = self._known
        sent = known.latency.before(observation.step)
        in_flight = self._in_flight(observation, model)
        previous = sent[-1].tolist() if len(sent) else None
        moment = observation.step + len(in_flight)
        objective = objective.at(moment, previous, model.reward_model)
        if known.trusted.caution:
            objective = objective.more_cautious(known.trusted.caution)
        if self._exploration.curiosity and exploring:
            objective = objective.more_curious(self._curiosity(model))
        belief = known.beliefs.belief
        assert belief is not None  # the observation was taken in
        if len(in_flight):
            belief = model.ahead(belief, torch.from_numpy(in_flight).float())
        return Problem(
            belief, model, objective, torch.from_numpy(sent).float(), forbidden=self.forbidden
        )

    def _in_flight(self, observation: Observation, model: WorldModel) -> FloatArray:
        """Return the commands that act before an answer to it can, shape ``(D, A)``."""
        in_flight = self._known.latency.in_flight(observation.step, model.delay)
        return in_flight if self._compensates else in_flight[:0]

    def _curiosity(self, model: WorldModel) -> float:
        """Return the reward for what the members disagree on, in the objective's unit."""
        exploration, self._curious = self._exploration, self._curious + 1
        unit = float(model.reward_model.unit) if model.reward_model is not None else 1.0
        return exploration.curiosity * unit / math.sqrt(1 + self._curious / exploration.fading)
