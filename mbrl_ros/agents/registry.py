"""Agents by name."""

from __future__ import annotations

import time
from collections.abc import Callable

from mbrl_ros.agents.agent import Agent
from mbrl_ros.agents.handover_agent import HandoverAgent
from mbrl_ros.agents.planner_agent import PlannerAgent
from mbrl_ros.agents.policy_agent import PolicyAgent
from mbrl_ros.agents.random_agent import RandomAgent
from mbrl_ros.core.spaces import Space
from mbrl_ros.planning.settings import PlannerSettings

AGENTS = ("planner", "policy", "planner+policy", "planner_then_policy", "random")


def make_agent(
    name: str,
    action: Space,
    settings: PlannerSettings,
    seed: int,
    clock: Callable[[], float] = time.monotonic,
) -> Agent:
    """Make the agent of a name.

    Args:
        name: one of `AGENTS`.
        action: A dimensions.
        settings: of planning.
        seed: of everything random.
        clock: what deadlines are on [s].

    Raises:
        ValueError: if the name is unknown, or the planner does not suit the action.
    """
    if name not in AGENTS:
        raise ValueError(f"agent: expected one of {', '.join(AGENTS)}, got '{name}'")
    if name == "policy":
        return PolicyAgent(action, seed)
    if name == "random":
        return RandomAgent(action, seed)
    planning = PlannerAgent(action, settings, seed, name == "planner+policy", clock)
    if name == "planner_then_policy":
        return HandoverAgent(planning, PolicyAgent(action, seed))
    return planning
