from dataclasses import replace

import pytest
from known import (
    ACTION,
    OBSERVATION,
    SAFE,
    controller,
    exact_model,
    reading,
    source_of,
)

from mbrl_ros.control.controller import CommandSource
from mbrl_ros.control.settings import ExplorationSettings
from mbrl_ros.control.tuning import least_effort
from mbrl_ros.core.spaces import Space
from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.ensemble.settings import EnsembleSettings
from mbrl_ros.models.packing import pack
from mbrl_ros.models.update import ModelPart, ModelUpdate


@pytest.mark.parametrize("version", [(1, 5), (1, 4), (0, 9)])
def test_a_model_that_is_not_newer_is_refused(version):
    made = controller(model=False)
    made.models.offer(exact_model(), 1, 5)
    kept = made.models.active
    with pytest.raises(ValueError, match=r"expected a newer one than 1/5"):
        made.models.offer(exact_model(), *version)
    assert made.models.active is kept


def test_without_leave_to_explore_it_waits_for_a_model():
    made = controller(model=False)
    made.settings = replace(made.settings, exploration=ExplorationSettings(enabled=False))
    assert not made.may_explore
    told = made.tick(reading(0))
    assert source_of(told) == (
        CommandSource.HOLD,
        "no model yet, and exploration.enabled is false",
    )
    assert told.values.tolist() == SAFE
    made.models.offer(exact_model(), 1, 1)
    assert made.tick(reading(1)).source is CommandSource.PLANNED


def test_while_models_are_refused_each_command_says_why():
    made = controller(model=False)
    assert made.tick(reading(0)).reason == "no model yet"
    with pytest.raises(ValueError, match="SHA-256") as refused:
        made.models.offer(ModelUpdate("ensemble", "{}", {"model": ModelPart(b"", "")}), 1, 1)
    command = made.tick(reading(1))
    assert command.source == CommandSource.EXPLORATION
    assert command.reason == f"model refused: {refused.value}"
    made.models.offer(exact_model(), 1, 2)
    assert made.tick(reading(2)).source == CommandSource.PLANNED
    assert made.models.refusal == ""


def test_a_newer_model_is_taken_up_with_the_next_tick():
    made = controller()
    assert made.tick(reading(0)).model == (1, 1)
    made.models.offer(exact_model(), 1, 2)
    assert made.tick(reading(1)).model == (1, 2)
    made.models.offer(exact_model(), 2, 1)
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
        (
            ModelUpdate("gaussian_process", exact_model().settings, exact_model().parts),
            "kind of model: expected ensemble, as .* got 'gaussian_process'",
        ),
        (
            replace(exact_model(), parts={"other": exact_model().parts["model"]}),
            "model weights: expected a part 'model', got 'other'",
        ),
        (ModelUpdate("ensemble", exact_model().settings, {}), "model weights"),
        (
            ModelUpdate("nothing", "{}", exact_model().parts),
            "kind of model: expected ensemble, as the parameter learner says, got 'nothing'",
        ),
    ],
)
def test_a_model_that_does_not_fit_or_is_damaged_leaves_the_present_one(model, message):
    made = controller()
    kept = made.models.active
    with pytest.raises(ValueError, match=message):
        made.models.offer(model, 1, 2)
    assert made.models.active is kept
    assert made.tick(reading(0)).source == CommandSource.PLANNED


def test_a_model_that_is_kept_to_can_be_used_after_others_have_pushed_it_out():
    made = controller(adaptation=True)
    made.models.offer(exact_model(), 1, 2)
    made.models.roll_back()
    for sequence in range(3, 12):
        made.models.offer(exact_model(), 1, sequence)
    made.replace_planner(replace(made.settings.planner, members=1))
    assert (made.models.active.version, made.models.active.model.members) == ((1, 1), 1)
    assert made.models.adapt(False)
    assert made.models.active.correction is None
    least_effort(made, [])
    assert made.tick(reading(0)).model == (1, 1)


def test_a_model_prepared_under_other_settings_is_used_under_those_of_now():
    made = controller(adaptation=True)
    prepared = made.models.prepare(exact_model(), 1, 2)
    made.replace_planner(replace(made.settings.planner, members=1))
    made.models.adapt(False)
    made.models.take(prepared)
    assert (made.models.active.version, made.models.active.model.members) == ((1, 2), 1)
    assert made.models.active.correction is None


def test_a_model_that_comes_during_a_tick_waits_for_the_next():
    made = controller(model=False, agent="random")

    class Swapping(type(made.agent)):
        def act(self, *arguments):
            made.models.offer(exact_model(), 1, 1)
            return super().act(*arguments)

    made.agent.__class__ = Swapping
    assert made.tick(reading(0)).model == (0, 0)
    made.agent.__class__ = Swapping.__base__
    assert made.tick(reading(1)).model == (1, 1)


def test_it_rolls_back_and_keeps_to_an_earlier_model():
    made = controller(model=False)
    with pytest.raises(ValueError, match="rollback: no model before 0/0 is kept"):
        made.models.roll_back()
    with pytest.raises(ValueError, match="there is no model yet"):
        made.models.use_newest()
    for sequence in range(1, 8):
        made.models.offer(exact_model(), 1, sequence)
    made.models.roll_back()
    assert (made.models.active.version, made.models.held) == ((1, 6), True)
    # What is learned meanwhile waits.
    made.models.offer(exact_model(), 1, 8)
    with pytest.raises(ValueError, match="expected a newer one than 1/8"):
        made.models.offer(exact_model(), 1, 7)
    assert made.models.active.version == (1, 6)
    assert made.tick(reading(0)).model == (1, 6)
    for sequence in (5, 4):
        made.models.roll_back()
        assert made.models.active.version == (1, sequence)
    with pytest.raises(ValueError, match="no model before 1/4 is kept"):
        made.models.roll_back()
    assert made.models.active.version == (1, 4)
    made.models.use_newest()
    assert (made.models.active.version, made.models.held) == ((1, 8), False)
    made.models.offer(exact_model(), 1, 9)
    assert made.tick(reading(1)).model == (1, 9)


def test_another_engine_computes_the_model_from_the_next_tick_on():
    model = DynamicsModel(OBSERVATION, ACTION, EnsembleSettings(members=2, hidden=[16, 16]))
    made = controller(model=False)
    made.models.offer(pack(model), 0, 1)
    before = made.settings.planner
    made.replace_planner(replace(before, engine="bfloat16"))
    assert made.models.active.model.engine == "bfloat16"
    assert made.models.active.learned.engine == "float32"
    assert made.agent.effort.endswith(", bfloat16")
    made.models.offer(pack(model), 0, 2)
    assert made.models.active.model.engine == "bfloat16"
    made.replace_planner(before)
    assert made.models.active.model.engine == "float32"


def test_an_engine_that_a_model_does_not_have_is_refused():
    made = controller()
    with pytest.raises(
        ValueError, match=r"planner.engine: EnsembleModel has float32 here, got 'bf"
    ):
        made.replace_planner(replace(made.settings.planner, engine="bfloat16"))
    assert made.models.active.model.engine == "float32"
    assert made.agent.effort.endswith("horizon 8")
