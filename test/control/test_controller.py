import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from known import (
    ACTION,
    OBSERVATION,
    PERIOD,
    SAFE,
    Judge,
    controller,
    exact_model,
    objective,
    reading,
    source_of,
    step,
)
from support.heads import FixedPolicy, FixedValue

from mbrl_ros.control.controller import CommandSource, Controller
from mbrl_ros.control.settings import ControllerSettings
from mbrl_ros.control.tuning import tune
from mbrl_ros.control.turns import Turns
from mbrl_ros.core.limits import LimitSettings
from mbrl_ros.models.ensemble.model import EnsembleModel
from mbrl_ros.models.imagined import Imagined
from mbrl_ros.models.packing import make_world_model
from mbrl_ros.planning.settings import ICEMSettings, PlannerSettings
from mbrl_ros.safety.safe_command import SafeCommand


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


def test_curiosity_fades_and_is_left_out_where_only_the_best_is_wanted():
    made = controller(curiosity=6.0)
    curiosity = []
    for k in range(8):
        made.exploring = k != 4
        made.tick(reading(k))
        curiosity.append(made.planned.objective.curiosity)
    # No rewards are learned, whose range would be the unit.
    expected = [6.0 / math.sqrt(1 + n) for n in (1, 2, 3, 4, 0, 5, 6, 7)]
    assert curiosity == pytest.approx([*expected[:4], 0.0, *expected[5:]])
    assert made.planned.objective.digest == objective().digest


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
    made.models.offer(exact_model(), 1, 1)
    command = made.tick(reading(51))
    assert (command.source, command.model) == (CommandSource.PLANNED, (1, 1))
    with pytest.raises(ValueError, match="what_if: the agent does not plan"):
        made.what_if(objective())
    with pytest.raises(ValueError, match="autotune: the agent does not plan"):
        tune(made, [], Turns())


@pytest.mark.parametrize("agent", ["policy", "planner+policy"])
def test_a_policy_decides_once_a_model_has_one(agent):
    made = controller(agent=agent, model=False)
    assert made.tick(reading(0)).source is CommandSource.EXPLORATION
    with pytest.raises(ValueError, match=r"policy'?: the model has learned no policy"):
        made.models.offer(exact_model(), 1, 1)
    assert made.tick(reading(1)).source is CommandSource.EXPLORATION
    model = make_world_model(exact_model())
    model.policy = FixedPolicy(lambda features: torch.full_like(features[..., :1], 0.625))
    model.value = FixedValue(lambda features: features.sum(dim=-1))
    made.models.use(model, 1, 1)
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


def test_after_ticks_without_a_plan_the_warm_start_is_shifted_by_all_of_them():
    asked = []

    class Asked(EnsembleModel):
        def imagine(self, belief, actions):
            asked.append(actions.clone())
            return super().imagine(belief, actions)

    made = controller(iterations=1)
    active = made.models.active
    made.models.active = replace(active, model=Asked(active.model.dynamics))
    made.tick(reading(0))
    planned = made.planned.result.actions
    for k in (1, 2, 3):
        made.tick(reading(k, [math.nan, 0.0]))
    asked.clear()
    made.tick(reading(4))
    assert torch.equal(asked[0][-1], planned[[4, 5, 6, 7, 7, 7, 7, 7]])


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
    made.models.offer(exact_model(), 1, 1)
    assert made.tick(reading(0)).values[0] > 0.9


def test_plans_are_timed_with_the_value_that_they_will_end_in():
    asked = []

    def value(features):
        asked.append(features.shape)
        return features.sum(dim=-1)

    for agent in ("planner", "planner+policy"):
        made = controller(agent=agent, model=False)
        model = make_world_model(exact_model())
        # As the first model has them: learned for no objective yet.
        model.policy = FixedPolicy(lambda features: 0 * features[..., :1], "none")
        model.value = FixedValue(value, "none")
        made.models.use(model, 1, 1)
        made.tick(reading(0))
        assert not asked
        tune(made, [], Turns())
        assert bool(asked) == (agent == "planner+policy")


def test_it_explores_and_plans_within_limits_that_change():
    made = controller(model=False)
    made.limit(LimitSettings(of=["position"], high=[1.0], rate=[0.5]))
    values = [made.tick(reading(k)).values[0] for k in range(20)]
    assert np.abs(np.diff(values)).max() == pytest.approx(0.5 * PERIOD)
    with pytest.raises(ValueError, match="unknown dimension 'x'"):
        made.limit(LimitSettings(of=["x"]))
    with pytest.raises(ValueError, match=r"limits\.rate: expected one number, or one for each"):
        made.limit(LimitSettings(rate=[1.0, 2.0]))
    assert made.tick(reading(20)).values.shape == (1,)
    made.models.offer(exact_model(), 1, 1)
    made.limit(LimitSettings(of=["velocity"], high=[0.35]))
    made.tick(reading(21))
    planned = made.planned
    fast = torch.tensor([[[[0.0, 0.3], [0.0, 0.3]], [[0.0, 0.3], [0.0, 0.4]]]])
    found = planned.problem.forbidden.beyond(Imagined(torch.zeros(2, 1, 1), fast, fast))
    assert found.tolist() == [0.0, 1.0]
