"""Tables in a plain loop: the mazes of the book, real steps needed, and the nodes' path."""

import json
import math
from dataclasses import replace
from statistics import median

import gymnasium
import numpy as np
import pytest

from mbrl_ros.cli.bench import dyna, tables
from mbrl_ros.cli.bench.table_loop import TableLoop
from mbrl_ros.cli.main import main
from mbrl_ros.core.settings import build
from mbrl_ros.models.tabular.settings import TabularSettings
from mbrl_ros.simulation import mazes
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.lock_step import LockStepSystem

SEEDS = range(3)


@pytest.mark.process
def test_planning_finds_the_shortest_way_within_four_episodes_and_without_it_takes_fifteen():
    few = median(dyna.learn_maze(50, seed, 4)[1] for seed in SEEDS)
    assert few <= 4
    # Of 14 steps one is learned in each episode at best, so that it cannot be earlier.
    assert median(dyna.learn_maze(0, seed, 14)[1] for seed in SEEDS) > 14


def test_the_shortest_ways_are_those_of_the_book():
    for maps, fewest in (
        ((mazes.DYNA_MAZE,), [dyna.SHORTEST]),
        (mazes.BLOCKING_MAZE, [10, 16]),
        (mazes.SHORTCUT_MAZE, [16, 10]),
    ):
        assert [shortest(one) for one in maps] == fewest


def shortest(drawn):
    """Breadth first."""
    maze = mazes.Maze(drawn)
    cell, _ = maze.reset()
    reached, steps = {cell}, 0
    while True:
        steps += 1
        after = set()
        for cell in reached:
            for action in range(4):
                maze._cell = cell
                after.add(maze.step(action)[0])
                if maze.map[maze._cell] == "G":
                    return steps
        reached |= after


def test_a_maze_changes_after_its_steps_and_only_then():
    maze = gymnasium.make("mbrl_ros/BlockingMaze-v0").unwrapped
    maze.reset()
    before = maze.render()
    assert before.splitlines()[3] == "########."
    assert before.splitlines()[5] == "...@....."
    for _ in range(1000):
        assert maze.map == "".join(mazes.BLOCKING_MAZE[0].split())
        maze.step(1)
    assert maze.map == "".join(mazes.BLOCKING_MAZE[1].split())
    maze.reset()
    assert maze.render().splitlines()[3] == ".########"


@pytest.mark.process
def test_in_lock_step_the_nodes_parts_decide_as_the_plain_loop_does():
    system = LockStepSystem(read_task("dyna_maze", {"seed": 5, "model.planning_steps": 5}))
    actions = []
    while len(actions) < 700:
        command, *_ = system.step()
        if command is not None:
            actions.append(int(command.values[0]))
    task = read_task("dyna_maze", {"model.planning_steps": 5}).own("model_trainer")
    model = {n.removeprefix("model."): v for n, v in task.items() if n.startswith("model.")}
    environment = gymnasium.make("mbrl_ros/DynaMaze-v0", disable_env_checker=True)
    loop = TableLoop(environment, build(TabularSettings, model), seed=5)
    # Before there is a model, the controller explores by noise of its own.
    mine = [loop.step(actions[0]), *(loop.step() for _ in actions[1:])]
    assert mine == actions
    np.testing.assert_array_equal(loop.learner.table.visits, system.learner.table.visits)
    assert len(loop.lengths) > 2


def test_the_real_steps_until_a_policy_is_the_best_are_told():
    curve = tables.learn("cliff_walking", 0, 400)
    assert curve.first <= curve.lasting < 400
    assert curve.at(curve.first) >= 0.99
    assert curve.at(0) == curve.worth[0] < 0.99
    assert tables.share(-13.0, -12.0) == pytest.approx(11 / 12)
    slow = tables.learn("cliff_walking", 0, 400, tables._Q_LEARNING)
    assert slow.first == math.inf
    never = tables.Curve([1, 2, 3], [0.0, 1.0, 0.5])
    assert (never.first, never.lasting) == (2, math.inf)


@pytest.mark.process
def test_both_commands_print_and_keep_their_figures(monkeypatch, tmp_path, capsys):
    short = [replace(maze, steps=200, change=100) for maze in dyna.CHANGING]
    monkeypatch.setattr(dyna, "CHANGING", short)
    monkeypatch.setattr(dyna, "_EPISODES", 2)
    monkeypatch.setattr(dyna, "_SHOWN", (2,))
    monkeypatch.setitem(tables.TASKS, "cliff_walking", 300)
    json_path, plot = tmp_path / "dyna.json", tmp_path / "dyna.png"
    assert (
        main(["bench", "dyna", "--runs", "1", "--json", str(json_path), "--plot", str(plot)]) == 0
    )
    told = json.loads(json_path.read_text())
    assert [len(curves[0]) for curves in told["steps_per_episode"].values()] == [2, 2, 2]
    assert plot.stat().st_size > 10_000
    assert "none" in capsys.readouterr().out
    few = ["--tasks", "cliff_walking", "--seeds", "1", "--json", str(tmp_path / "tables.json")]
    assert main(["bench", "tables", *few]) == 0
    assert "cliff_walking" in capsys.readouterr().out
    for command, option in (("dyna", "--runs"), ("tables", "--seeds")):
        assert main(["bench", command, option, "0"]) == 2
        assert f"error: {option}: expected an integer >= 1, got 0" in capsys.readouterr().err
