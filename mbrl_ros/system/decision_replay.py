"""Decisions of a recorded run, made again from its bag."""

from __future__ import annotations

import itertools
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mbrl_ros.control.command import CommandSource
from mbrl_ros.control.controller import Controller
from mbrl_ros.control.settings import ControllerSettings
from mbrl_ros.control.ticker import MOST_OVERTAKEN
from mbrl_ros.core.records import Observation
from mbrl_ros.core.settings import SettingsError, build, flat
from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.data.bag_records import converted
from mbrl_ros.data.bags import read_messages
from mbrl_ros.data.messages import read_observation
from mbrl_ros.data.streaming import BagError
from mbrl_ros.models import checkpoint
from mbrl_ros.models.update import ModelUpdate
from mbrl_ros.objectives.content import read_content
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.objectives.objective_set import ObjectiveSet
from mbrl_ros.system.configuration import Configuration
from mbrl_ros.system.decisions import Decision, Decisions
from mbrl_ros.system.schema import objective_parameters

_OBSERVATION, _ACTION = "mbrl_ros/msg/Observation", "mbrl_ros/msg/Action"
_OBJECTIVE, _PARAMETERS = "mbrl_ros/msg/Objective", "rcl_interfaces/msg/ParameterEvent"
_INTERVENTION = "mbrl_ros/msg/Intervention"
# Decisions of the controller alone: what a person or the guard sent is none of them.
_DECIDED = (CommandSource.PLANNED, CommandSource.TRUNCATED, CommandSource.EXPLORATION)
# Observations after the one that is looked for that are looked at.
_AHEAD = 1000
# The field of a rcl_interfaces/msg/ParameterValue that holds a value of each type.
_FIELDS = {
    1: "bool_value", 2: "integer_value", 3: "double_value", 4: "string_value",
    6: "bool_array_value", 7: "integer_array_value", 8: "double_array_value",
    9: "string_array_value",
}  # fmt: skip


# Of an observation: how often the plant was started anew before it, its episode and its step.
_Key = tuple[int, int, int]


class _Keys:
    """Tells the observations of a plant apart that was started anew and counts from 0 again."""

    def __init__(self) -> None:
        self._last: _Key = (0, 0, 0)

    def next(self, message: Any) -> _Key:
        """Return the key of the next message that names an observation."""
        anew, episode, _ = self._last
        self._last = anew + (message.episode < episode), int(message.episode), int(message.step)
        return self._last


@dataclass
class Replayed:
    """What came of it.

    Attributes:
        decisions: in recorded order.
        passed_over: why some were not made again, with their number.
    """

    decisions: Decisions
    passed_over: Counter[str] = field(default_factory=Counter)


class DecisionReplay:
    """A controller that is shown what the recorded one saw.

    It has the same parameters, seed, models and objectives, each from the tick on that it had them,
    and no deadline. Its own commands are not carried out: the next observation is the recorded one.

    Attributes:
        action: the space of actions, A dimensions.
    """

    def __init__(
        self,
        bag: Path,
        configuration: Configuration,
        model: ModelUpdate | None = None,
        objective: bool = True,
    ) -> None:
        """Make a controller.

        Args:
            bag: of a run's folder, whose checkpoints are the models.
            configuration: of the run, or another one for the same spaces.
            model: to decide with throughout; None: the recorded ones.
            objective: whether those that were recorded count; False: the configuration's does.

        Raises:
            ValueError: naming what is wrong in the configuration or the bag.
        """
        self._bag, self._model = bag, model
        task = build(TaskSettings, {**configuration.shared, "lock_step": True})
        self._observation, self.action = task.observation_space(), task.action_space()
        self._period = task.period
        self._settings: ControllerSettings = configuration.build("mpc_controller")
        parameters = objective_parameters(configuration.node("mpc_controller"))
        # The user's own file may choose code; what was recorded may not.
        self._functions = [
            str(value)
            for name, value in parameters.items()
            if name.endswith("type") and ":" in value
        ]
        declared = ObjectiveSet.from_parameters(
            parameters,
            self._observation, self.action, task.period,
        )  # fmt: skip
        self._objectives = {declared.objective.digest: declared.objective}
        if objective:
            self._objectives |= self._recorded_objectives()
        self._fixed = None if objective else declared.objective
        self._controller = Controller.of_task(task, declared.objective, self._settings)
        self._newest = self._restarts = 0
        self._unanswered: deque[Observation] = deque(maxlen=MOST_OVERTAKEN)
        if model is not None:
            self._controller.models.offer(model, 1, 1)

    def run(self, check: Callable[[], None] = lambda: None) -> Replayed:
        """Make all decisions again.

        Args:
            check: called before each; may raise to end it.

        Raises:
            BagError: if the bag cannot be read.
        """
        replayed = Replayed(Decisions(self.action.dim))
        seen: dict[_Key, Observation] = {}
        observed, shown = self._observed(), (0, 0, -1)
        changed = self._interventions()
        answered = _Keys()
        for message in self._messages(_ACTION, _PARAMETERS):
            if message.__msgtype__ == _PARAMETERS:
                self._change(message)
                continue
            if message.source not in _DECIDED:
                continue
            key = answered.next(message)
            check()
            # The logger may hear of an answer before it hears what was answered.
            later = 0
            while key not in seen and later < _AHEAD and (new := next(observed, None)):
                if new[0] > shown:  # a plant that waits repeats its last one
                    seen.setdefault(*new)
                later += new[0] > key
            if key not in seen:
                replayed.passed_over["their observation is not in the bag"] += 1
                continue
            # The oldest first: they were recorded in order.
            shown = key
            observations = [seen.pop(k) for k in [*itertools.takewhile(key.__ge__, seen)]]
            self._decide(message, observations, changed.get(key[1:]), replayed)
        return replayed

    def _messages(self, *kinds: str) -> Iterator[Any]:
        return (m.message for m in read_messages(self._bag, types=kinds))

    def _observed(self) -> Iterator[tuple[_Key, Observation]]:
        """Yield all observations in recorded order."""
        keys = _Keys()
        for message in self._messages(_OBSERVATION):
            observation = converted(self._bag, message, read_observation)
            # Those of a message cannot be written to, which torch wants to be able to.
            values, action = np.array(observation.values), np.array(observation.action)
            yield keys.next(observation), replace(observation, values=values, action=action)

    def _interventions(self) -> dict[tuple[int, int], FloatArray]:
        """Return what the guard proposed to change, by episode and step: the proposals."""
        found = {}
        for _, _, message in read_messages(self._bag, types=[_INTERVENTION]):
            if len(message.proposed):
                found[message.episode, message.step] = np.array(message.proposed)
        return found

    def _decide(
        self,
        message: Any,
        observations: list[Observation],
        proposed: FloatArray | None,
        replayed: Replayed,
    ) -> None:
        sent = np.array(message.values)
        recorded = sent if proposed is None else proposed
        if trouble := self._misfit(sent, recorded) or self._take_up(message):
            replayed.passed_over[trouble] += 1
            self._unanswered.extend(observations)
            return
        shown = [*self._unanswered, *observations]
        self._unanswered.clear()
        *overtaken, newest = (replace(o, received=time.monotonic()) for o in shown)
        command = self._controller.tick(newest, overtaken)
        # What is under way is what was sent then.
        self._controller.known.latency.changed(newest.step, sent)
        decision = Decision(
            newest.episode,
            newest.step,
            CommandSource(message.source),
            int(message.model_sequence),
            recorded,
            command.values,
        )
        replayed.decisions.append(decision)

    def _misfit(self, *commands: FloatArray) -> str:
        dim = self.action.dim
        fit = all(command.shape == (dim,) for command in commands)
        return "" if fit else f"they have another number of values than {dim}"

    def _take_up(self, message: Any) -> str:
        """Use the model and the objective of a decision; return why that is impossible."""
        sequence = int(message.model_sequence)
        if self._model is None and sequence:
            # A trainer that was started anew counts from 1 again.
            self._restarts += sequence < self._newest
            self._newest = sequence
            version = 1 + self._restarts, sequence
            if self._controller.models.version != version:
                update = self._checkpoint(sequence)
                if update is None:
                    return f"checkpoint {sequence} is not kept (model_trainer.checkpoints)"
                self._controller.models.offer(update, *version)
        if self._fixed is not None:
            return ""
        if message.objective:
            if message.objective not in self._objectives:
                return f"objective {message.objective} is not in the bag"
            self._controller.objective = self._objectives[message.objective]
        return ""

    def _checkpoint(self, sequence: int) -> ModelUpdate | None:
        folder = self._bag.absolute().parent / "checkpoints"
        found = sorted(folder.glob(f"model-*-{sequence:06d}.safetensors"))
        return checkpoint.load(found[min(self._restarts, len(found) - 1)]) if found else None

    def _recorded_objectives(self) -> Mapping[str, Objective]:
        found = {}
        for _, _, message in read_messages(self._bag, types=[_OBJECTIVE]):
            try:
                found[message.digest] = read_content(
                    message.content, message.digest, self._observation, self.action, self._period,
                    self._functions,
                )  # fmt: skip
            except ValueError as error:
                raise BagError(f"{self._bag}: {error}") from None
        return found

    def _change(self, message: Any) -> None:
        """Apply a recorded change of the planner's parameters."""
        if not message.node.endswith("/mpc_controller"):
            return
        values = {
            p.name: _plain(getattr(p.value, _FIELDS[p.value.type]))
            for p in message.changed_parameters
            if p.name.startswith("planner.") and p.value.type in _FIELDS
        }
        if not values:
            return
        try:
            self._settings = build(ControllerSettings, {**flat(self._settings), **values})
        except SettingsError as error:
            raise BagError(f"{self._bag}: {error}") from None
        self._controller.replace_planner(self._settings.planner)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value
