"""Messages published by mpc_controller."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from mbrl_ros.control.command import Command, CommandSource
from mbrl_ros.control.controller import Controller
from mbrl_ros.control.plan_record import PlanRecord
from mbrl_ros.control.ticker import Ticker
from mbrl_ros.control.trust import Level
from mbrl_ros.core.records import PlanGains
from mbrl_ros.objectives.objective_manager import Change, ObjectiveManager
from mbrl_ros.ros import interfaces as ri

# Number of a plan's candidates in the message.
_TOP = 5
# From this share of late ticks on, the diagnostics warn.
_MANY_LATE = 0.01


def action_message(command: Command, stamp: ri.Time) -> ri.Action:
    """Return the message of a command."""
    return ri.Action(
        header=ri.Header(stamp=stamp),
        episode=command.episode,
        step=command.step,
        values=command.values.tolist(),
        source=int(command.source),
        state_age=command.state_age,
        plan_time=command.plan_time,
        interval=command.interval,
        model_sequence=command.model[1],
        objective=command.objective,
    )


def plan_message(planned: PlanRecord, stamp: ri.Time) -> ri.Plan:
    """Return the message of a plan's predicted trajectory; takes a rollout."""
    objective, result, ways = planned.objective, planned.result, planned.ways(_TOP)
    actions = result.actions
    if ways is None:
        # The model predicts no named dimensions.
        ways = torch.empty(1, 1, 0, objective.observation.dim)
        terms, trajectory = {}, ways[:, 0]
    else:
        trajectory = ways[:, 0]
        terms = objective.term_rewards(trajectory[:, 1:], actions, trajectory[:, :1])
    batch = (trajectory.shape[0], len(actions))
    top = result.elites[:_TOP]
    return ri.Plan(
        header=ri.Header(stamp=stamp),
        episode=planned.observation.episode,
        step=planned.observation.step,
        horizon=len(actions),
        observation_names=list(objective.observation.names),
        action_names=list(objective.action.names),
        observations=trajectory.mean(dim=0).flatten().tolist(),
        observation_stds=trajectory.std(dim=0, correction=0).flatten().tolist(),
        actions=actions.flatten().tolist(),
        terms=list(terms),
        rewards=[
            reward
            for values in terms.values()
            for reward in values.broadcast_to(batch).mean(dim=0).tolist()
        ],
        expected_return=result.expected_return,
        objective=objective.settings.name,
        objective_digest=objective.digest,
        candidates=len(top),
        candidate_actions=top.flatten().tolist(),
        candidate_returns=result.returns[: len(top)].tolist(),
        candidate_observations=ways[:, 1:].mean(dim=0).flatten().tolist(),
    )


def gains_message(gains: PlanGains, stamp: ri.Time) -> ri.PlanGains:
    """Return the start of a plan with feedback around it as a message."""
    return ri.PlanGains(
        header=ri.Header(stamp=stamp),
        episode=gains.episode,
        step=gains.step,
        acts=gains.acts,
        states=gains.states.flatten().tolist(),
        actions=gains.actions.flatten().tolist(),
        gains=gains.gains.flatten().tolist(),
    )


def objective_message(
    change: Change, acted: bool, episode: int, step: int, stamp: ri.Time
) -> ri.Objective:
    """Return a change of the objective.

    Args:
        change: accepted.
        acted: whether a plan was made for it.
        episode: of the observation that this plan, or that of the next change, answers.
        step: of the same.
        stamp: now.
    """
    objective = change.objective
    return ri.Objective(
        header=ri.Header(stamp=stamp),
        name=objective.settings.name,
        digest=objective.digest,
        content=objective.content,
        way=change.way.value,
        acted=acted,
        episode=episode,
        step=step,
    )


def status_message(
    state: str, controller: Controller, ticker: Ticker, manager: ObjectiveManager, stamp: ri.Time
) -> ri.ControllerStatus:
    """Return the controller's status.

    Args:
        state: the node's lifecycle state.
        controller: of the node.
        ticker: of the node.
        manager: of the node.
        stamp: now.
    """
    counts, last = ticker.counts, ticker.last
    times = np.array(controller.plan_times) if controller.plan_times else np.array([np.nan])
    epoch, sequence = controller.models.version
    goals = manager.sequence
    return ri.ControllerStatus(
        header=ri.Header(stamp=stamp),
        state=state,
        source=int(last.source) if last else int(CommandSource.HOLD),
        reason=(last.reason if last else "waiting") if state == "active" else state,
        ticks=counts.ticks,
        ticks_late=counts.late,
        sources=list(counts.sources),
        planner=controller.agent.effort,
        plan_time_p50=float(np.percentile(times, 50)),
        plan_time_p99=float(np.percentile(times, 99)),
        budget=controller.budget,
        delay_steps=controller.delay,
        model_epoch=epoch,
        model_sequence=sequence,
        model_held=controller.models.held,
        trust=controller.known.trust.level.word,
        one_step_z=controller.known.trust.one_step,
        open_loop_z=controller.known.trust.open_loop,
        correction=controller.models.correction,
        expected_return=last.expected_return if last else float("nan"),
        estopped=controller.estopped,
        objective=manager.objective.settings.name,
        objective_digest=manager.objective.digest,
        policy_objective=controller.models.policy_objective,
        changes_accepted=manager.accepted,
        changes_refused=manager.refused,
        refusal=manager.refusal,
        sequence=goals.progress.value if goals else "",
        sequence_index=goals.index if goals else 0,
        sequence_length=len(goals.waypoints) if goals else 0,
    )


def diagnostic_message(name: str, status: ri.ControllerStatus) -> ri.DiagnosticArray:
    """Return the status as diagnostics, for rqt.

    Args:
        name: of the entry.
        status: to be judged.
    """
    level, text = ri.DiagnosticStatus.OK, status.state
    late = status.ticks_late / status.ticks if status.ticks else 0.0
    if status.state == "active" and status.source == CommandSource.FALLBACK:
        level, text = ri.DiagnosticStatus.ERROR, status.reason
    elif status.state == "active" and (status.source == CommandSource.HOLD or late > _MANY_LATE):
        level = ri.DiagnosticStatus.WARN
        text = status.reason or f"{100 * late:.1f} % of ticks late"
    elif status.state == "active" and status.trust != Level.FULL.word:
        level, text = ri.DiagnosticStatus.WARN, f"trust in the model: {status.trust}"
    shown: dict[str, Any] = {
        "source": CommandSource(status.source).name,
        "ticks": status.ticks,
        "ticks late": status.ticks_late,
        "planner": status.planner,
        "plan time p99 [s]": round(status.plan_time_p99, 4),
        "budget [s]": round(status.budget, 4),
        "trust": f"{status.trust}, errors {status.one_step_z:.1f} and {status.open_loop_z:.1f} "
        "times those expected",
        "model": f"{status.model_epoch}/{status.model_sequence}",
        "objective": status.objective_digest,
        "policy learned for": status.policy_objective or "nothing",
    }
    entry = ri.DiagnosticStatus(
        level=level,
        name=name,
        message=text,
        hardware_id="",
        values=[ri.KeyValue(key=key, value=str(value)) for key, value in shown.items()],
    )
    return ri.DiagnosticArray(header=status.header, status=[entry])
