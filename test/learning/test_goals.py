"""Goals and rewards that change while it runs: the demonstration's stages, in lock-step."""

import math

import numpy as np
import pytest

from mbrl_ros.cli.demo.stages import SCRIPTS, WAYS
from mbrl_ros.core.settings import build
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.objectives.mission import Way
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
        self.mission = self.system.mission

    @property
    def observation(self):
        return self.system.simulator.observation.values

    def ask(self, stage):
        mission = self.mission
        if stage.parameters:
            mission.take(Way.PARAMETERS, mission.book.changed(stage.parameters))
        if stage.way is Way.GOAL:
            mission.take(stage.way, mission.book.with_goal(stage.arrival.goal))
        elif stage.way is Way.SERVICE and stage.values:
            mission.take(stage.way, mission.book.load(stage.name, stage.values))
        elif stage.way is Way.SERVICE:
            mission.take(stage.way, mission.book.select(stage.name))

    def step(self):
        before = self.system.simulator.observation.episode
        self.system.step()
        assert self.system.simulator.observation.episode == before

    def practice(self, script, env_steps, rng):
        while self.system.simulator.env_steps < env_steps:
            if stage := script.practice(self.observation, rng):
                self.ask(stage)
            for _ in range(round(script.practice_period / self.task.period)):
                self.step()

    def reaches(self, stage):
        watched, steps = GoalSequence([stage.arrival], self.space), 0
        while not watched.over or steps * self.task.period < stage.lasts:
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
        for i, stage in enumerate(script.stages(way, run.observation, rng)):
            run.ask(stage)
            reached[way.value, i, stage.objective] = run.reaches(stage)
    assert len(reached) == 15
    assert all(reached.values()), reached
    assert math.isfinite(run.system.holdout_errors[-1][1])


def test_a_sequence_of_goals_is_followed():
    script, rng = SCRIPTS["cartpole_swingup"](), np.random.default_rng(0)
    run = Run(script, seed=1)
    run.practice(script, LEARN[script.task], rng)
    run.mission.take(Way.PARAMETERS, run.mission.book.select("go_to"))
    stages = list(script.stages(Way.GOAL, run.observation, rng))
    run.mission.follow([stage.arrival for stage in stages])
    sequence = run.mission.sequence
    while not sequence.over:
        run.step()
    assert (sequence.index, sequence.progress) == (4, Progress.REACHED)
