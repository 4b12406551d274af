"""Deterministic lock-step loop of plant, learner and controller in one process, without DDS."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from mbrl_ros.control.command import Command, CommandSource
from mbrl_ros.control.controller import Controller
from mbrl_ros.control.frames import FrameJoiner
from mbrl_ros.core.records import ENCODINGS, Actor, Frame, Observation, add_reward
from mbrl_ros.core.settings import SettingsError, build
from mbrl_ros.core.spaces import Space
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.data.frames import encode
from mbrl_ros.data.pairing import TransitionPairer
from mbrl_ros.data.transitions import Transitions
from mbrl_ros.diagnosis.diagnosis import Diagnosis
from mbrl_ros.learning.checked import make_learner
from mbrl_ros.learning.demonstrations import show_bags
from mbrl_ros.learning.learner import GateDecision, Learner
from mbrl_ros.models.prior import prior_of
from mbrl_ros.models.update import ModelUpdate
from mbrl_ros.objectives.objective_manager import ObjectiveManager
from mbrl_ros.objectives.objective_set import ObjectiveSet
from mbrl_ros.safety.guard import Guard
from mbrl_ros.safety.safe_command import SafeCommand
from mbrl_ros.simulation.camera import Eye
from mbrl_ros.simulation.settings import CameraSettings
from mbrl_ros.simulation.simulator import Simulator, Vary, make_simulator
from mbrl_ros.system.configuration import Configuration
from mbrl_ros.system.episodes import LONGEST_EPISODE, Episode, check_ends, unfinished
from mbrl_ros.system.plants import MakePlant, simulated
from mbrl_ros.system.schema import objective_parameters


class LockStepSystem:
    """The components of the five nodes, called in turn.

    Attributes:
        simulator: the plant.
        guard: between controller and plant.
        intervention: why the guard last let something else pass; empty: it never did.
        manager: of the objective; change it between steps.
        learner: trains the model.
        controller: plans with the model.
        learning: whether it learns from new transitions.
        on_policy: whether the controller uses the models, instead of exploring only.
        pairer: makes transitions of observations, and counts those of which it cannot.
        transitions: all training data.
        diagnosis: of this data.
        models: number of models that passed the gate.
        published: the newest of them.
        decision: the newest gate decision; None before the first.
        episodes: complete ones so far, without those of `evaluate`.
        holdout_errors: (env steps, open-loop error) at every decision of the gate.
        plan_ms: planning time of every planned command [ms].
        sources: commands per source, indexed by `CommandSource`.
        trouble: why the newest safe command was sent in place of a plan; empty: there was none.
        unfinished: which episodes of the last evaluation did not come to their end; empty: all did.
        expected_return: of the newest command's plan, in the objective's unit; NaN without one.
    """

    def __init__(
        self, configuration: Configuration, make: MakePlant = simulated, vary: Vary | None = None
    ) -> None:
        """Create all components.

        Args:
            configuration: of the system.
            make: makes the plant.
            vary: draws the physics of each episode; None: they stay as they are.

        Raises:
            ValueError: naming the invalid parameter.
        """
        torch.set_num_threads(1)
        values = {**configuration.shared, "lock_step": True}
        task = build(TaskSettings, values)
        observation, action = task.observation_space(), task.action_space()
        controller = configuration.node("mpc_controller")
        self.manager = ObjectiveManager(
            ObjectiveSet.from_parameters(
                objective_parameters(controller), observation, action, task.period
            )
        )
        plant = configuration.build("mujoco_sim")
        self.simulator = make_simulator(task, plant, make(configuration), vary)
        self._plant = plant
        self.guard = Guard(task, configuration.build("safety_guard"))
        trainer = configuration.build("model_trainer")
        self.learner: Learner = make_learner(
            task.learner, observation, action, trainer, task.seed, prior_of(task)
        )
        self._begin_with(trainer.demonstrations, observation, action)
        self.controller = Controller.of_task(
            task, self.manager.objective, configuration.build("mpc_controller")
        )
        self._joiner = FrameJoiner(observation.images, observation.image_size)
        self._eye = _open_eye(observation, self.simulator, plant.camera)
        self.pairer = TransitionPairer(
            observation, action, SafeCommand.of(task).resting, task.period
        )
        self.pairer.feed(self.simulator.observation)
        self.transitions = Transitions(observation, action)
        self.diagnosis = Diagnosis(observation, task.period)
        self.models = 0
        self.published: ModelUpdate | None = None
        self.decision: GateDecision | None = None
        self.episodes: list[Episode] = []
        self.holdout_errors: list[tuple[int, float]] = []
        self.plan_ms: list[float] = []
        self.sources = [0] * len(CommandSource)
        self.trouble = ""
        self.intervention = ""
        self.expected_return = math.nan
        self._period = task.period
        self.unfinished = ""
        self.learning = True
        self.on_policy = True
        self._return = math.nan

    def _begin_with(self, demonstrations: list[str], observation: Space, action: Space) -> None:
        bags = [Path(bag) for bag in demonstrations]
        try:
            show_bags(self.learner, bags, observation, action)
        except ValueError as error:
            raise SettingsError(f"model_trainer.demonstrations: {error}") from None

    def resume(
        self,
        log: Transitions,
        episodes: Sequence[Episode],
        env_steps: int,
        models: int,
        update: ModelUpdate | None,
        state: dict[str, Tensor] | None,
    ) -> None:
        """Go on where an earlier process ended, with a new episode.

        Args:
            log: its transitions.
            episodes: its complete ones.
            env_steps: made by it.
            models: number of models that passed the gate.
            update: the newest of them; None: none.
            state: the learner's then; None: unknown.

        Raises:
            ValueError: if the model does not suit the configuration.
        """
        if update is not None:
            self.learner.restore(update, state)
            self.published, self.models = update, models
            self.controller.models.offer(update, 1, models)
        for transition in log:
            self.transitions.append(transition)
            self.learner.take(transition)
        self.diagnosis.resume(len(log))
        self.episodes = list(episodes)
        newest = int(log.episode[-1]) if len(log) else -1
        number = max([newest, *(episode.number for episode in episodes)]) + 1
        stamp = int(log.stamp[-1]) if len(log) else 0
        self.pairer.feed(self.simulator.go_on(number, env_steps, stamp))

    def step(self) -> tuple[Command | None, Observation, Episode | None]:
        """Advance by one control step.

        Returns:
            the command (None: the step starts the next episode), the resulting observation, and the
            episode if it is over. A diverged one has no return.
        """
        before = self.simulator.observation
        whole = self._whole(before)
        if before.ended:
            after = self.simulator.advance()
            self.pairer.feed(after)
            return None, after, None
        self.controller.objective = self.manager.objective
        self.learner.pursue(self.manager.objective)
        command = self.controller.tick(replace(whole, received=time.monotonic()))
        self.sources[command.source] += 1
        if command.source is CommandSource.FALLBACK:
            self.trouble = command.reason
        self.expected_return = command.expected_return
        if command.plan_time:
            self.plan_ms.append(1e3 * command.plan_time)
        self._send(command, before)
        after = self.simulator.advance()
        transition = self.pairer.feed(after)
        self.manager.observe(after.values, self._period)
        if after.episode != before.episode:
            self._return = math.nan
            lost = Episode(self.simulator.env_steps, before.episode, math.nan, False, True)
            return command, after, lost
        if self.learning and transition is not None:
            self.transitions.append(transition)
            if self.diagnosis.is_due(len(self.transitions)):
                self.diagnosis.examine(self.transitions)
            self.learner.take(transition)
            self._learn()
        self._return = add_reward(self._return, after.reward)
        if not after.ended:
            return command, after, None
        episode = Episode(self.simulator.env_steps, before.episode, self._return)
        self._return = math.nan
        return command, after, episode

    def _whole(self, observation: Observation) -> Observation:
        """Return the plant's present observation with its images, which the learner is shown."""
        if self._eye is None:
            return observation
        image = self._eye.look()
        height, width, _ = image.shape
        step = observation.episode, observation.step
        data = encode(image, ENCODINGS[0])
        frame = Frame(*step, self._eye.name, ENCODINGS[0], width, height, data, observation.stamp)
        if self.learning:
            self.learner.see(frame)
        self._joiner.see(frame)
        whole = self._joiner.observe(observation)
        assert whole is not None  # its frame has just been taken
        return whole

    def _send(self, command: Command, seen: Observation) -> None:
        """Hand a command through the guard to the plant."""
        self.guard.observe(seen, seen.time)
        verdict = self.guard.propose(
            command.values, command.episode, command.step, command.source.safe, seen.time
        )
        if verdict is None:
            return  # the plant does without
        changed = Actor.FALLBACK if verdict.safe else Actor.GUARD
        self.pairer.acted(
            verdict.episode,
            verdict.step,
            changed if verdict.reason or verdict.safe else Actor.CONTROLLER,
        )
        if verdict.reason:
            self.intervention = verdict.reason
            self.controller.known.latency.changed(verdict.step, verdict.values)
        self.simulator.command(
            verdict.values, verdict.episode, verdict.step, seen.time, verdict.safe
        )

    def run(
        self,
        env_steps: int,
        on_step: Callable[[int], None] = lambda _: None,
        on_episode: Callable[[Episode], None] = lambda _: None,
    ) -> None:
        """Learn until the plant has made ``env_steps`` environment steps.

        Args:
            env_steps: environment steps, action repeat included.
            on_step: called after every control step with the steps so far.
            on_episode: called after every complete episode.

        It ends whatever the plant does: every control step makes steps, also one that diverges.
        """
        while self.simulator.env_steps < env_steps:
            _, _, episode = self.step()
            if episode is not None and episode.ended:
                self.episodes.append(episode)
                on_episode(episode)
            on_step(self.simulator.env_steps)

    def evaluate(
        self,
        episodes: int,
        on_episode: Callable[[int], None] = lambda _: None,
        on_step: Callable[[], None] = lambda: None,
    ) -> list[float]:
        """Run episodes with the model frozen, to their ends, and return their returns.

        One that diverges counts as played, with the return NaN. One that goes on for longer than
        `LONGEST_EPISODE` control steps is cut there and has the return so far, unless the parameter
        ``time_limit`` ends it.

        Args:
            episodes: their number.
            on_episode: called after every episode with the number so far.
            on_step: called after every control step.

        Raises:
            SettingsError: if episodes never end.
        """
        if episodes:
            check_ends(self._plant)
        learning, adapting = self.learning, self.controller.models.adapt(False)
        exploring = self.controller.exploring
        self.learning = self.controller.exploring = False
        try:
            played: list[Episode] = []
            for number in range(1, episodes + 1):
                self.pairer.feed(self.simulator.reset())
                self._return = math.nan
                played.append(self._play(on_step))
                on_episode(number)
            self.unfinished = unfinished(played, LONGEST_EPISODE, self.simulator.divergence)
            return [episode.total_reward for episode in played]
        finally:
            self.learning, self.controller.exploring = learning, exploring
            self.controller.models.adapt(adapting)

    def _play(self, on_step: Callable[[], None]) -> Episode:
        """Play the episode that has just begun."""
        number = self.simulator.observation.episode
        longest = None if self.simulator.plant.ends else LONGEST_EPISODE
        for _ in itertools.islice(itertools.count(), longest):
            _, _, episode = self.step()
            on_step()
            if episode is not None:
                return episode
        return Episode(self.simulator.env_steps, number, self._return, ended=False)

    def _learn(self) -> None:
        learner = self.learner
        while learner.owed_updates >= 1:
            learner.update()
        if learner.is_due:
            self.decision = decision = learner.judge()
            self.holdout_errors.append((self.simulator.env_steps, decision.holdout_error))
            if decision.update is not None:
                self.published = decision.update
                self.models += 1
                if self.on_policy:
                    self.controller.models.offer(decision.update, 1, self.models)


def _open_eye(observation: Space, simulator: Simulator, camera: CameraSettings) -> Eye | None:
    """Return the camera whose images are observed; None: none are.

    Raises:
        SettingsError: if there are others than the plant has.
    """
    if not observation.images:
        return None
    eye = Eye(simulator.plant, camera)
    if observation.images != (eye.name,):
        raise SettingsError(
            f"observation.images: expected {eye.name}, the camera of mujoco_sim.camera.name, got "
            f"{', '.join(observation.images)}"
        )
    return eye
