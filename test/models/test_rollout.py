import math

import pytest
import torch
from support.systems import OBSERVATION, WITH_ANGLES, imagined, random_model, world_model

from mbrl_ros.models.ensemble import inference

needs_fused = pytest.mark.skipif(
    not inference._has_fused(torch.device("cpu")), reason="this torch has no fused oneDNN operator"
)


@pytest.fixture(params=["stacked", pytest.param("fused", marks=needs_fused)], autouse=True)
def way(request, monkeypatch):
    """Compute every test's rollouts both ways, whatever their size."""
    monkeypatch.setattr(inference, "_FUSED_WORK", 0 if request.param == "fused" else math.inf)


@pytest.mark.parametrize("hidden", [[16, 16], [16], []], ids=str)
@pytest.mark.parametrize("per_member", [False, True], ids=["one_start", "start_per_member"])
@pytest.mark.parametrize("observation", [OBSERVATION, WITH_ANGLES], ids=["plain", "angles"])
def test_a_rollout_is_prediction_step_by_step(observation, per_member, hidden):
    model, o = random_model(observation, hidden=hidden), observation.dim
    start = torch.randn(3, 1, o) if per_member else torch.randn(o)
    actions = torch.rand(6, 12, 1) * 2 - 1
    trajectories = imagined(world_model(model), start, actions)
    assert trajectories.shape == (3, 6, 13, o)
    state = start.expand(3, 6, o)
    torch.testing.assert_close(trajectories[:, :, 0], state)
    for k in range(12):
        state, _ = model.predict(state, actions[:, k].expand(3, -1, -1))
        torch.testing.assert_close(trajectories[:, :, k + 1], state, atol=1e-4, rtol=1e-4)


def test_a_rollout_stays_within_the_same_range_as_predictions():
    model = random_model()
    model.high.fill_(0.5)
    model.low.fill_(-0.5)
    start, actions = torch.tensor([5.0, -5.0]), torch.ones(4, 3, 1)
    trajectories = imagined(world_model(model), start, actions)
    assert trajectories[:, :, 1:].abs().max() <= 0.5


def test_a_rollout_keeps_its_model_though_training_goes_on():
    model = random_model()
    fixed = world_model(model)
    start, actions = torch.randn(2), torch.rand(4, 5, 1)
    before = imagined(fixed, start, actions).clone()
    for weight in model.network.weights:
        weight.data += 1.0
    torch.testing.assert_close(imagined(fixed, start, actions), before, atol=0, rtol=0)


def test_rollouts_of_different_sizes_do_not_disturb_each_other():
    model, start = world_model(random_model()), torch.randn(2)
    actions = torch.rand(4, 5, 1)
    whole = imagined(model, start, actions).clone()
    imagined(model, torch.randn(2), torch.rand(7, 3, 1))
    torch.testing.assert_close(imagined(model, start, actions[:2])[:, :, :6], whole[:, :2])
    torch.testing.assert_close(imagined(model, start, actions), whole)


def test_a_part_of_the_members_predicts_as_it_does_among_all():
    model, start, actions = random_model(), torch.randn(2), torch.rand(4, 5, 1)
    whole = imagined(world_model(model), start, actions).clone()
    part = imagined(world_model(model, members=2), start, actions)
    torch.testing.assert_close(part, whole[:2])
    torch.testing.assert_close(imagined(world_model(model).fork(2), start, actions), whole[:2])
    assert len(imagined(world_model(model, members=9), start, actions)) == 3


def test_one_candidate_for_one_step_or_none():
    model, start = random_model(WITH_ANGLES), torch.randn(4)
    actions = torch.rand(1, 1, 1)
    next_observation, _ = model.predict(start.expand(3, 1, 4), actions[:, 0].expand(3, -1, -1))
    trajectories = imagined(world_model(model), start, actions)
    torch.testing.assert_close(trajectories[:, :, 1], next_observation, atol=1e-5, rtol=1e-5)
    none = imagined(world_model(model), start, actions[:, :0])
    assert torch.equal(none[:, 0, 0], start.expand(3, 4))


@pytest.mark.parametrize("observation", [OBSERVATION, WITH_ANGLES], ids=["plain", "angles"])
def test_what_is_not_a_number_stays_with_its_candidate(observation):
    model, start = world_model(random_model(observation)), torch.randn(observation.dim)
    actions = torch.rand(5, 6, 1)
    whole = imagined(model, start, actions).clone()
    actions[2, 3] = math.nan
    spoilt = imagined(model, start, actions).clone()
    assert not spoilt[:, 2, 4:].isfinite().any()
    spoilt[:, 2] = whole[:, 2]
    torch.testing.assert_close(spoilt, whole)
    # Nor does memory that is used again carry it on.
    assert imagined(model, start, torch.rand(5, 6, 1)).isfinite().all()


def test_the_same_call_gives_the_same_numbers():
    model, start, actions = world_model(random_model()), torch.randn(2), torch.rand(300, 7, 1)
    first = imagined(model, start, actions).clone()
    imagined(model, torch.randn(2), torch.rand(11, 9, 1))
    assert torch.equal(imagined(model, start, actions), first)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_on_a_cuda_device_it_predicts_the_same():
    model, start, actions = random_model(WITH_ANGLES), torch.randn(4), torch.rand(6, 5, 1)
    expected = imagined(world_model(model), start, actions).clone()
    found = imagined(world_model(model.to("cuda")), start, actions)
    torch.testing.assert_close(found.cpu(), expected, atol=1e-4, rtol=1e-4)
