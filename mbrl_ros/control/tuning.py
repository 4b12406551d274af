"""How much a controller may plan, on this machine and in its period."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from mbrl_ros.control.autotune import Effort, Tuning, autotune, efforts
from mbrl_ros.control.controller import Controller
from mbrl_ros.control.turns import Turns
from mbrl_ros.core.cpu_quota import cpu_quota

# Share of the budget that plans may need: what only just fits alone is cut short by an iteration
# beside a machine's other work.
_FITS = 0.8
# Shares of a quota of computing time: of plans, beside what else the process does in a period, and
# of measuring how much planning fits.
_PLANNING = 0.5
_MEASURING = 0.25


def least_effort(controller: Controller, pinned: Collection[str]) -> Effort:
    """Return the least there is to plan with; arguments as for `tune`."""
    active = controller.models.active
    members = active.learned.members if active else 1
    return efforts(controller.settings.planner, pinned, members)[0]


def tune(controller: Controller, pinned: Collection[str], turns: Turns) -> Tuning:
    """Measure how much planning fits into the budget; for another thread than `tick`'s.

    Args:
        controller: which plans.
        pinned: names of the planner's settings that are to stay.
        turns: to wait for; their rest follows from the quota.

    Raises:
        ValueError: if there is no model yet.
        TuningStoppedError: if it was stopped.
    """
    active, agent = controller.models.active, controller.agent
    if active is None:
        raise ValueError("autotune: there is no model yet to measure with")
    if agent.planner is None:
        raise ValueError("autotune: the agent does not plan")
    model, settings = active.learned, agent.planner.settings
    objective = controller.objective.at(0, None, model.reward_model)
    if model.policy is not None:
        # The first one is of no objective yet, but its successors will take their time.
        objective = replace(objective, digest=model.policy.objective)
    quota = cpu_quota()
    budget = min(_FITS * controller.budget, _PLANNING * quota * controller.period)
    # A quota that the measurement used up would be missing to the loop.
    turns = replace(turns, rest=1 / (_MEASURING * quota) if quota < 1 else 0.0)
    return autotune(
        controller.action, settings, pinned, model, objective, budget, turns, agent.completed
    )
