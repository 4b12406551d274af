"""The controller: one command for each tick, whatever happens."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from mbrl_ros.agents.registry import make_agent
from mbrl_ros.control.answers import Answers
from mbrl_ros.control.command import Command, CommandSource
from mbrl_ros.control.exploration import Exploration
from mbrl_ros.control.knowledge import Knowledge
from mbrl_ros.control.model_manager import ActiveModel, ModelManager
from mbrl_ros.control.plan_record import PlanRecord
from mbrl_ros.control.questions import Questions
from mbrl_ros.control.settings import ControllerSettings
from mbrl_ros.control.trust import Level
from mbrl_ros.core.extensions import describe
from mbrl_ros.core.limits import LimitSettings
from mbrl_ros.core.pending import calling
from mbrl_ros.core.records import Observation
from mbrl_ros.core.spaces import Space
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.models.prior import Prior, prior_of
from mbrl_ros.models.world_model import UnlearnedError
from mbrl_ros.objectives.forbidden import Forbidden
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning.duration import DurationEstimate
from mbrl_ros.planning.problem import NoPlanError
from mbrl_ros.planning.settings import PlannerSettings
from mbrl_ros.safety.safe_command import SafeCommand


class Controller:
    """Answers observations with commands.

    `tick` and `reset` belong to one thread. The attributes ``models`` and ``objective`` may be
    changed from another: they swap a reference, which the next tick reads once.

    Attributes:
        objective: judges plans; replace it at any time.
        models: the model in use, and how it is replaced.
        estopped: while true, only the safe command is sent.
        safe: what is sent when in doubt.
        known: what it knows of the plant, of the delay of commands and of the model.
        overhead: time from the end of a tick until its command is sent.
        plan_times: of the last 200 planned ticks [s].
        agent: decides.
        awaited: cameras whose frame of the newest observation has not come.
        planned: the newest plan, None while nobody may act on one.
    """

    def __init__(
        self,
        observation: Space,
        action: Space,
        objective: Objective,
        settings: ControllerSettings,
        *,
        period: float,
        lock_step: bool,
        seed: int,
        safe: SafeCommand,
        learner: str = "ensemble",
        limits: LimitSettings | None = None,
        prior: Prior | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make a controller.

        Args:
            observation: O dimensions.
            action: A dimensions.
            objective: judges plans.
            settings: the controller's parameters.
            period: wall time between two observations [s].
            lock_step: whether the plant waits, so that no deadline holds.
            seed: of exploration and sampling.
            safe: the task's safe command; nobody else may use it.
            learner: kind of models that are accepted.
            limits: of the task, which the guard keeps; None: there are none.
            prior: of the task, that models are learned with; None: there is none.
            clock: what observations are received and answered by [s].

        Raises:
            ValueError: if the planner does not suit the action, or the device is not there.
        """
        if settings.device == "cuda" and not torch.cuda.is_available():
            raise ValueError("device: expected cpu, got 'cuda', and torch sees no CUDA device")
        self.observation = observation
        self.action = action
        self.objective = objective
        self.settings = settings
        self.period = period
        self.lock_step = lock_step
        self._clock = clock
        self.estopped = False
        self.safe = safe
        self.known = Knowledge(observation, action, settings, safe.resting)
        self._answers = Answers(action, safe, self.known.latency, clock)
        self.plan_times: deque[float] = deque(maxlen=200)
        self.overhead = DurationEstimate()
        self.agent = make_agent(settings.agent, action, settings.planner, seed, clock)
        self.exploring = True
        limits = limits or LimitSettings()
        self._questions = Questions(self.known, settings, Forbidden(limits, observation))
        self._exploration = Exploration(action, settings.exploration, seed, period, limits.rate)
        past = self.known.beliefs.past
        self.models = ModelManager(
            observation, action, settings, learner, self.agent.check, past, prior
        )
        self.awaited: tuple[str, ...] = ()
        self._last: Command | None = None
        self.planned: PlanRecord | None = None
        self._planned_step = 0
        self.models.begin_with_prior(objective)

    @classmethod
    def of_task(
        cls, task: TaskSettings, objective: Objective, settings: ControllerSettings
    ) -> Controller:
        """Return the controller of a task.

        Args:
            task: gives spaces, period, seed, safe command and kind of models.
            objective: judges plans.
            settings: the controller's parameters.

        Raises:
            ValueError: naming what is wrong in the task or in the settings.
        """
        return cls(
            task.observation_space(),
            task.action_space(),
            objective,
            settings,
            period=task.period / task.real_time_factor,
            lock_step=task.lock_step,
            seed=task.seed,
            safe=SafeCommand.of(task),
            learner=task.learner,
            limits=task.limits,
            prior=prior_of(task),
        )

    @property
    def exploring(self) -> bool:
        """Whether it may try other things than the best it knows."""
        return self._exploring

    @exploring.setter
    def exploring(self, exploring: bool) -> None:
        self._exploring = exploring
        self.agent.exploring = exploring and self.settings.exploration.policy

    @property
    def may_explore(self) -> bool:
        """Whether it may command without a model."""
        return self.settings.exploration.enabled or not self.agent.needs_model

    @property
    def delay(self) -> int:
        """Control steps from an observation to its action's effect: measured, and of the model."""
        active = self.models.active
        return self.known.latency.delay + (active.model.delay if active else 0)

    @property
    def budget(self) -> float:
        """Time from an observation's arrival until its plan must be done [s]."""
        return self.period * (1.0 - self.settings.deadline_margin) - self.overhead.bound

    def reset(self) -> None:
        """Forget plans and commands, as before the first tick; model and objective stay."""
        self._withdraw_plan()
        self.agent.reset()
        self.known.new_episode(self.safe.held)
        self._last = None

    def tick(self, observation: Observation, overtaken: Sequence[Observation] = ()) -> Command:
        """Answer an observation, within the budget counted from its arrival.

        An observation that was answered before gets the same answer: a simulator in lock-step
        repeats itself when it hears nothing.

        Args:
            observation: the newest.
            overtaken: those since the last tick that will not be answered, oldest first.
        """
        # One reference for the whole tick: the attribute may be replaced meanwhile.
        active, last = self.models.active, self._last
        answered = (observation.episode, observation.step)
        if last is not None and (last.episode, last.step) == answered and not self.estopped:
            return last
        for earlier in overtaken:
            self._take_in(earlier, active)
        trouble = self._take_in(observation, active)
        command = self._answer(observation, active, trouble)
        if self.estopped and command.source is not CommandSource.FALLBACK:
            # The e-stop came while it was planned.
            command = self._answer(observation, active, trouble)
        self._last = command
        return command

    def silence(self, observation: Observation | None, now: float) -> Command | None:
        """Return what to send when a period has passed without a new observation.

        Args:
            observation: the newest one there is.
            now: on the clock [s].

        Returns:
            the rest of the last plan while the observation is fresh enough, then the safe command;
            None before the first observation.
        """
        if observation is None:
            return None
        age = now - observation.received
        reason = f"no observation for {age:.2f} s"
        if self.awaited:
            reason += f": no frame of camera {' and '.join(map(repr, self.awaited))} came with it"
        if age <= self.settings.longest_silence(self.period):
            step = observation.step + int(age / self.period)
            if (reused := self._reused(observation, step, reason)) is not None:
                return reused
        else:
            # To damp a velocity of long ago would push.
            unknown = np.full(self.observation.dim, np.nan)
            observation = replace(observation, values=unknown)
        return self._hold(observation, reason)

    def stand_in(self, observation: Observation) -> Command:
        """Return what to send while `tick` is still busy with an earlier observation.

        Unlike `tick` it takes no time, and any thread may call it. What hangs has seen nothing
        since the last plan, which goes on for as long as with a silent plant.
        """
        reason = "the last tick is not over"
        reused = self._gone_on(observation, reason)
        return self._hold(observation, reason) if reused is None else reused

    def last_moment(self, observation: Observation) -> Command | None:
        """Return what to send in place of what `tick` comes to, which is not over in time.

        Returns:
            the rest of the last plan; None where that holds nothing, so that the tick is to be
            waited for. As for `stand_in`, any thread may call it.
        """
        command = self._gone_on(observation, "the plan is not ready in time")
        if command is not None:
            self.known.latency.changed(observation.step, command.values)
        return command

    def farewell(self, observation: Observation) -> Command:
        """Return the safe command to send last, before falling silent."""
        self._withdraw_plan()
        return self._answers.safely(observation, CommandSource.FALLBACK, "deactivated")

    def fault(self, observation: Observation, error: BaseException) -> Command:
        """Return the safe command, after an exception on the control path."""
        self._withdraw_plan()
        return self._answers.safely(observation, CommandSource.FALLBACK, describe(error))

    def limit(self, limits: LimitSettings) -> None:
        """Plan and explore within other limits from the next tick on; for any thread.

        Raises:
            ValueError: naming the parameter that does not fit; nothing is changed then.
        """
        forbidden = Forbidden(limits, self.observation)
        self._exploration.keep_to(limits.rate)
        self._questions.forbidden = forbidden

    def replace_planner(self, settings: PlannerSettings) -> None:
        """Plan with other settings from the next tick on; what the last plan knew is kept.

        Raises:
            ValueError: if there is no such planner, or it does not suit the action space or the
                model; the present one stays.
        """
        active = self.models.active
        self.agent.configure(settings, active.model if active else None)
        self.settings = replace(self.settings, planner=settings)
        self.models.compute_as(settings)

    def what_if(self, objective: Objective) -> PlanRecord:
        """Return what would be planned now for another objective; for any thread.

        Raises:
            ValueError: if there is no plan now to start from.
            NoPlanError: if no candidate has a finite return.
        """
        planned = self.planned
        if planned is None:
            raise ValueError("what_if: there is no plan now whose start could be taken")
        if self.agent.planner is None:
            raise ValueError("what_if: the agent does not plan")
        return planned.what_if(objective, self.agent.planner, self._clock)

    def _take_in(self, observation: Observation, active: ActiveModel | None) -> str:
        """Take in an observation; returns as `Knowledge.take_in` does."""
        began = self.known.begins(observation)
        self._answers.note_applied(observation, began)
        if began:
            self.reset()
        return self.known.take_in(observation, active)

    def _answer(
        self, observation: Observation, active: ActiveModel | None, trouble: str
    ) -> Command:
        """Return what to do.

        Args:
            observation: taken in.
            active: the model of this tick.
            trouble: why it could not be; empty if all is well.
        """
        if self.estopped or trouble:
            self._withdraw_plan()
            return self._answers.safely(
                observation, CommandSource.FALLBACK, "e-stop" if self.estopped else trouble
            )
        if observation.ended:
            self._withdraw_plan()
            return self._answers.safely(observation, CommandSource.HOLD, "the episode ended")
        if active is None and not self.may_explore:
            reason = "no model yet, and exploration.enabled is false"
            return self._answers.safely(observation, CommandSource.HOLD, reason)
        if active is None and self.agent.needs_model:
            sent = self.known.latency.before(observation.step)
            values = self._exploration(sent[-1] if len(sent) else self.safe.held)
            refused = self.models.refusal
            reason = f"model refused: {refused}" if refused else "no model yet"
            return self._answers.command(observation, values, CommandSource.EXPLORATION, reason)
        if self.known.trusted is Level.NONE:
            self._withdraw_plan()
            reason = f"the model is not to be trusted: {self.known.trust.reason}"
            return self._answers.safely(observation, CommandSource.FALLBACK, reason)
        return self._decided(observation, active)

    def _decided(self, observation: Observation, active: ActiveModel | None) -> Command:
        began = self._clock()
        deadline = None if self.lock_step else observation.received + self.budget
        elapsed = observation.step - self._planned_step
        problem = None
        try:
            if active is not None:
                problem = self._questions.ask(
                    observation, active.model, self.objective, self.exploring
                )
            with calling("planning"):
                result = self.agent.act(problem, deadline, elapsed, self.known.trusted.horizon)
        except (NoPlanError, UnlearnedError) as error:
            self._withdraw_plan()
            return self._answers.safely(observation, CommandSource.FALLBACK, str(error))
        self._planned_step = observation.step
        took = self._clock() - began
        self.plan_times.append(took)
        if result is None:
            reason = "no time to plan"
            reused = self._reused(observation, observation.step, reason, took)
            if reused is None:
                reason += ", and no plan to reuse"
                return self._answers.safely(observation, CommandSource.FALLBACK, reason)
            return reused
        source = CommandSource.PLANNED if result.complete else CommandSource.TRUNCATED
        reason = "" if result.complete else f"time for {result.iterations} iterations only"
        values = self.action.clip(result.actions[0].double().numpy())
        if not np.isfinite(values).all():
            self._withdraw_plan()
            reason = f"agent: expected finite numbers, got {values.tolist()}"
            return self._answers.safely(observation, CommandSource.FALLBACK, reason)
        if problem is None:
            return self._answers.command(observation, values, source, reason, took)
        version = active.version if active else (0, 0)
        self.planned = PlanRecord(observation, problem, result, version)
        return self._answers.command(
            observation, values, source, reason, took, version,
            result.expected_return, problem.objective.digest,
        )  # fmt: skip

    def _hold(self, observation: Observation, reason: str) -> Command:
        """Return the safe command where nothing is answered; an e-stop is told all the same."""
        if self.estopped:
            return self._answers.safely(observation, CommandSource.FALLBACK, f"e-stop; {reason}")
        return self._answers.safely(observation, CommandSource.HOLD, reason)

    def _withdraw_plan(self) -> None:
        """Let nobody act on the last plan any more; the next one may still start from it."""
        self.planned = None

    def _gone_on(self, observation: Observation, reason: str) -> Command | None:
        """Return what the last plan holds for an observation that `tick` is not done with."""
        planned, longest = self.planned, self.settings.longest_silence(self.period)
        blind = observation.step - planned.observation.step if planned is not None else 0
        usable = not observation.ended and bool(np.isfinite(observation.values).all())
        if not usable or blind * self.period > longest:
            return None
        return self._reused(observation, observation.step, reason)

    def _reused(
        self, observation: Observation, step: int, reason: str, took: float = 0.0
    ) -> Command | None:
        plan = None if self.estopped else self.planned
        return self._answers.reused(plan, observation, step, reason, took)
