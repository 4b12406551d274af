"""The controller: one command for each tick, whatever happens."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Collection
from dataclasses import replace

import numpy as np
import torch

from mbrl_ros.control.autotune import Effort, Tuning, autotune, efforts
from mbrl_ros.control.command import Command, Outcome
from mbrl_ros.control.exploration import Exploration
from mbrl_ros.control.latency import Latency
from mbrl_ros.control.models import ActiveModel, Models, Version, activated
from mbrl_ros.control.past import Past
from mbrl_ros.control.planned import Planned
from mbrl_ros.control.settings import ControllerSettings
from mbrl_ros.control.trust import Level, Trust
from mbrl_ros.core.records import Observation
from mbrl_ros.dynamics.checkpoint import PackedModel, unpack
from mbrl_ros.dynamics.model import DynamicsModel
from mbrl_ros.dynamics.rollout import Rollout
from mbrl_ros.objectives.learned import UnlearnedError
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning.duration import DurationEstimate
from mbrl_ros.planning.loop import PlanningLoop
from mbrl_ros.planning.planner import Planner
from mbrl_ros.planning.problem import NoPlanError, Problem
from mbrl_ros.planning.proposals import check_proposals
from mbrl_ros.planning.registry import make_planner
from mbrl_ros.planning.settings import PlannerSettings
from mbrl_ros.safety.safe_command import SafeCommand
from mbrl_ros.spaces import FloatArray, Space


class Controller:
    """Answers observations with commands.

    `tick` and `reset` belong to one thread. `offer_model` and the attribute
    ``objective`` may be used from another: they swap a reference, which the next
    tick takes up whole.

    Attributes:
        objective: judges plans; replace it at any time.
        model: the model in use, None before the first.
        estopped: while true, only the safe command is sent.
        safe: what is sent when in doubt.
        latency: what is known of the delay of commands.
        trust: how far the model is trusted.
        overhead: time from the end of a tick until its command is sent.
        plan_times: of the last 200 planned ticks [s].
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
        self.model: ActiveModel | None = None
        self._models = Models()
        self.estopped = False
        self.safe = safe
        self.latency = Latency(safe.resting)
        self.plan_times: deque[float] = deque(maxlen=200)
        self.overhead = DurationEstimate()
        self._planner = make_planner(action, settings.planner)
        self._loop = PlanningLoop(self._planner, seed)
        self._loop_follows = self._planner, Level.FULL
        self._exploration = Exploration(action, settings.exploration, seed)
        self._past = Past(action, safe.resting, settings.adaptation.memory)
        self.trust = Trust(settings.trust)
        self._last: Command | None = None
        self.planned: Planned | None = None
        self._planned_step = 0
        self._stopped = False

    @property
    def planner(self) -> Planner:
        """The planner, as it is while the model is trusted."""
        return self._planner

    @property
    def model_held(self) -> bool:
        """Whether newer models are kept, but not used."""
        return self._models.held

    @property
    def correction(self) -> float:
        """Size of the model's correction, relative to its last layer; 0 without one."""
        model = self.model
        return model.adaptation.size if model is not None and model.adaptation else 0.0

    @property
    def delay(self) -> int:
        """Control steps from an observation to its action's effect.

        What is measured, and with it what the model knows of that the plant does not tell.
        """
        return self.latency.delay + (self.model.rollout.model.delay if self.model else 0)

    @property
    def budget(self) -> float:
        """Time from an observation's arrival until its plan must be done [s]."""
        return self.period * (1.0 - self.settings.deadline_margin) - self.overhead.bound

    def reset(self) -> None:
        """Forget plans and commands, as before the first tick; model and objective stay."""
        self._withdraw_plan()
        self._loop.reset()
        self.latency.new_episode(self.safe.held)
        self._past.new_episode()
        self.trust.forget()
        self._last = None

    def offer_model(self, packed: PackedModel, epoch: int, sequence: int) -> None:
        """Check a model and use it from the next tick on, unless an earlier one is held.

        Raises:
            ValueError: if it is damaged, does not fit, or is not newer; the present one stays.
        """
        self._models.check_newer((epoch, sequence))
        model = unpack(packed).to(self.settings.device)
        try:
            model.check_spaces(self.observation, self.action)
        except ValueError as error:
            raise ValueError(f"model {epoch}/{sequence}: {error}") from None
        self._models.add(model, (epoch, sequence))
        if not self.model_held:
            self._use(*self._models.newest())

    def roll_back(self) -> None:
        """Use the model before the present one from the next tick on, and keep to it.

        Raises:
            ValueError: if no earlier one is kept.
        """
        self._use(*self._models.before(self.model.version if self.model else (0, 0)))

    def use_newest_model(self) -> None:
        """Use the newest model from the next tick on, and each that comes.

        Raises:
            ValueError: if there is none yet.
        """
        self._use(*self._models.newest())

    def adapt(self, enabled: bool) -> bool:
        """Have the model corrected by what happens from now on, or be as the trainer left it.

        Returns:
            whether it was corrected until now.
        """
        before = self.settings.adaptation.enabled
        adaptation = replace(self.settings.adaptation, enabled=enabled)
        self.settings = replace(self.settings, adaptation=adaptation)
        if self.model is not None:
            self._use(self._models.of(self.model.version), self.model.version)
        return before

    def _use(self, model: DynamicsModel, version: Version) -> None:
        members, past = self.planner.settings.members, self._past.steps_for(model)
        self.model = activated(model, version, members, self.settings.adaptation, past)

    def tick(self, observation: Observation) -> Command:
        """Answer an observation, within the budget counted from its arrival.

        An observation that was answered before gets the same answer: a simulator in lock-step
        repeats itself when it hears nothing.
        """
        last = self._last
        continues = last is not None and last.episode == observation.episode
        if last is not None and continues and last.step == observation.step and not self.estopped:
            return last
        # A plant that was restarted counts from the start, perhaps of the same episode.
        began = last is None or not continues or observation.step < last.step
        self._note_applied(observation, began)
        if began:
            self.reset()
        command = self._answer(observation)
        if self.estopped and command.outcome is not Outcome.FALLBACK:
            # The e-stop came while it was planned.
            command = self._answer(observation)
        self._last = command
        return command

    def silence(self, observation: Observation | None, now: float) -> Command | None:
        """Return what to send when a period has passed without a new observation.

        Args:
            observation: the newest one there is.
            now: on ``time.monotonic`` [s].

        Returns:
            the rest of the last plan while the observation is fresh enough, then the safe command;
            None before the first observation.
        """
        if observation is None:
            return None
        age = now - observation.received
        reason = f"no observation for {age:.2f} s"
        if age <= self.settings.observation_timeout:
            reused = self._reused(observation, observation.step + int(age / self.period))
            if reused is not None:
                return self._command(observation, reused, Outcome.REUSED, reason)
        return self._stop(observation, Outcome.HOLD, reason)

    def stand_in(self, observation: Observation) -> Command:
        """Return what to send while `tick` is still busy with an earlier observation.

        Unlike `tick` it takes no time, and it may be called from another thread.
        """
        usable = not observation.ended and bool(np.isfinite(observation.values).all())
        reused = self._reused(observation, observation.step) if usable else None
        if reused is None:
            return self._stop(observation, Outcome.HOLD, "the last tick is not over")
        return self._command(observation, reused, Outcome.REUSED, "the last tick is not over")

    def farewell(self, observation: Observation) -> Command:
        """Return the safe command to send last, before falling silent."""
        self._withdraw_plan()
        self._note_applied(observation)
        return self._stop(observation, Outcome.HOLD, "deactivated")

    def fault(self, observation: Observation, error: Exception) -> Command:
        """Return the safe command, after an exception on the control path."""
        self._withdraw_plan()
        reason = f"{type(error).__name__}: {error}"
        return self._stop(observation, Outcome.FALLBACK, reason)

    def replace_planner(self, settings: PlannerSettings) -> None:
        """Plan with another planner from the next tick on; what the last plan knew is kept.

        Raises:
            ValueError: if there is no such planner, or it does not suit the action space or the
                model; the present one stays.
        """
        members = self.planner.settings.members
        if self.model is not None:
            check_proposals(settings.proposals, self.model.rollout.model)
        self._planner = make_planner(self.action, settings)
        if self.model is not None and settings.members != members:
            self.model = self.model.with_members(settings.members)

    def least_effort(self, pinned: Collection[str]) -> Effort:
        """Return the least there is to plan with; arguments as for `tune`."""
        members = self.model.rollout.model.members if self.model else 1
        return efforts(self.planner.settings, pinned, members)[0]

    def tune(self, pinned: Collection[str], stop: threading.Event) -> Tuning:
        """Measure how much planning fits into the budget; for another thread than `tick`'s.

        Args:
            pinned: names of the planner's settings that are to stay.
            stop: ends it, from another thread.

        Raises:
            ValueError: if there is no model yet.
            TuningStoppedError: if it was stopped.
        """
        if self.model is None:
            raise ValueError("autotune: there is no model yet to measure with")
        model, settings = self.model.rollout.model, self.planner.settings
        objective = self.objective.at(0, None, model.outcomes)
        return autotune(self.action, settings, pinned, model, objective, self.budget, stop)

    def what_if(self, objective: Objective) -> Planned:
        """Return what would be planned now for another objective; for any thread.

        Raises:
            ValueError: if there is no plan now to start from.
            NoPlanError: if no candidate has a finite return.
        """
        planned = self.planned
        if planned is None:
            raise ValueError("what_if: there is no plan now whose start could be taken")
        return planned.what_if(objective, self.planner)

    def _answer(self, observation: Observation) -> Command:
        if self.estopped:
            self._withdraw_plan()
            return self._stop(observation, Outcome.FALLBACK, "e-stop")
        try:
            self.observation.check(observation.values, "observation")
        except ValueError as error:
            self._withdraw_plan()
            return self._stop(observation, Outcome.FALLBACK, str(error))
        self.latency.observed(observation.step, observation.action_step)
        self._past.see(observation)
        if observation.ended:
            self._withdraw_plan()
            return self._stop(observation, Outcome.HOLD, "the episode ended")
        model = self.model
        if model is None:
            return self._command(
                observation, self._exploration(), Outcome.EXPLORATION, "no model yet"
            )
        self._compare(observation, model)
        if self._trusted is Level.NONE:
            self._withdraw_plan()
            reason = f"the model is not to be trusted: {self.trust.reason}"
            return self._stop(observation, Outcome.FALLBACK, reason)
        return self._planned(observation, model)

    def _compare(self, observation: Observation, model: ActiveModel) -> None:
        """Judge and correct the model by what came of the last step."""
        step = self._past.last_step(observation, model.rollout.model)
        if step is None:
            self.trust.forget()
            return
        self.trust.observe(step, model.rollout.model)
        model.observe(step)

    @property
    def _trusted(self) -> Level:
        return self.trust.level if self.settings.trust.enabled else Level.FULL

    def _plan_by_trust(self) -> None:
        """Have plans reach no further than the model is trusted; for the thread of `tick`."""
        # One reference: the attribute may be replaced meanwhile.
        planner, level = self._planner, self._trusted
        if self._loop_follows == (planner, level):
            return
        s = planner.settings
        horizon = max(1, round(level.horizon * s.horizon))
        if horizon == s.horizon:
            self._loop.planner = planner
        else:
            shorter = replace(s, horizon=horizon, knots=min(s.knots, horizon))
            self._loop.planner = make_planner(self.action, shorter)
        self._loop_follows = planner, level

    def _planned(self, observation: Observation, model: ActiveModel) -> Command:
        began = time.monotonic()
        self._plan_by_trust()
        deadline = None if self.lock_step else observation.received + self.budget
        sent = self.latency.before(observation.step)
        in_flight = self._in_flight(observation, model.rollout.model)
        previous = sent[-1].tolist() if len(sent) else None
        outcomes = model.rollout.model.outcomes
        objective = self.objective.at(observation.step + len(in_flight), previous, outcomes)
        if self._trusted.caution:
            objective = objective.more_cautious(self._trusted.caution)
        try:
            start = self._start(observation, in_flight, model.rollout)
            before = torch.from_numpy(sent).float()
            problem = Problem(start, model.rollout, objective, before)
            result = self._loop.plan(problem, deadline, observation.step - self._planned_step)
        except (NoPlanError, UnlearnedError) as error:
            self._withdraw_plan()
            return self._stop(observation, Outcome.FALLBACK, str(error))
        self._planned_step = observation.step
        took = time.monotonic() - began
        self.plan_times.append(took)
        if result is None:
            reused = self._reused(observation, observation.step)
            if reused is None:
                reason = "no time to plan, and no plan to reuse"
                return self._stop(observation, Outcome.FALLBACK, reason)
            return self._command(
                observation, reused, Outcome.REUSED, "no time to plan", took, model
            )
        self.planned = Planned(observation, problem, result)
        outcome = Outcome.PLANNED if result.complete else Outcome.TRUNCATED
        reason = "" if result.complete else f"time for {result.iterations} iterations only"
        values = self.action.clip(result.actions[0].double().numpy())
        return self._command(
            observation,
            values,
            outcome,
            reason,
            took,
            model,
            result.expected_return,
            objective.digest,
        )

    def _note_applied(self, observation: Observation, began: bool = False) -> None:
        """Take in what the plant applies, unless that is a safe command of ours already.

        With a delay, what it tells next is an earlier command: to hold each in turn would sway.

        Args:
            observation: the newest.
            began: whether an episode has begun with it.
        """
        if self._stopped and not began:
            return
        with contextlib.suppress(ValueError):
            self.safe.held = self.action.clip(self.action.check(observation.action, "action"))

    def _stop(self, observation: Observation, outcome: Outcome, reason: str) -> Command:
        """Return the safe command."""
        return self._command(observation, self.safe(observation.values), outcome, reason)

    def _withdraw_plan(self) -> None:
        """Let nobody act on the last plan any more; the next one may still start from it."""
        self.planned = None

    def _reused(self, observation: Observation, step: int) -> FloatArray | None:
        """Return what the last plan holds for a step, shape ``(A,)``; None if it holds nothing."""
        plan = self.planned
        if plan is None or self.estopped or plan.observation.episode != observation.episode:
            return None
        actions, ahead = plan.result.actions, step - plan.observation.step
        if not 0 <= ahead < len(actions):
            return None
        return self.action.clip(actions[ahead].double().numpy())

    def _in_flight(self, observation: Observation, model: DynamicsModel) -> FloatArray:
        """Return the commands that act before an answer to it can, shape ``(D, A)``."""
        in_flight = self.latency.in_flight(observation.step, model.delay)
        return in_flight if self.settings.latency_compensation else in_flight[:0]

    def _start(
        self, observation: Observation, in_flight: FloatArray, rollout: Rollout
    ) -> torch.Tensor:
        """Return where the plant will be when a command sent now acts, for each member."""
        state = self._past.state(observation.step, rollout.model)
        if not len(in_flight):
            return state
        return rollout.ahead(state, torch.from_numpy(in_flight).float()).cpu()

    def _command(
        self,
        observation: Observation,
        values: FloatArray,
        outcome: Outcome,
        reason: str,
        plan_time: float = 0.0,
        model: ActiveModel | None = None,
        expected_return: float = float("nan"),
        objective: str = "",
    ) -> Command:
        self._stopped = outcome in (Outcome.HOLD, Outcome.FALLBACK)
        self.latency.sent(observation.step, values)
        return Command(
            observation.episode,
            observation.step,
            values,
            outcome,
            reason,
            time.monotonic() - observation.received,
            plan_time,
            model.version if model else (0, 0),
            expected_return,
            objective,
        )
