import math
from dataclasses import replace

import pytest
import torch
from support.systems import ACTION, OBSERVATION, SMALL, fed, trained, weights, with_gate, with_model

from mbrl_ros.core.spaces import Space
from mbrl_ros.learning.dynamics_learner import DynamicsLearner
from mbrl_ros.models.ensemble.settings import EnsembleSettings
from mbrl_ros.models.packing import pack, unpack


def test_a_restored_learner_goes_on_where_the_other_was():
    before = trained(300)
    update = before.judge().update
    published = unpack(update)
    learner = fed(count=150, data_seed=9)
    learner.restore(update)
    states, actions = torch.randn(3, 9, 2), torch.rand(3, 9, 1)
    with torch.no_grad():
        expected = published.predict(states, actions)[0]
        assert torch.equal(learner.model.predict(states, actions)[0], expected)
    # Its own training does not touch what was published.
    learner.update()
    assert learner.judge().update is not None
    assert learner.holdout.open_loop_error(learner.model, published.observation_std) < 0.2
    assert torch.equal(published.predict(states, actions)[0], expected)


def test_a_restored_learner_judges_by_the_model_it_was_given():
    learner = fed(with_gate(good_error=0.0), count=150)
    learner.restore(pack(trained(400).model))
    with torch.no_grad():
        learner.model.network.biases[-1] += 1.0
    learner.update()
    assert learner.judge().update is None


def test_mirror_images_may_be_declared_later():
    learner = fed(with_model(mirrored=["position", "velocity", "force"]), count=150)
    before = trained(50)
    learner.restore(pack(before.model))
    assert torch.equal(weights(learner), weights(before))
    assert learner.model.settings.mirrored == ["position", "velocity", "force"]


@pytest.mark.parametrize(
    "other",
    [
        DynamicsLearner(Space.of(["position", "speed"]), ACTION, SMALL, 0),
        DynamicsLearner(OBSERVATION, Space.of(["torque"], [-1], [1]), SMALL, 0),
        DynamicsLearner(Space.of(OBSERVATION.names, angles=["position"]), ACTION, SMALL, 0),
        DynamicsLearner(
            OBSERVATION, ACTION, replace(SMALL, model=EnsembleSettings(members=3, hidden=[32])), 0
        ),
    ],
    ids=["observation", "action", "angles", "sizes"],
)
def test_a_model_of_another_kind_is_not_taken_up(other):
    learner = fed(count=0)
    before = weights(learner)
    with pytest.raises(ValueError, match="other spaces or settings"):
        learner.restore(pack(other.model))
    assert torch.equal(weights(learner), before)


def test_training_goes_on_after_a_restart_as_if_nothing_had_been():
    whole = trained(300)
    expected = weights(whole)
    half = trained(150)
    update, state = pack(half.model), {n: t.clone() for n, t in half.state().items()}
    resumed = fed()
    resumed.restore(update, state)
    assert resumed.updates == 150
    assert resumed.owed_updates == 250
    resumed._rng, resumed._normalized_at = half._rng, half._normalized_at
    for _ in range(150):
        resumed.update()
    torch.testing.assert_close(weights(resumed), expected)


def test_what_is_learned_beside_the_dynamics_goes_on_too():
    def heads(learner):
        model = learner.model
        parameters = [*model.reward_model.parameters(), *model.inverses.parameters()]
        return torch.cat([w.detach().flatten() for w in parameters])

    settings = with_model(reward_model=True, inverses=True)
    expected = heads(trained(60, settings=settings))
    half = trained(30, settings=settings)
    update, state = pack(half.model), {n: t.clone() for n, t in half.state().items()}
    # Nothing was paid and nothing ended: these heads made no step.
    assert {name.split(".")[0] for name in state} >= {"optimizer", "inverses"}
    assert not any(name.startswith("reward_model") for name in state)
    resumed = fed(settings=settings)
    resumed.restore(update, state)
    resumed._rng, resumed._normalized_at = half._rng, half._normalized_at
    for _ in range(30):
        resumed.update()
    torch.testing.assert_close(heads(resumed), expected)
    state["inverses.1.0.exp_avg"] = torch.ones(3)
    with pytest.raises(ValueError, match=r"'inverses\.1\.0\.exp_avg': expected"):
        fed(settings=settings).restore(update, state)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("updates", None, "'updates': expected a count"),
        ("updates", torch.tensor(-1), "'updates': expected a count"),
        ("extra_updates", None, "'extra_updates': expected"),
        ("extra_updates", torch.tensor(math.nan), "'extra_updates': expected"),
        ("optimizer.0.exp_avg", None, "'optimizer.0.exp_avg': expected"),
        ("optimizer.0.exp_avg", torch.ones(3), "'optimizer.0.exp_avg': expected"),
        ("optimizer.1.exp_avg_sq", torch.full((3, 1, 32), math.nan), "'optimizer.1.exp_avg_sq'"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(name, value, message):
    before = trained(20)
    state = {n: t for n, t in {**before.state(), name: value}.items() if t is not None}
    learner = fed()
    kept = weights(learner)
    with pytest.raises(ValueError, match=message):
        learner.restore(pack(before.model), state)
    assert torch.equal(weights(learner), kept)
    assert learner.updates == 0
