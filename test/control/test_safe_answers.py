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
)
from support.heads import FixedPolicy

from mbrl_ros.control.controller import CommandSource
from mbrl_ros.models.ensemble.model import EnsembleModel
from mbrl_ros.models.packing import make_world_model
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.safety.safe_command import SafeCommand


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
        # Not as if only the plant were silent.
        assert command.source == CommandSource.FALLBACK
        assert command.reason.startswith("e-stop")
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
    assert source_of(command) == (CommandSource.FALLBACK, "deactivated")
    assert command.values.tolist() == SAFE


def test_silence_gets_the_rest_of_the_plan_then_the_safe_command():
    made, last = controller(iterations=3), reading(5)
    first = made.tick(last)
    planned = made.planned.result.actions[:, 0].tolist()
    made.models.offer(exact_model(), 1, 2)
    for periods in (1, 2, 4):
        command = made.silence(last, last.received + (periods + 0.5) * PERIOD)
        assert command.source == CommandSource.REUSED
        # Whatever there is by now, the plan was made with that.
        assert (command.model, command.objective) == (first.model, first.objective)
        assert command.values[0] == pytest.approx(planned[periods])
    command = made.silence(last, last.received + 0.21)
    assert source_of(command) == (CommandSource.HOLD, "no observation for 0.21 s")
    assert command.values.tolist() == SAFE


def test_in_a_long_silence_no_velocity_of_before_it_is_damped():
    damp = SafeCommand(OBSERVATION, ACTION, "damp", velocities=["velocity"], damping=0.5)
    made, last = controller(model=False, safe=damp), reading(5, (0.0, -1.6))
    made.tick(last)
    assert made.silence(last, last.received + PERIOD).values.tolist() == [0.8]
    assert made.silence(last, last.received + 0.21).values.tolist() == SAFE


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


def test_at_the_last_moment_only_a_plan_that_goes_on_is_sent_and_counts_as_what_acts():
    made = controller(iterations=3)
    assert made.last_moment(reading(5)) is None
    made.tick(reading(5))
    planned = made.planned.result.actions[:, 0].tolist()
    command = made.last_moment(reading(6))
    assert (command.source, command.step) == (CommandSource.REUSED, 6)
    assert command.values[0] == pytest.approx(planned[1])
    # What the tick comes to is not sent.
    made.tick(reading(6))
    assert made.known.latency.before(7)[-1] == pytest.approx(command.values)
    broken = reading(7, [math.nan, 0.0])
    for other in (reading(7, ended=True), reading(7, episode=1), reading(99), broken):
        assert made.last_moment(other) is None
    made.estopped = True
    assert made.last_moment(reading(7)) is None


def test_a_plan_stands_in_for_no_longer_than_a_silent_plant_is_waited_for():
    made = controller(horizon=16)
    made.tick(reading(5))
    # 0.2 s, whatever the horizon is: a tick that hangs has seen nothing since.
    assert made.stand_in(reading(10)).source == CommandSource.REUSED
    late = made.stand_in(reading(11))
    assert (late.source, late.values.tolist()) == (CommandSource.HOLD, SAFE)


def holding(**arguments):
    return controller(safe=SafeCommand(OBSERVATION, ACTION, "hold", values=SAFE), **arguments)


def test_what_is_held_is_what_the_plant_applies_though_a_tick_is_busy():
    made = holding(model=False)
    made.tick(reading(5, applied=[0.3]))
    # Nobody has ticked since, and a new episode may have begun.
    assert made.stand_in(reading(8, applied=[0.6])).values.tolist() == [0.6]
    # A plant with a delay tells of earlier commands: it stays with the first.
    assert made.stand_in(reading(9, applied=[0.7])).values.tolist() == [0.6]
    assert made.stand_in(reading(0, applied=[0.8], episode=1)).values.tolist() == [0.8]
    assert made.stand_in(reading(1, applied=[0.9], episode=1)).values.tolist() == [0.8]
    made.tick(reading(2, applied=[0.5], episode=1))
    made.estopped = True
    assert made.stand_in(reading(3, applied=[0.4], episode=1)).values.tolist() == [0.4]
    assert made.tick(reading(3, applied=[0.45], episode=1)).values.tolist() == [0.4]


def test_an_agent_that_decides_on_no_number_gets_the_safe_command():
    made = controller(agent="policy", model=False)
    model = make_world_model(exact_model())
    model.policy = FixedPolicy(lambda features: torch.full_like(features[..., :1], math.nan))
    made.models.use(model, 1, 1)
    command = made.tick(reading(0))
    assert command.source is CommandSource.FALLBACK
    assert command.values.tolist() == SAFE
    assert made.planned is None


def test_a_plan_that_holds_no_number_later_is_not_reused():
    made = controller()
    made.tick(reading(5))
    actions = made.planned.result.actions.clone()
    actions[2:] = math.nan
    made.planned = replace(made.planned, result=replace(made.planned.result, actions=actions))
    assert made.stand_in(reading(6)).source is CommandSource.REUSED
    command = made.stand_in(reading(7))
    assert command.source is CommandSource.HOLD
    assert command.values.tolist() == SAFE


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

    active = made.models.active
    made.models.active = replace(active, model=Pressed(active.model.dynamics))
    command = made.tick(reading(0))
    assert (command.source, command.reason) == (CommandSource.FALLBACK, "e-stop")
    assert command.values.tolist() == made.safe.resting.tolist()
