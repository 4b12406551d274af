"""Learning of tables: value iteration, Dyna-Q, Dyna-Q+ and prioritised sweeping."""

import itertools
from dataclasses import replace

import gymnasium
import numpy as np
import pytest
import torch

from mbrl_ros.cli.bench.table_loop import TableLoop
from mbrl_ros.core.kinds import find_kind
from mbrl_ros.core.records import Transition
from mbrl_ros.core.settings import build
from mbrl_ros.core.spaces import Space
from mbrl_ros.evaluation.true_table import TrueTable
from mbrl_ros.learning.checked import make_learner
from mbrl_ros.learning.settings import trainer_settings
from mbrl_ros.models.tabular.process import solve
from mbrl_ros.models.tabular.settings import TabularSettings

METHODS = ["value_iteration", "dyna_q", "prioritized_sweeping"]
CELL = Space.of(["cell"], [0.0], [4.0], discrete=["cell"])
MOVE = Space.of(["move"], [-1.0], [1.0], discrete=["move"])


def learner(observation=CELL, action=MOVE, seed=0, interval=1000, **model):
    values = {f"model.{name}": value for name, value in model.items()}
    values |= {"gate.first_transitions": 1, "gate.interval": interval}
    made = build(trainer_settings(find_kind("tabular")), values)
    return make_learner("tabular", observation, action, made, seed)


def corridor(count, seed=0, pays=1.0):
    """Five cells in a row, by random steps; the last one pays and ends the task."""
    rng, cell, episode, step = np.random.default_rng(seed), 0, 0, 0
    for _ in range(count):
        move = int(rng.integers(-1, 2))
        after = min(max(cell + move, 0), 4)
        there = after == 4
        yield Transition([cell], [move], [after], episode, step, pays * there, there)
        cell, step = after, step + 1
        if there:
            cell, episode, step = 0, episode + 1, 0


def taught(made, transitions):
    decisions = []
    for transition in transitions:
        made.append(transition)
        while made.owed_updates >= 1:
            made.update()
        if made.is_due:
            decisions.append(made.judge())
    return decisions


@pytest.mark.parametrize("method", METHODS)
def test_each_method_finds_the_returns_of_a_corridor(method):
    made = learner(method=method, discount=0.9, planning_steps=20, tolerance=1e-9)
    taught(made, corridor(600))
    q, value = made.method.q, 0.9 ** np.array([3, 2, 1, 0, np.inf])
    for cell in range(4):
        before, after = max(cell - 1, 0), cell + 1
        expected = [
            0.9 * value[before],
            0.9 * value[cell],
            1.0 if after == 4 else 0.9 * value[after],
        ]
        np.testing.assert_allclose(q[cell], expected, atol=0.02 if method == "dyna_q" else 1e-6)


@pytest.mark.parametrize("name", ["FrozenLake8x8-v1", "CliffWalking-v1"])
def test_counts_that_are_right_have_the_value_of_the_true_table(name):
    environment = gymnasium.make(name)
    true = TrueTable(environment, 0.99)
    p = true.process
    for tolerance in (1.0, 1e-2, 1e-6):
        q, sweeps = solve(p, 0.99, tolerance)
        lost = true.optimum - true.worth(q.argmax(axis=1))
        assert -1e-9 < lost <= 2 * 0.99 * tolerance / 0.01
        again, fewer = solve(p, 0.99, tolerance, q.max(axis=1))
        assert fewer == 1 <= sweeps
        np.testing.assert_allclose(again, q, atol=tolerance)


def test_pairs_that_were_never_tried_draw_those_who_explore_but_nobody_else():
    made = learner(discount=0.9, optimism=5.0, epsilon=0.0)
    taught(made, itertools.islice(corridor(1000), 3))
    tried = made.table.visits.reshape(5, 3) > 0
    assert (made.method.drawn_to[~tried] == 5.0).all()
    assert (made.method.q == 0.0).all()
    blind = learner(discount=0.9, unvisited="self_loop")
    taught(blind, itertools.islice(corridor(1000), 3))
    assert (blind.method.drawn_to == 0.0).all()
    choosy = learner(discount=0.9, optimism=5.0, known=3)
    taught(choosy, corridor(40))
    few = choosy.table.visits.reshape(5, 3) < 3
    assert few.any()
    assert (choosy.method.drawn_to[few] == 5.0).all()
    curious = learner(discount=0.0, optimism=5.0, bonus=0.5)
    taught(curious, corridor(200))
    visits, reward = (a.reshape(5, 3)[:4] for a in (curious.table.visits, curious.table.reward))
    np.testing.assert_allclose(curious.method.drawn_to[:4], reward + 0.5 / np.sqrt(visits))


def test_a_model_is_published_when_its_policy_changes_and_otherwise_now_and_then():
    made = learner(unvisited="self_loop", interval=100, discount=0.9)
    assert not made.is_due
    decisions = taught(made, itertools.islice(corridor(10_000, seed=3), 1000))
    # Once for each of four cells from the goal on, and each hundred steps.
    assert 10 <= len(decisions) <= 16
    assert "15 pairs visited" in decisions[-1].reason
    assert decisions[-1].holdout_error == 0.0


def test_the_newest_outcomes_count_as_much_as_they_are_asked_to():
    for retention, chance in ((1.0, 1 / 11), (0.5, 0.5005), (0.0, 1.0)):
        made = learner(retention=retention)
        for k in range(10):
            made.append(Transition([0], [1], [1], 0, k, 1.0))
        made.append(Transition([0], [1], [3], 0, 10, 0.0))
        outcomes = {after: p for after, p, _ in made.table.outcomes(2)}
        assert outcomes[3] == pytest.approx(chance, rel=1e-3)
        assert made.table.reward[2] == pytest.approx(1 - chance, rel=1e-3)
        drawn = [made.table.draw(2, u)[0] for u in np.linspace(0, 0.9999, 1000)]
        assert np.mean(np.equal(drawn, 3)) == pytest.approx(chance, abs=2e-3)


def test_a_pair_may_end_the_task_now_and_then():
    made = learner(discount=0.5, tolerance=1e-9)
    for k in range(4):
        made.append(Transition([0], [1], [1], k, 0, 1.0, terminated=k == 0))
    for move in (-1, 0, 1):
        made.append(Transition([1], [move], [1], 5, 0, 2.0))
    taught(made, [])
    while made.owed_updates >= 1:
        made.update()
    assert made.method.q[0, 2] == pytest.approx(1 + 0.5 * 0.75 * 4)
    goes_on = [made.table.draw(2, u)[1] for u in (0.1, 0.7, 0.8, 0.99)]
    assert goes_on == [True, True, False, False]


@pytest.mark.parametrize("method", METHODS)
def test_after_a_restart_the_log_is_counted_but_not_learned_from_again(method):
    settings = {"method": method, "discount": 0.9}
    whole, half = learner(**settings), learner(**settings)
    steps = list(corridor(400))
    taught(half, steps[:300])
    taught(whole, steps[:300])
    update, state = half.judge().update, half.state()
    again = learner(**settings)
    again.restore(update, state)
    for transition in steps[:300]:
        again.append(transition)
        assert again.owed_updates < 1 or method == "value_iteration"
    np.testing.assert_array_equal(again.table.visits, half.table.visits)
    while again.owed_updates >= 1:
        again.update()
    np.testing.assert_allclose(again.method.q, half.method.q, atol=1e-3)
    assert taught(again, steps[300:])
    taught(whole, steps[300:])
    np.testing.assert_allclose(again.method.q[:4], whole.method.q[:4], atol=0.1)


def test_what_does_not_fit_is_refused_by_name():
    anything = Space.of(["x"], [0.0], [1.0])
    many = Space.of(["x"], [0.0], [1e6], discrete=["x"])
    for spaces, words in (
        (
            (anything, MOVE),
            "observation.discrete: learner tabular takes integers only, expected 'x'",
        ),
        ((CELL, anything), "action.discrete: learner tabular takes integers only, expected 'x'"),
        ((many, MOVE), "at most 1048576 pairs of observation and action, got 1000001 x 3"),
    ):
        with pytest.raises(ValueError, match=r".") as refusal:
            learner(*spaces)
        assert words in str(refusal.value)
        assert "\n" not in str(refusal.value)
    too_much = build(trainer_settings(find_kind("tabular")), {"policy.learn": True})
    with pytest.raises(ValueError, match=r"policy\.learn: expected false, since a table has"):
        make_learner("tabular", CELL, MOVE, too_much, 0)
    made = learner()
    for cell in (5, -1, 0.5):
        with pytest.raises(
            ValueError, match=r"next_observation: 'cell' is .* an integer from 0 to 4"
        ):
            made.append(Transition([0], [0], [cell], 0, 0))
    assert made.received == made.table.steps == 0
    update = taught(made, corridor(50))[-1].update
    with pytest.raises(ValueError, match="other spaces or settings"):
        learner(discount=0.5).restore(update)
    with pytest.raises(ValueError, match="other spaces or settings"):
        learner(replace(CELL, names=("place",), discrete=("place",))).restore(update)
    with pytest.raises(ValueError, match="learner's state: 'received': expected a count"):
        learner().restore(update, {"received": torch.tensor(-1), "updates": torch.tensor(0)})
    with pytest.raises(
        ValueError, match="expected one of ensemble, gaussian_process, rssm, tabular, vae"
    ):
        make_learner("table", CELL, MOVE, None, 0)


def test_only_values_that_are_not_finite_are_held_back():
    made = learner(method="dyna_q", learning_rate=1.0)
    (decision,) = taught(made, [Transition([0], [1], [1], 0, 0, 1e308)])
    assert decision.update is not None
    made.append(Transition([1], [0], [0], 0, 1, 1.5e308))
    while made.owed_updates >= 1:
        made.update()
    made.append(Transition([0], [1], [1], 0, 2, 1.7e308))
    while made.owed_updates >= 1:
        made.update()
    assert made.judge().reason.startswith("held back: a value is not finite")


def test_a_policy_by_value_iteration_is_the_best_on_the_cliff():
    made = TableLoop(
        gymnasium.make("CliffWalking-v1"), TabularSettings(optimism=0.0, epsilon=0.0), seed=0
    )
    true = TrueTable(made.environment, 0.99)
    for _ in range(600):
        made.step()
    assert true.worth(made.greedy) == pytest.approx(true.optimum)
