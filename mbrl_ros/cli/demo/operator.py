"""An operator that requests changes of a running system and observes the outcomes."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from mbrl_ros.cli.demo.phases import Phase
from mbrl_ros.cli.ros_tools.session import PATIENCE, Session
from mbrl_ros.cli.ros_tools.verbs import CommandError
from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.objectives.objective_manager import Way
from mbrl_ros.objectives.sequence import GoalSequence, Progress
from mbrl_ros.ros import DurabilityPolicy, Parameter, QoSProfile, ReliabilityPolicy
from mbrl_ros.ros import interfaces as ri
from mbrl_ros.system.schema import OBJECTIVE

_DEEP = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
_LATCHED = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
# Maximum time without an observation of a running system [s].
_SILENCE = 10.0
# Timeout for a response [s].
_ANSWER = 5.0


@dataclass(frozen=True)
class Result:
    """Outcome of a phase.

    Attributes:
        phase: the phase.
        began: plant time of the change since the first observation [s].
        seconds: plant time until it arrived and stayed [s]; None: not within its timeout.
    """

    phase: Phase
    began: float
    seconds: float | None


class Operator:
    """Changes a system's objective through its ROS interface.

    Attributes:
        times: plant time of each observation since the first [s].
        observations: the observations, each of shape ``(O,)``.
        status: the controller's newest status; None before the first.
        gate: the trainer's newest decision in words; empty before the first.
        space: the observation space.
    """

    def __init__(
        self, session: Session, task: TaskSettings, system: subprocess.Popen[bytes]
    ) -> None:
        self.times: list[float] = []
        self.observations: list[FloatArray] = []
        self.status: Any = None
        self.gate = ""
        self.space = task.observation_space()
        self._session, self._period, self._system = session, task.period, system
        self._heard = time.monotonic()
        node = session.node
        self._goals = node.create_publisher(ri.Goal, "goal", _LATCHED)
        self._parameters = node.create_client(
            ri.SetParametersAtomically, "mpc_controller/set_parameters_atomically"
        )
        self._objectives = node.create_client(ri.SetObjective, "mpc_controller/set_objective")
        node.create_subscription(ri.Observation, "observation", self._on_observation, _DEEP)
        node.create_subscription(ri.ControllerStatus, "controller_status", self._on_status, _DEEP)
        node.create_subscription(ri.TrainingStatus, "training_status", self._on_training, _DEEP)

    def watch(self, seconds: float) -> None:
        """Let the plant run for ``seconds`` of plant time."""
        end = self.times[-1] + seconds
        while self.times[-1] < end:
            self._spin()

    def perform(self, phase: Phase) -> Result:
        """Request a change and wait until it arrives or times out, at least ``phase.lasts`` [s].

        Raises:
            CommandError: if the system refuses it, or does not respond.
        """
        self.ask(phase)
        began, seen = self.times[-1], len(self.times)
        arrival = GoalSequence([phase.arrival], self.space)
        while not arrival.over:
            self._spin()
            while seen < len(self.times) and not arrival.over:
                arrival.observe(self.observations[seen], self._period)
                seen += 1
        seconds = None
        if arrival.progress is Progress.REACHED:
            seconds = max(self.times[seen - 1] - phase.arrival.dwell - began, 0.0)
        self.watch(began + phase.lasts - self.times[-1])
        return Result(phase, began, seconds)

    def ask(self, phase: Phase) -> None:
        """Request a change in its way.

        Raises:
            CommandError: if the system refuses it, or does not respond.
        """
        if phase.parameters:
            parameters = [
                Parameter(OBJECTIVE + n, value=v).to_parameter_msg()
                for n, v in phase.parameters.items()
            ]
            request = ri.SetParametersAtomically.Request(parameters=parameters)
            result = self._call(self._parameters, request).result
            if not result.successful:
                raise CommandError(f"refused: {result.reason}")
        if phase.way is Way.GOAL:
            goal = phase.arrival.goal
            self._goals.publish(ri.Goal(names=list(goal), values=list(goal.values())))
        elif phase.way is Way.SERVICE:
            # JSON is YAML.
            text = json.dumps(phase.values) if phase.values else ""
            response = self._call(
                self._objectives, ri.SetObjective.Request(name=phase.name, yaml=text)
            )
            if not response.success:
                raise CommandError(f"refused: {response.message}")

    def wait_for_plans(self, patience: float) -> None:
        """Wait until the controller plans with a model.

        Raises:
            CommandError: if it does not within ``patience`` [s], and why.
        """
        self._heard = end = time.monotonic() + patience
        while not self.times or self.status is None or not self.status.model_sequence:
            self._spin()
            if time.monotonic() > end:
                raise CommandError(f"no model was used within {patience:g} s: {self._missing}")

    @property
    def _missing(self) -> str:
        """What has not come until now, of what leads to a plan."""
        if not self.times:
            return "no observation came"
        if not self.gate:
            return "the trainer said nothing"
        said = self.status.reason if self.status else "nothing"
        return f"the trainer says: {self.gate}; the controller says: {said}"

    def _spin(self) -> None:
        self._session.spin(0.1)
        if (code := self._system.poll()) is not None:
            raise CommandError(f"the system ended with {code}: see its logs")
        silence = time.monotonic() - self._heard
        if silence > _SILENCE:
            raise CommandError(f"no observation for {silence:.0f} s")

    def _call(self, client: Any, request: Any) -> Any:
        if not self._session.find(client.service_is_ready, PATIENCE):
            raise CommandError(f"there is no service '{client.srv_name}'")
        return self._session.call(client, request, _ANSWER)

    def _on_observation(self, message: Any) -> None:
        self.times.append((self.times[-1] if self.times else 0.0) + self._period)
        self.observations.append(np.asarray(message.values, dtype=np.float64))
        self._heard = max(self._heard, time.monotonic())

    def _on_status(self, message: Any) -> None:
        self.status = message

    def _on_training(self, message: Any) -> None:
        self.gate = message.gate
