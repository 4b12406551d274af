"""Deterministic lock-step loop of plant, learner and controller in one process, without DDS."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from mbrl_ros.control.command import Command, CommandSource
from mbrl_ros.control.controller import Controller
from mbrl_ros.core.kinds import make_learner
from mbrl_ros.core.records import Observation
from mbrl_ros.core.settings import SettingsError, build
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.data.pairing import TransitionPairer
from mbrl_ros.data.transitions import Transitions
from mbrl_ros.learning.learner import GateDecision, Learner
from mbrl_ros.models.update import ModelUpdate
from mbrl_ros.objectives.objective_manager import ObjectiveManager
from mbrl_ros.objectives.objective_set import ObjectiveSet
from mbrl_ros.safety.safe_command import SafeCommand
from mbrl_ros.simulation.simulator import make_simulator
from mbrl_ros.system.configuration import Configuration
from mbrl_ros.system.schema import objective_parameters


@dataclass(frozen=True)
class Episode:
    """One finished episode.

    Attributes:
        env_steps: environment steps of the run when it ended.
        number: counts episodes of the run, from 0.
        total_reward: its return, from the environment's rewards.
    """

    env_steps: int
    number: int
    total_reward: float


class LockStepSystem:
    """The components of the four nodes, called in turn.

    Attributes:
        simulator: the plant.
        manager: of the objective; change it between steps.
        learner: trains the model.
        controller: plans with the model.
        learning: whether it learns from new transitions.
        on_policy: whether the controller uses the models, instead of exploring only.
        pairer: makes transitions of observations, and counts those of which it cannot.
        transitions: all training data.
        models: number of models that passed the gate.
        published: the newest of them.
        decision: the newest gate decision; None before the first.
        episodes: complete ones so far, without those of `evaluate`.
        holdout_errors: (env steps, open-loop error) at every decision of the gate.
        plan_ms: planning time of every planned command [ms].
        sources: commands per source, indexed by `CommandSource`.
        expected_return: of the newest command's plan, in the objective's unit; NaN without one.
    """

    def __init__(self, configuration: Configuration) -> None:
        """Create all components.

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
        self.simulator = make_simulator(task, plant)
        self._endless = plant.time_limit == math.inf
        self.learner: Learner = make_learner(
            task.learner, observation, action, configuration.build("model_trainer"), task.seed
        )
        self.controller = Controller.of_task(
            task, self.manager.objective, configuration.build("mpc_controller")
        )
        self.pairer = TransitionPairer(observation, action, SafeCommand.of(task).resting)
        self.pairer.feed(self.simulator.observation)
        self.transitions = Transitions(observation, action)
        self.models = 0
        self.published: ModelUpdate | None = None
        self.decision: GateDecision | None = None
        self.episodes: list[Episode] = []
        self.holdout_errors: list[tuple[int, float]] = []
        self.plan_ms: list[float] = []
        self.sources = [0] * len(CommandSource)
        self.expected_return = math.nan
        self._period = task.period
        self.learning = True
        self.on_policy = True
        self._return = 0.0

    def step(self) -> tuple[Command | None, Observation, Episode | None]:
        """Advance by one control step.

        Returns:
            the command (None: the step starts the next episode), the resulting observation, and the
            episode if it ended.
        """
        before = self.simulator.observation
        if before.ended:
            after = self.simulator.advance()
            self.pairer.feed(after)
            return None, after, None
        self.controller.objective = self.manager.objective
        command = self.controller.tick(replace(before, received=time.monotonic()))
        self.sources[command.source] += 1
        self.expected_return = command.expected_return
        if command.plan_time:
            self.plan_ms.append(1e3 * command.plan_time)
        self.simulator.command(
            command.values, before.episode, before.step, before.time, command.source.safe
        )
        after = self.simulator.advance()
        transition = self.pairer.feed(after)
        self.manager.observe(after.values, self._period)
        if after.episode != before.episode:
            self._return = 0.0
            return command, after, None
        if self.learning and transition is not None:
            self.transitions.append(transition)
            self.learner.append(transition)
            self._learn()
        self._return += after.reward
        if not after.ended:
            return command, after, None
        episode = Episode(self.simulator.env_steps, before.episode, self._return)
        self._return = 0.0
        return command, after, episode

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
        """
        while self.simulator.env_steps < env_steps:
            _, _, episode = self.step()
            if episode is not None:
                self.episodes.append(episode)
                on_episode(episode)
            on_step(self.simulator.env_steps)

    def check_ends(self) -> None:
        """Check that episodes end, as evaluation requires.

        Raises:
            SettingsError: if they do not.
        """
        if self._endless:
            raise SettingsError(
                "mujoco_sim.time_limit: expected a limit, or no episodes to evaluate, got inf"
            )

    def evaluate(
        self, episodes: int, on_episode: Callable[[int], None] = lambda _: None
    ) -> list[float]:
        """Run whole episodes with the model frozen and return their returns.

        Args:
            episodes: their number.
            on_episode: called after every episode with the number so far.

        Raises:
            SettingsError: if episodes never end.
        """
        if episodes:
            self.check_ends()
        learning, adapting = self.learning, self.controller.models.adapt(False)
        self.learning = False
        self.pairer.feed(self.simulator.reset())
        self._return = 0.0
        returns: list[float] = []
        while len(returns) < episodes:
            _, _, episode = self.step()
            if episode is not None:
                returns.append(episode.total_reward)
                on_episode(len(returns))
        self.learning = learning
        self.controller.models.adapt(adapting)
        return returns

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
