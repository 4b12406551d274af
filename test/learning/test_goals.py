"""Goals and rewards that change while it runs: the demonstration's phases, in lock-step."""

import math

import numpy as np
import pytest

from mbrl_ros.cli.demo.phases import SCRIPTS, WAYS
from mbrl_ros.core.settings import build
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.objectives.objective_manager import Way
from mbrl_ros.objectives.sequence import GoalSequence, Progress
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.lock_step import LockStepSystem

pytestmark = pytest.mark.learning
# Of the environment's own steps, before the first change.
LEARN = {"cartpole_swingup": 7500, "reacher_easy": 3750}


class Run:
    """One system, learned without a reset, and what it is asked for."""

    def __init__(self, script, seed):
        # What autotune finds the time for in real time is more.
        overrides = {**script.parameters, "planner.iterations": 4, "seed": seed}
        configuration = read_task(script.task, overrides)
        self.system = LockStepSystem(configuration)
        self.task = build(TaskSettings, configuration.shared)
        self.space = self.task.observation_space()
        self.manager = self.system.manager

    @property
    def observation(self):
        return self.system.simulator.observation.values

    def ask(self, phase):
        manager = self.manager
        if phase.parameters:
            manager.take(Way.PARAMETERS, manager.objectives.changed(phase.parameters))
        if phase.way is Way.GOAL:
            manager.take(phase.way, manager.objectives.with_goal(phase.arrival.goal))
        elif phase.way is Way.SERVICE and phase.values:
            manager.take(phase.way, manager.objectives.load(phase.name, phase.values))
        elif phase.way is Way.SERVICE:
            manager.take(phase.way, manager.objectives.select(phase.name))

    def step(self):
        before = self.system.simulator.observation.episode
        self.system.step()
        assert self.system.simulator.observation.episode == before

    def practice(self, script, env_steps, rng):
        while self.system.simulator.env_steps < env_steps:
            if phase := script.practice(self.observation, rng):
                self.ask(phase)
            for _ in range(round(script.practice_period / self.task.period)):
                self.step()

    def reaches(self, phase):
        watched, steps = GoalSequence([phase.arrival], self.space), 0
        while not watched.over or steps * self.task.period < phase.lasts:
            self.step()
            watched.observe(self.observation, self.task.period)
            steps += 1
        return watched.progress is Progress.REACHED


@pytest.mark.parametrize("task", list(SCRIPTS))
def test_one_model_serves_every_goal_by_every_way(task):
    script, rng = SCRIPTS[task](), np.random.default_rng(0)
    run = Run(script, seed=0)
    run.practice(script, LEARN[task], rng)
    reached = {}
    for way in WAYS:
        for i, phase in enumerate(script.phases(way, run.observation, rng)):
            run.ask(phase)
            reached[way.value, i, phase.objective] = run.reaches(phase)
    assert len(reached) == 15
    assert all(reached.values()), reached
    assert math.isfinite(run.system.holdout_errors[-1][1])


def test_a_sequence_of_goals_is_followed():
    script, rng = SCRIPTS["cartpole_swingup"](), np.random.default_rng(0)
    run = Run(script, seed=1)
    run.practice(script, LEARN[script.task], rng)
    run.manager.take(Way.PARAMETERS, run.manager.objectives.select("go_to"))
    phases = list(script.phases(Way.GOAL, run.observation, rng))
    run.manager.follow([phase.arrival for phase in phases])
    sequence = run.manager.sequence
    while not sequence.over:
        run.step()
    assert (sequence.index, sequence.progress) == (4, Progress.REACHED)
