"""An episode in simulated time: bridge, guard and controller as on the robot, in one process.

Unlike in lock-step nothing waits: an answer acts from the next control step on, messages come late
or never, and the same classes as in the nodes, on a clock of their own, must cope. Computing takes
no time here: how punctual the processes are is for the processes to show.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from mbrl_ros.control.command import Command, CommandSource
from mbrl_ros.control.controller import Controller
from mbrl_ros.core.records import Observation
from mbrl_ros.core.settings import SettingsError, build
from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.models.update import ModelUpdate
from mbrl_ros.models.world_model import UnlearnedError
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.objectives.objective_set import ObjectiveSet
from mbrl_ros.safety.barriers import make_barriers
from mbrl_ros.safety.guard import Guard, Verdict
from mbrl_ros.safety.safe_command import SafeCommand
from mbrl_ros.system.configuration import Configuration
from mbrl_ros.system.rehearsed_plants import RehearsedPlant
from mbrl_ros.system.schema import objective_parameters


@dataclass(frozen=True)
class Timing:
    """How uneven the control steps are.

    Attributes:
        late: probability that an answer is not ready within its period.
        rate_jitter: how far a step may be from its time, as a share of the period.
        seed: of both.
    """

    late: float = 0.0
    rate_jitter: float = 0.0
    seed: int = 0


@dataclass
class Record:
    """What happened in an episode, by what the controller saw.

    Attributes:
        times: of the observations since the episode began [s], T + 1 of them.
        observations: shape ``(T + 1, O)``.
        actions: in effect between them, shape ``(T, A)``.
        safe: whether that was the plant's own safe command, shape ``(T,)``.
        rewards: per step, shape ``(T,)``: the plant's, or else the objective's.
        sources: commands per source, indexed by `CommandSource`.
        changed: commands that the guard changed or replaced.
        delay: from an observation to its answer's effect, most often [control steps].
        trouble: why the newest safe command was sent in place of a plan; empty: there was none.
        terminated: whether the plant ended the episode as failed or done.
        readings: as of `RehearsedPlant`, a row for each control step.
        places: the same.
    """

    times: FloatArray
    observations: FloatArray
    actions: FloatArray
    safe: np.ndarray
    rewards: FloatArray
    sources: list[int] = field(default_factory=list)
    changed: int = 0
    delay: int = 0
    trouble: str = ""
    terminated: bool = False
    readings: FloatArray = field(default_factory=lambda: np.empty((0, 0)))
    places: FloatArray = field(default_factory=lambda: np.empty((0, 0)))


class Rehearsal:
    """A controller and a guard before a plant.

    Attributes:
        controller: it may be changed before the episode.
        task: not in lock-step.
    """

    def __init__(
        self,
        configuration: Configuration,
        plant: RehearsedPlant,
        model: ModelUpdate | None,
        timing: Timing | None = None,
    ) -> None:
        """Make them.

        Args:
            configuration: of the system.
            plant: at the start of an episode.
            model: to plan with; None: it explores.
            timing: how uneven it is; None: even.

        Raises:
            ValueError: naming the parameter that does not fit, or why the model does not.
        """
        torch.set_num_threads(1)
        self.task = task_of(configuration)
        self._now = 0.0
        self._plant, self._timing = plant, timing or Timing()
        self._objective = objective_of(configuration, self.task)
        self._guard = Guard(self.task, configuration.build("safety_guard"))
        safe = SafeCommand.of(self.task)
        self._guard.safe.patience = safe.patience = math.inf
        self.controller = Controller(
            self.task.observation_space(),
            self.task.action_space(),
            self._objective,
            configuration.build("mpc_controller"),
            period=self.task.period,
            lock_step=False,
            seed=self.task.seed,
            safe=safe,
            learner=self.task.learner,
            limits=self.task.limits,
            clock=lambda: self._now,
        )
        if model is not None:
            self.controller.models.offer(model, 1, 1)
        self._changed = 0
        self._sources = [0] * len(CommandSource)
        self._trouble = ""

    def play(self, steps: int, idle: bool = False, moves: FloatArray | None = None) -> Record:
        """Play an episode.

        Args:
            steps: control steps, unless the plant ends it before.
            idle: whether nobody commands.
            moves: commands in place of the controller's, shape ``(steps, A)``.

        Returns:
            the record; without a step if the robot was never observed, ``trouble`` says why.
        """
        timing = self._timing
        rng = np.random.default_rng(timing.seed)
        period = self.task.period
        seen: list[Observation] = []
        first, k = 1, 0
        while k - first <= steps:
            k += 1
            uneven = timing.rate_jitter * (float(rng.random()) - 0.5)
            late = float(rng.random()) < timing.late
            self._now = now = (k + uneven) * period
            observation = self._plant.step(now)
            if observation is not None:
                if not seen:
                    first = k
                seen.append(observation)
                if observation.ended or observation.step >= steps:
                    break
            if moves is not None and observation is not None:
                place = observation.episode, observation.step
                self._send(self._guard.observe(observation, now))
                self._send(self._guard.propose(moves[place[1]], *place, False, now))
            elif not idle and moves is None:
                self._answer(observation, seen, late)
        self._plant.close()
        return self._record(seen)

    def _answer(self, observation: Observation | None, seen: list[Observation], late: bool) -> None:
        now, controller = self._now, self.controller
        if observation is None:
            command = controller.silence(seen[-1] if seen else None, now)
            self._send(self._guard.silence(now))
        else:
            received = replace(observation, received=now)
            self._send(self._guard.observe(received, now))
            seen[-1] = received
            try:
                command = controller.tick(received)
            except Exception as error:  # as the loop on the robot: it goes on
                command = controller.fault(received, error)
        if command is None:
            return
        self._sources[command.source] += 1
        if command.source is CommandSource.FALLBACK:
            self._trouble = command.reason
        if late:
            return
        planned = controller.planned
        if self._plant.follows and planned is not None and not command.source.safe:
            with contextlib.suppress(UnlearnedError):  # told by the controller's node
                self._plant.follow(planned.gains())
        self._send(
            self._guard.propose(
                command.values, command.episode, command.step, command.source.safe, now
            ),
            command,
        )

    def _send(self, verdict: Verdict | None, command: Command | None = None) -> None:
        if verdict is None:
            return
        if verdict.reason:
            self._changed += 1
            if command is not None:
                self.controller.known.latency.changed(verdict.step, verdict.values)
        self._plant.command(verdict.values, verdict.episode, verdict.step, self._now, verdict.safe)

    def _record(self, seen: list[Observation]) -> Record:
        if len(seen) < 2:
            record = self._unobserved()
        else:
            record = record_of(seen, self._objective, self.task.period)
            record.trouble = self._trouble
        record.sources, record.changed = self._sources, self._changed
        record.delay = self.controller.known.latency.delay
        record.readings = np.stack(self._plant.readings)
        record.places = np.array(self._plant.places)
        return record

    def _unobserved(self) -> Record:
        dims = self.task.observation_space().dim, self.task.action_space().dim
        seen, acted = (np.empty((0, dim)) for dim in dims)
        why = f"nothing was observed: {self._plant.problem}"
        return Record(np.empty(0), seen, acted, np.empty(0, bool), np.empty(0), trouble=why)


def observed(record: Record) -> Record:
    """Return the record of an episode that must have been observed.

    Raises:
        ValueError: if it was not.
    """
    if not len(record.rewards):
        raise ValueError(record.trouble)
    return record


def record_of(seen: list[Observation], objective: Objective, period: float) -> Record:
    """Return what was observed of an episode.

    Args:
        seen: its observations in order, two of them or more.
        objective: pays where the plant does not.
        period: of control [s].

    Raises:
        SettingsError: if the objective judges by what only a model tells.
    """
    observations = np.stack([each.values for each in seen])
    actions = np.stack([each.action for each in seen[1:]])
    rewards = np.array([each.reward for each in seen[1:]])
    if not np.isfinite(rewards).all():
        rewards = _paid(objective, observations, actions)
    return Record(
        (np.array([each.step for each in seen]) - seen[0].step) * period,
        observations,
        actions,
        np.array([each.action_step < 0 for each in seen[1:]]),
        rewards,
        terminated=seen[-1].terminated,
    )


def task_of(configuration: Configuration) -> TaskSettings:
    """Return a task as it is on the robot: not in lock-step, as fast as time."""
    values = {**configuration.shared, "lock_step": False, "real_time_factor": 1.0}
    return build(TaskSettings, values)


def objective_of(configuration: Configuration, task: TaskSettings) -> Objective:
    """Return the objective of a configuration.

    Raises:
        ValueError: naming the parameter that does not fit.
    """
    parameters = objective_parameters(configuration.node("mpc_controller"))
    spaces = task.observation_space(), task.action_space()
    return ObjectiveSet.from_parameters(parameters, *spaces, task.period).objective


def _paid(objective: Objective, observations: FloatArray, actions: FloatArray) -> FloatArray:
    """Return what an objective pays for each step of an episode, shape ``(T,)``.

    Args:
        objective: to judge by.
        observations: shape ``(T + 1, O)``.
        actions: shape ``(T, A)``.

    Raises:
        SettingsError: if it judges by what only a model tells.
    """
    seen, done = torch.from_numpy(observations), torch.from_numpy(actions)
    try:
        rewards = objective.rewards(seen[1:], done, seen[:1])
    except UnlearnedError as error:
        raise SettingsError(
            f"objective: expected one of named dimensions, or a plant that pays rewards, got one "
            f"that only a model knows: {error}"
        ) from None
    return rewards.double().numpy()


def beyond(task: TaskSettings, observations: FloatArray) -> FloatArray:
    """Return how far each observation is beyond ``limits``; zero: within.

    It is infinite where that is not known, as of a formula without a value there.

    Args:
        task: has the limits; the margin is not counted.
        observations: shape ``(..., O)``.

    Raises:
        ValueError: naming the parameter that does not fit.
    """
    limits = replace(task.limits, margin=[0.0])
    barriers = make_barriers(limits, task.observation_space())
    rows = observations.reshape(-1, observations.shape[-1])
    left = np.array([[barrier.h(row) for barrier in barriers] for row in rows])
    left = left.reshape(len(rows), len(barriers))
    far = np.where(np.isnan(left), np.inf, -left).max(axis=1, initial=0.0)
    return far.reshape(observations.shape[:-1])


def recovery(record: Record, push_time: float, good: float) -> float:
    """Return how long rewards stayed low after a push [s]; infinity: to the end.

    Args:
        record: of the episode.
        push_time: when it was pushed [s].
        good: reward of a step from which on it counts as well as before.
    """
    after = record.times[1:] > push_time
    if not after.any():
        return 0.0
    low = after & (record.rewards < good)
    if not low.any():
        return 0.0
    last = int(np.flatnonzero(low)[-1])
    return math.inf if last == len(low) - 1 else float(record.times[last + 1]) - push_time
