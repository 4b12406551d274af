import itertools
import math
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from known import (
    ACTION,
    OBSERVATION,
    PERIOD,
    SAFE,
    controller,
    exact_model,
    objective,
    reading,
    step,
)

from mbrl_ros.control import plan_record as plan_record_module
from mbrl_ros.control.controller import CommandSource, Controller
from mbrl_ros.control.model_history import ActiveModel
from mbrl_ros.control.settings import ControllerSettings
from mbrl_ros.core.spaces import Space
from mbrl_ros.models.ensemble.model import EnsembleModel
from mbrl_ros.models.packing import make_world_model
from mbrl_ros.models.update import ModelPart, ModelUpdate
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning import loop as loop_module
from mbrl_ros.planning.settings import ICEMSettings, PlannerSettings
from mbrl_ros.safety.safe_command import SafeCommand


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

    def score(self, imagined):
        self.on_call()
        self.starts.append(imagined.observations[:, 0, 0].clone())
        self.candidates = len(imagined.actions)
        returns = self.inner.score(imagined)
        return returns if self.worth is None else torch.full_like(returns, self.worth)


def source_of(command):
    return command.source, command.reason


def test_without_a_model_it_explores():
    made = controller(model=False)
    commands = [made.tick(reading(k)) for k in range(50)]
    assert {c.source for c in commands} == {CommandSource.EXPLORATION}
    values = np.array([c.values for c in commands])
    assert values.std() > 0
    assert (values >= ACTION.lower).all()
    assert (values <= ACTION.upper).all()
    assert commands[0].model == (0, 0)
    assert math.isnan(commands[0].expected_return)


def test_with_a_model_it_plans():
    made = controller(iterations=20, candidates=64, icem=ICEMSettings(finest_scale=1.0))
    command = made.tick(reading(3, [0.0, 1.0], episode=2))
    assert source_of(command) == (CommandSource.PLANNED, "")
    assert (command.episode, command.step, command.model) == (2, 3, (1, 1))
    # As fast as possible: full force.
    assert command.values[0] > 0.9
    assert math.isfinite(command.expected_return)
    assert command.objective == objective().digest
    assert command.plan_time > 0
    assert len(made.plan_times) == 1


def test_an_agent_that_needs_no_model_decides_without_one():
    made = controller(agent="random", model=False)
    commands = [made.tick(reading(k)) for k in range(50)]
    assert {c.source for c in commands} == {CommandSource.PLANNED}
    values = np.array([c.values for c in commands])
    assert values.std() > 0.1
    np.testing.assert_array_equal(values, ACTION.clip(values))
    assert commands[0].model == (0, 0)
    # It plans nothing that could be reused, planned for something else or measured.
    assert made.stand_in(reading(50)).source is CommandSource.HOLD
    with pytest.raises(ValueError, match="what_if: there is no plan now"):
        made.what_if(objective())
    made.offer_model(exact_model(), 1, 1)
    command = made.tick(reading(51))
    assert (command.source, command.model) == (CommandSource.PLANNED, (1, 1))
    with pytest.raises(ValueError, match="what_if: the agent does not plan"):
        made.what_if(objective())
    with pytest.raises(ValueError, match="autotune: the agent does not plan"):
        made.tune([], threading.Event())


@pytest.mark.parametrize("agent", ["policy", "planner+policy"])
def test_a_policy_decides_once_a_model_has_one(agent):
    made = controller(agent=agent, model=False)
    assert made.tick(reading(0)).source is CommandSource.EXPLORATION
    with pytest.raises(ValueError, match=r"policy'?: the model has learned no policy"):
        made.offer_model(exact_model(), 1, 1)
    assert made.tick(reading(1)).source is CommandSource.EXPLORATION
    model = make_world_model(exact_model())
    model.policy = lambda features: torch.full_like(features[..., :1], 0.625)
    made.use_model(model, 1, 1)
    command = made.tick(reading(2, [0.1, 0.2]))
    assert source_of(command) == (CommandSource.PLANNED, "")
    assert math.isfinite(command.expected_return)
    assert command.objective == objective().digest
    if agent == "policy":
        assert command.values.tolist() == [0.625]
        assert made.planned.result.actions.tolist() == [[0.625]]


def test_every_command_is_within_the_limits():
    made = controller()
    for k in range(20):
        values = made.tick(reading(k, [k, -k])).values
        np.testing.assert_array_equal(values, ACTION.clip(values))


def test_a_reading_that_comes_again_gets_the_same_answer():
    made = controller()
    first = made.tick(reading(4))
    assert made.tick(reading(4, [9.0, 9.0])) is first
    assert made.tick(reading(5)) is not first


class Clock:
    now = 0.0

    def tick(self):
        self.now += 0.4

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    """Time that passes only while candidates are judged, 0.4 s each time."""
    from mbrl_ros.control import controller as module

    clock = Clock()
    fake = SimpleNamespace(monotonic=clock.monotonic)
    monkeypatch.setattr(module, "time", fake)
    monkeypatch.setattr(loop_module, "time", fake)
    return clock


def timed(clock, **planner):
    """Return a controller with a budget of 0.85 s, whose iterations take 0.4 s."""
    judge = Judge(on_call=clock.tick)
    made = controller(lock_step=False, period=1.0, judge=judge, **planner)
    # It learns what an iteration costs.
    for k in range(12):
        made.tick(at(clock, k))
    return made


def at(clock, k, age=0.0, **arguments):
    made = reading(k, **arguments)
    return type(made)(**{**made.__dict__, "received": clock.now - age})


def test_a_plan_that_fits_the_budget_is_complete(clock):
    made = timed(clock, iterations=2)
    command = made.tick(at(clock, 20))
    assert source_of(command) == (CommandSource.PLANNED, "")
    assert command.state_age == command.plan_time == pytest.approx(0.8)


def test_a_plan_is_cut_at_the_deadline_with_the_best_so_far(clock):
    made = timed(clock, iterations=5)
    command = made.tick(at(clock, 20))
    assert source_of(command) == (CommandSource.TRUNCATED, "time for 2 iterations only")
    assert command.state_age <= made.budget


def test_what_sending_takes_is_taken_off_the_budget(clock):
    made = timed(clock, iterations=2)
    for _ in range(30):
        made.overhead.add(0.1)
    assert made.budget == pytest.approx(0.75, abs=1e-3)
    assert made.tick(at(clock, 20)).source == CommandSource.TRUNCATED


def test_an_old_reading_leaves_less_time(clock):
    made = timed(clock, iterations=2)
    command = made.tick(at(clock, 20, age=0.4))
    assert command.source == CommandSource.TRUNCATED
    assert command.state_age == pytest.approx(0.8)


def test_without_time_the_last_plan_goes_on(clock):
    made = timed(clock, iterations=2)
    made.tick(at(clock, 20))
    planned = made.planned.result.actions[:, 0].tolist()
    for k in (21, 22, 25):
        command = made.tick(at(clock, k, age=0.8))
        assert source_of(command) == (CommandSource.REUSED, "no time to plan")
        assert command.values[0] == pytest.approx(planned[k - 20])


def test_without_time_and_without_a_plan_the_command_is_safe(clock):
    made = timed(clock, iterations=2)
    command = made.tick(at(clock, 0, age=0.8, episode=1))
    assert source_of(command) == (CommandSource.FALLBACK, "no time to plan, and no plan to reuse")
    assert command.values.tolist() == SAFE


def test_a_plan_that_is_used_up_is_not_reused(clock):
    made = timed(clock, iterations=2, horizon=3)
    made.tick(at(clock, 20))
    sources = [made.tick(at(clock, k, age=0.8)).source for k in (21, 22, 23)]
    assert sources == [CommandSource.REUSED, CommandSource.REUSED, CommandSource.FALLBACK]


def test_in_lock_step_no_deadline_holds(clock):
    made = controller(judge=Judge(on_call=clock.tick), iterations=9)
    assert made.tick(at(clock, 0, age=100.0)).source == CommandSource.PLANNED


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([math.nan, 0.0], "observation: 'position' is nan, expected a finite number"),
        ([0.0, -math.inf], "observation: 'velocity' is -inf, expected a finite number"),
        ([0.0], "observation: expected 2 values (position, velocity), got shape (1,)"),
        ([[0.0, 0.0]], "observation: expected 2 values (position, velocity), got shape (1, 2)"),
    ],
)
@pytest.mark.parametrize("model", [True, False])
def test_a_bad_observation_gets_the_safe_command(values, reason, model):
    made = controller(model=model)
    command = made.tick(reading(1, values))
    assert source_of(command) == (CommandSource.FALLBACK, reason)
    assert command.values.tolist() == SAFE
    assert made.tick(reading(2)).source in (CommandSource.PLANNED, CommandSource.EXPLORATION)


@pytest.mark.parametrize("worth", [math.nan, math.inf, -math.inf])
def test_returns_that_are_not_finite_give_the_safe_command(worth):
    made = controller(judge=Judge(worth=worth))
    command = made.tick(reading(1))
    assert source_of(command) == (CommandSource.FALLBACK, "no candidate has a finite return")
    assert command.values.tolist() == SAFE
    made.objective = objective()
    assert made.tick(reading(2)).source == CommandSource.PLANNED


def test_in_an_e_stop_there_is_the_safe_command_only():
    made = controller()
    made.tick(reading(1))
    made.estopped = True
    for command in (
        made.tick(reading(2)),
        made.silence(reading(2), reading(2).received + PERIOD),
        made.stand_in(reading(3)),
    ):
        assert command.values.tolist() == SAFE
    assert source_of(made.tick(reading(4))) == (CommandSource.FALLBACK, "e-stop")
    made.estopped = False
    assert made.tick(reading(5)).source == CommandSource.PLANNED


def test_an_e_stop_holds_for_a_reading_that_comes_again():
    made = controller(iterations=6)
    made.tick(reading(1))
    made.estopped = True
    assert made.tick(reading(1)).values.tolist() == SAFE


def test_at_the_end_of_an_episode_it_holds():
    command = controller().tick(reading(9, ended=True))
    assert source_of(command) == (CommandSource.HOLD, "the episode ended")
    assert command.values.tolist() == SAFE


def test_a_last_word_is_safe():
    command = controller().farewell(reading(3))
    assert source_of(command) == (CommandSource.HOLD, "deactivated")
    assert command.values.tolist() == SAFE


def test_silence_gets_the_rest_of_the_plan_then_the_safe_command():
    made, last = controller(iterations=3), reading(5)
    made.tick(last)
    planned = made.planned.result.actions[:, 0].tolist()
    for periods in (1, 2, 4):
        command = made.silence(last, last.received + (periods + 0.5) * PERIOD)
        assert command.source == CommandSource.REUSED
        assert command.values[0] == pytest.approx(planned[periods])
    command = made.silence(last, last.received + 0.21)
    assert source_of(command) == (CommandSource.HOLD, "no observation for 0.21 s")
    assert command.values.tolist() == SAFE


def test_silence_without_a_plan_is_answered_safely_and_without_a_reading_not_at_all():
    made = controller(model=False)
    assert made.silence(None, 0.0) is None
    made.tick(reading(1))
    command = made.silence(reading(1), reading(1).received + PERIOD)
    assert command.source == CommandSource.HOLD
    assert command.values.tolist() == SAFE


def test_silence_after_the_end_of_an_episode_is_safe():
    made, last = controller(iterations=6), reading(6, ended=True)
    made.tick(reading(5))
    made.tick(last)
    assert made.silence(last, last.received + 1.5 * PERIOD).values.tolist() == SAFE


def test_a_stand_in_is_the_last_plan_for_the_step():
    made = controller(iterations=3)
    assert made.stand_in(reading(5)).source == CommandSource.HOLD
    made.tick(reading(5))
    planned = made.planned.result.actions[:, 0].tolist()
    command = made.stand_in(reading(7))
    assert command.source == CommandSource.REUSED
    assert (command.step, command.values[0]) == (7, pytest.approx(planned[2]))
    broken = reading(7, [math.nan, 0.0])
    for other in (reading(7, ended=True), reading(7, episode=1), reading(99), reading(4), broken):
        assert made.stand_in(other).values.tolist() == SAFE


def test_a_new_episode_begins_afresh():
    judge = Judge()
    made = controller(judge=judge, iterations=1)
    counts = []
    for k in range(1, 5):
        judge.starts.clear()
        made.tick(reading(k, [0.5, 0.5], action_step=k - 3))
        counts.append(judge.candidates)
    assert counts[1] > counts[0]  # with good ones of the plan before
    judge.starts.clear()
    made.tick(reading(0, [0.5, 0.5], episode=1, action_step=-1))
    assert judge.candidates == counts[0]
    # The delay is known still, but only the safe command is under way.
    state = np.array([0.5, 0.5])
    for _ in range(2):
        state = step(state, SAFE)
    np.testing.assert_allclose(judge.starts[0][0].numpy(), state, atol=1e-6)


def test_a_plant_that_was_restarted_in_the_first_episode_is_controlled_again():
    made = controller()
    for k in (100, 101):
        made.tick(reading(k))
    assert made.tick(reading(0, action_step=-1)).source == CommandSource.PLANNED


def test_the_same_seed_gives_the_same_commands():
    def commands(seed, model):
        made = controller(seed=seed, model=model)
        return np.array([made.tick(reading(k, [k, 0.0])).values for k in range(5)])

    for model in (True, False):
        np.testing.assert_array_equal(commands(3, model), commands(3, model))
        assert not np.array_equal(commands(3, model), commands(4, model))


@pytest.mark.parametrize("version", [(1, 5), (1, 4), (0, 9)])
def test_a_model_that_is_not_newer_is_refused(version):
    made = controller(model=False)
    made.offer_model(exact_model(), 1, 5)
    kept = made.model
    with pytest.raises(ValueError, match=r"expected a newer one than 1/5"):
        made.offer_model(exact_model(), *version)
    assert made.model is kept


def test_a_newer_model_is_taken_up_with_the_next_tick():
    made = controller()
    assert made.tick(reading(0)).model == (1, 1)
    made.offer_model(exact_model(), 1, 2)
    assert made.tick(reading(1)).model == (1, 2)
    made.offer_model(exact_model(), 2, 1)
    assert made.tick(reading(2)).model == (2, 1)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            exact_model(Space.of(["position", "speed"])),
            "model 1/2: observation: expected position, velocity, got position, speed",
        ),
        (
            exact_model(Space.of(["velocity", "position"])),
            "model 1/2: observation: expected position, velocity, got velocity, position",
        ),
        (
            exact_model(action=Space.of(["torque"], [-1], [1])),
            "model 1/2: action: expected force, got torque",
        ),
        (ModelUpdate("ensemble", "{}", {"model": ModelPart(b"", "")}), "SHA-256"),
        (ModelUpdate("ensemble", "{}", exact_model().parts), "model settings"),
        (ModelUpdate("ensemble", exact_model().settings, {}), "model weights"),
        (
            ModelUpdate("nothing", "{}", exact_model().parts),
            "kind of model: expected one of",
        ),
    ],
)
def test_a_model_that_does_not_fit_or_is_damaged_leaves_the_present_one(model, message):
    made = controller()
    kept = made.model
    with pytest.raises(ValueError, match=message):
        made.offer_model(model, 1, 2)
    assert made.model is kept
    assert made.tick(reading(0)).source == CommandSource.PLANNED


@pytest.mark.parametrize(("told", "hidden"), [(0, 0), (1, 0), (3, 0), (0, 1), (0, 3), (2, 3)])
def test_plans_start_where_the_plant_will_be_when_they_act(told, hidden):
    judge, delay = Judge(), told + hidden
    made = controller(judge=judge, model=False)
    state, states, sent, starts = np.array([0.3, -0.2]), [], [], {}
    for k in range(40):
        states.append(state)
        judge.starts.clear()
        command = made.tick(reading(k, state, action_step=k - 1 - told))
        if judge.starts:
            starts[k] = judge.starts[0]
        if k == 10:
            # Exploration has told the delay; from now on there are plans.
            made.offer_model(exact_model(delay=hidden), 1, 1)
        sent.append(command.values)
        # What was sent in answer to step k acts from step k + delay on.
        acting = sent[k - delay] if k >= delay else np.array(SAFE)
        state = step(state, acting)
    assert (made.latency.delay, made.delay) == (told, delay)
    # What the objective is told belongs to the same moment.
    assert judge.moment == (39 + delay, sent[-2].tolist())
    assert len(starts) > 20
    for k, start in starts.items():
        if k + delay < len(states):
            expected = torch.from_numpy(states[k + delay]).float().expand(2, -1)
            torch.testing.assert_close(start, expected, atol=1e-5, rtol=1e-5)


def test_a_delay_that_only_the_model_knows_of_costs_nothing_but_itself():
    there = Objective.from_parameters(
        {"terms": ["speed"], "speed.type": "smooth_l1", "speed.of": ["velocity"],
         "speed.target": 0.5, "speed.scale": 0.1},
        OBSERVATION, ACTION,
    )  # fmt: skip

    def cost(hidden, known):
        made = controller(model=False, judge=there, horizon=12, candidates=64, iterations=6)
        made.offer_model(exact_model(delay=known), 1, 1)
        state, sent, errors = np.array([0.0, 0.0]), [np.array(SAFE)] * hidden, []
        for k in range(60):
            sent.append(made.tick(reading(k, state)).values)
            state = step(state, sent[k])
            errors.append(abs(state[1] - 0.5))
        # Until its first command acts, it can do nothing.
        return sum(errors[hidden:])

    prompt = cost(0, 0)
    for delay in (1, 3):
        assert cost(delay, delay) < 1.1 * prompt
    assert cost(3, 0) > 1.5 * cost(3, 3)


def test_without_compensation_plans_start_where_the_plant_was_seen():
    judge = Judge()
    made = controller(judge=judge, latency_compensation=False)
    for k in range(30):
        judge.starts.clear()
        made.tick(reading(k, [0.1 * k, 0.0], action_step=k - 3))
    assert made.latency.delay == 2
    torch.testing.assert_close(judge.starts[0], torch.tensor([2.9, 0.0]).expand(2, -1))


def test_a_plan_says_what_it_expects():
    made = controller()
    assert made.planned is None
    command = made.tick(reading(0, [1.0, 2.0]))
    planned = made.planned
    actions, trajectory = planned.result.actions, planned.trajectory()
    assert actions[0].numpy() == pytest.approx(command.values)
    assert trajectory.shape == (2, 9, 2)
    state = np.array([1.0, 2.0])
    for k, force in enumerate(actions.numpy()):
        np.testing.assert_allclose(trajectory[0, k].numpy(), state, atol=1e-5)
        state = step(state, force)
    assert planned.result.expected_return == command.expected_return


def test_with_a_delay_a_plan_begins_where_its_first_action_acts():
    judge = Judge()
    made = controller(judge=judge)
    for k in range(6):
        judge.starts.clear()
        made.tick(reading(k, [1.0, 2.0], action_step=k - 2))
    torch.testing.assert_close(made.planned.trajectory()[:, 0], judge.starts[0])


def test_without_the_learned_reward_that_it_is_to_plan_for_the_safe_command_is_sent():
    learned = Objective.from_parameters(
        {"terms": ["paid"], "paid.type": "learned_reward"}, OBSERVATION, ACTION
    )
    made = controller(judge=learned)
    command = made.tick(reading(0))
    assert command.source is CommandSource.FALLBACK
    assert "learned_reward: the model has learned no reward" in command.reason
    np.testing.assert_array_equal(command.values, SAFE)
    made.objective = objective()
    assert made.tick(reading(1)).source is CommandSource.PLANNED
    with pytest.raises(ValueError, match="learned no reward"):
        made.what_if(learned)


def test_what_if_plans_for_another_objective_and_changes_nothing():
    made = controller(iterations=20, candidates=64, icem=ICEMSettings(finest_scale=1.0))
    with pytest.raises(ValueError, match="what_if: there is no plan now"):
        made.what_if(made.objective)
    made.tick(reading(0))
    before, objective = made.planned, made.objective
    backwards = Objective.from_parameters(
        {"terms": ["back"], "back.of": ["velocity"], "back.weight": -1.0}, OBSERVATION, ACTION
    )
    asked = made.what_if(backwards)
    assert asked.objective.digest == backwards.digest
    assert asked.observation is before.observation
    assert before.result.actions[0] > 0.9
    assert asked.result.actions[0] < ACTION.lower[0] + 0.05
    assert made.planned is before
    assert made.objective is objective
    # The plan that there is competes: one for the same objective is not worse.
    again = made.what_if(made.objective)
    assert again.result.expected_return >= before.result.expected_return - 1e-4


def test_what_if_is_answered_before_long_even_where_planning_takes_long(monkeypatch):
    made = controller(iterations=2)
    made.tick(reading(0))
    now = itertools.count(0.0, 0.3)  # every look at the clock takes 0.3 s
    clock = SimpleNamespace(monotonic=lambda: next(now))
    monkeypatch.setattr(plan_record_module, "time", clock)
    monkeypatch.setattr(loop_module, "time", clock)
    asked = made.what_if(made.objective)
    assert not asked.result.complete
    assert next(now) < 5.0


def test_after_ticks_without_a_plan_the_warm_start_is_shifted_by_all_of_them():
    asked = []

    class Asked(EnsembleModel):
        def imagine(self, belief, actions):
            asked.append(actions.clone())
            return super().imagine(belief, actions)

    made = controller(iterations=1)
    made.model = ActiveModel(Asked(made.model.model.dynamics), (1, 1))
    made.tick(reading(0))
    planned = made.planned.result.actions
    for k in (1, 2, 3):
        made.tick(reading(k, [math.nan, 0.0]))
    asked.clear()
    made.tick(reading(4))
    assert torch.equal(asked[0][-1], planned[[4, 5, 6, 7, 7, 7, 7, 7]])


def test_it_rolls_back_and_keeps_to_an_earlier_model():
    made = controller(model=False)
    with pytest.raises(ValueError, match="rollback: no model before 0/0 is kept"):
        made.roll_back()
    with pytest.raises(ValueError, match="there is no model yet"):
        made.use_newest_model()
    for sequence in range(1, 8):
        made.offer_model(exact_model(), 1, sequence)
    made.roll_back()
    assert (made.model.version, made.model_held) == ((1, 6), True)
    # What is learned meanwhile waits.
    made.offer_model(exact_model(), 1, 8)
    with pytest.raises(ValueError, match="expected a newer one than 1/8"):
        made.offer_model(exact_model(), 1, 7)
    assert made.model.version == (1, 6)
    assert made.tick(reading(0)).model == (1, 6)
    for sequence in (5, 4):
        made.roll_back()
        assert made.model.version == (1, sequence)
    with pytest.raises(ValueError, match="no model before 1/4 is kept"):
        made.roll_back()
    assert made.model.version == (1, 4)
    made.use_newest_model()
    assert (made.model.version, made.model_held) == ((1, 8), False)
    made.offer_model(exact_model(), 1, 9)
    assert made.tick(reading(1)).model == (1, 9)


def test_another_planner_holds_from_the_next_tick_on():
    made = controller()
    made.tick(reading(0))
    made.replace_planner(PlannerSettings(horizon=3, candidates=8, iterations=1))
    made.tick(reading(1))
    assert made.planned.result.actions.shape == (3, 1)


def test_a_planner_that_needs_what_the_model_has_not_learned_is_refused():
    made = controller()
    before = made.agent.planner
    with pytest.raises(ValueError, match=r"inverse_model: the model has learned none; set model\."):
        made.replace_planner(PlannerSettings(proposals=["inverse_model"]))
    assert made.agent.planner is before


def test_another_objective_holds_from_the_next_tick_on():
    made = controller(iterations=20, candidates=64, icem=ICEMSettings(finest_scale=1.0))
    assert made.tick(reading(0)).values[0] > 0.9
    made.objective = type(made.objective).from_parameters(
        {"terms": ["slow"], "slow.of": ["velocity"], "slow.weight": -1.0}, OBSERVATION, ACTION
    )
    made.reset()
    assert made.tick(reading(1)).values[0] < 0.35


def test_after_a_fault_the_safe_command_is_sent_and_no_plan_is_left_to_reuse():
    made = controller()
    made.tick(reading(0))
    command = made.fault(reading(1), ZeroDivisionError("by nothing"))
    assert (command.source, command.reason) == (
        CommandSource.FALLBACK,
        "ZeroDivisionError: by nothing",
    )
    assert command.values.tolist() == made.safe.resting.tolist()
    assert math.isnan(command.expected_return)
    assert made.stand_in(reading(2)).source == CommandSource.HOLD


def test_an_estop_that_comes_while_a_plan_is_made_stops_that_plan_too():
    made = controller()

    class Pressed(EnsembleModel):
        def imagine(self, belief, actions):
            made.estopped = True
            return super().imagine(belief, actions)

    made.model = ActiveModel(Pressed(made.model.model.dynamics), (1, 1))
    command = made.tick(reading(0))
    assert (command.source, command.reason) == (CommandSource.FALLBACK, "e-stop")
    assert command.values.tolist() == made.safe.resting.tolist()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused():
    settings = ControllerSettings(device="cuda")
    with pytest.raises(ValueError, match="device: expected cpu, got 'cuda'"):
        Controller(
            OBSERVATION, ACTION, objective(), settings, period=0.04, lock_step=True, seed=0,
            safe=SafeCommand(OBSERVATION, ACTION, "hold"),
        )  # fmt: skip


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("kind", ["icem", "mppi", "gradient", "ilqr"])
def test_on_a_cuda_device_it_plans_the_same(kind):
    settings = ControllerSettings(device="cuda", planner=PlannerSettings(type=kind, horizon=8))
    made = Controller(
        OBSERVATION, ACTION, objective(), settings, period=0.04, lock_step=True, seed=0,
        safe=SafeCommand(OBSERVATION, ACTION, "hold"),
    )  # fmt: skip
    made.offer_model(exact_model(), 1, 1)
    assert made.tick(reading(0)).values[0] > 0.9
