"""A controller whose model is exact: position and velocity of a mass under a force."""

import time

import numpy as np
import torch
from support import linear
from support.linear import OBSERVATION

from mbrl_ros.control.controller import Controller
from mbrl_ros.control.settings import (
    AdaptationSettings,
    ControllerSettings,
    ExplorationSettings,
    TrustSettings,
)
from mbrl_ros.core.records import Observation
from mbrl_ros.core.spaces import Space
from mbrl_ros.models.packing import pack
from mbrl_ros.models.update import ModelUpdate
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning.settings import PlannerSettings
from mbrl_ros.safety.safe_command import SafeCommand

# Zero is no allowed force, so that the safe command is not zero.
ACTION = Space.of(["force"], [0.25], [1.0])
SAFE = [0.25]
A = np.array([[1.0, 0.1], [0.0, 0.9]])
B = np.array([[0.0], [0.1]])
PERIOD = 0.04


def step(state, force):
    return A @ state + B @ np.atleast_1d(force)


def exact_model(observation=OBSERVATION, action=ACTION, delay=0) -> ModelUpdate:
    return pack(linear.exact_model(A, B, action, observation, members=2, delay=delay))


def objective() -> Objective:
    return Objective.from_parameters(
        {"terms": ["fast"], "fast.of": ["velocity"]}, OBSERVATION, ACTION
    )


class Judge:
    """An objective that notes where plans start, and may let time pass or fail."""

    def __init__(self, worth=None, on_call=lambda: None):
        self.inner, self.worth, self.on_call = objective(), worth, on_call
        self.starts = []

    def at(self, step, previous_action=None, reward_model=None):
        self.moment = (step, previous_action)
        return self

    @property
    def digest(self):
        return self.inner.digest

    def score(self, imagined, value=None):
        self.on_call()
        self.starts.append(imagined.observations[:, 0, 0].clone())
        self.candidates = len(imagined.actions)
        returns = self.inner.score(imagined)
        return returns if self.worth is None else torch.full_like(returns, self.worth)


def source_of(command):
    return command.source, command.reason


def controller(
    *, model=True, lock_step=True, period=PERIOD, seed=0, judge=None,
    latency_compensation=True, adaptation=False, trust=False, safe=None, agent="planner",
    clock=time.monotonic, curiosity=0.0, **planner,
):  # fmt: skip
    settings = ControllerSettings(
        agent=agent,
        planner=PlannerSettings(
            **{"horizon": 8, "candidates": 16, "elites": 4, "iterations": 2, **planner}
        ),
        exploration=ExplorationSettings(std=0.5, curiosity=curiosity, fading=1),
        adaptation=AdaptationSettings(enabled=adaptation),
        trust=TrustSettings(enabled=trust, steps=4, memory=5),
        observation_timeout=0.2,
        latency_compensation=latency_compensation,
    )
    made = Controller(
        OBSERVATION, ACTION, judge or objective(), settings,
        period=period, lock_step=lock_step, seed=seed,
        safe=safe or SafeCommand(OBSERVATION, ACTION, "values", values=SAFE), clock=clock,
    )  # fmt: skip
    if model:
        made.models.offer(exact_model(), 1, 1)
    return made


def reading(
    step=0, values=(0.0, 0.0), *, applied=(), episode=0, action_step=None, ended=False, age=0.0
):
    return Observation(
        episode,
        step,
        np.asarray(values, dtype=np.float64),
        np.asarray(applied, dtype=np.float64),
        step - 1 if action_step is None else action_step,
        terminated=ended,
        received=time.monotonic() - age,
    )
