"""Recurrent state-space models: packing, beliefs, layers."""

import json
from dataclasses import replace

import pytest
import torch
from support.linear import OBSERVATION
from support.systems import ACTION

from mbrl_ros.core.kinds import find_kind
from mbrl_ros.core.spaces import Space
from mbrl_ros.models.latent.layers import TwoHot, gumbel, initialize, mixed, one_hot, symexp, symlog
from mbrl_ros.models.latent.packing import pack
from mbrl_ros.models.rssm.network import Rssm
from mbrl_ros.models.rssm.settings import RssmSettings
from mbrl_ros.models.update import MODEL, CheckpointError, ModelPart


def network(observation=OBSERVATION, action=ACTION, seed=0, **settings):
    made = Rssm(observation, action, RssmSettings(**settings))
    made.initialize(torch.Generator().manual_seed(seed))
    return made.requires_grad_(False)


def model(**settings):
    return find_kind("rssm").make_world_model(pack(network(**settings)))


def test_what_is_not_read_changes_nothing_but_is_told_all_the_same():
    made = model(unseen=["velocity"])
    one, other = (
        made.observe(None, torch.zeros(1), torch.tensor([0.5, speed]), True)
        for speed in (3.0, -80.0)
    )
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert one.seen[0, 0, 0] == 0.5
    assert one.seen[0, 0, 1] not in (3.0, -80.0)
    for wrong, words in (("speed", "'speed' is not one of position, velocity"), ("*", "reads")):
        with pytest.raises(ValueError, match=words):
            network(unseen=[wrong])


def test_angles_are_told_as_angles_and_read_alike_a_turn_later():
    turning = replace(OBSERVATION, angles=OBSERVATION.names[:1])
    made = model(observation=turning)
    one, other = (
        made.observe(None, torch.zeros(1), torch.tensor([angle, 0.0]), True)
        for angle in (0.5, 0.5 + 2 * torch.pi)
    )
    assert torch.allclose(*(made.network.embed(b.seen, None) for b in (one, other)), atol=1e-5)
    told = made.network.observe(torch.randn(50, made.network.features))
    assert told[:, 0].abs().max() <= torch.pi


def test_particles_differ_but_for_the_first_which_is_the_likeliest():
    made, alone = model(members=3), model(members=1)
    belief = made.observe(None, torch.zeros(1), torch.zeros(2), True)
    features = made.imagine(belief, torch.zeros(1, 4, 1)).features
    assert not torch.equal(features[0], features[1])
    assert not torch.equal(features[1], features[2])
    expected = alone.observe(None, torch.zeros(1), torch.zeros(2), True)
    likeliest = alone.imagine(expected, torch.zeros(1, 4, 1)).features
    torch.testing.assert_close(likeliest[0], features[0], atol=1e-5, rtol=1e-4)


def test_numbers_survive_compression_and_two_hot_learning():
    numbers = torch.tensor([-700.0, -1.3, 0.0, 0.07, 1.0, 44.0])
    torch.testing.assert_close(symexp(symlog(numbers)), numbers)
    head = TwoHot(6, [16])
    initialize(head, torch.Generator().manual_seed(0))
    inputs = torch.eye(6)
    assert torch.allclose(head(inputs), torch.zeros(6), atol=1e-3)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.03)
    for _ in range(300):
        optimizer.zero_grad()
        head.loss(inputs, numbers).mean().backward()
        optimizer.step()
    torch.testing.assert_close(head(inputs), numbers, rtol=0.05, atol=0.02)


def test_classes_are_drawn_as_often_as_they_are_likely():
    log_probability = mixed(torch.tensor([[2.0, 0.0, -1.0]]))
    luck = gumbel((20_000, 1, 3), torch.Generator().manual_seed(0))
    drawn = one_hot(log_probability, luck).mean(dim=0)
    torch.testing.assert_close(drawn, log_probability.exp()[0], atol=0.01, rtol=0)
    assert one_hot(log_probability, torch.zeros(())).tolist() == [1.0, 0.0, 0.0]


def spoiled(**tensors):
    good = pack(network())
    state = {**good.parts[MODEL].state(MODEL), **tensors}
    state = {name: tensor for name, tensor in state.items() if tensor is not None}
    return replace(good, parts={MODEL: ModelPart.of(state)})


def retold(**changes):
    good = pack(network())
    return replace(good, settings=json.dumps({**json.loads(good.settings), **changes}))


@pytest.mark.parametrize(
    ("update", "words"),
    [
        (lambda: spoiled(change_std=torch.zeros(2)), "'change_std' holds a deviation that is not"),
        (lambda: spoiled(input_mean=torch.zeros(3)), "'input_mean': expected shape (2,), got (3,)"),
        (lambda: spoiled(paid=None), "tensor 'paid' is missing or unknown"),
        (lambda: spoiled(paid=torch.tensor(torch.nan)), "'paid' holds a number that is not finite"),
        (lambda: spoiled(paid=torch.zeros((), dtype=torch.int64)), "'paid': expected float32"),
        (lambda: retold(settings={"size": "huge"}), "model settings: parameter 'size'"),
        (lambda: retold(settings={"size": "small"}), "expected shape"),
        (lambda: retold(settings={"unseen": ["x"]}), "model settings: model.unseen: 'x' is not"),
        (lambda: retold(observation={"names": "xy", "angles": []}), "expected spaces with lists"),
        (lambda: retold(action={"angles": []}), "model settings: 'names' is missing"),
        (lambda: replace(pack(network()), settings="[1"), "model settings: "),
        (lambda: replace(pack(network()), parts={}), "expected a part 'model', got none"),
    ],
)
def test_a_damaged_model_is_refused_in_one_line(update, words):
    with pytest.raises(ValueError, match=r".") as refusal:
        find_kind("rssm").make_world_model(update())
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert isinstance(refusal.value, CheckpointError) or "part" in words


def test_actions_are_read_as_shares_of_their_range():
    wide = Space.of(["force", "torque"], [-1.0, 0.0], [3.0, 10.0])
    made = network(action=wide)
    assert made.shares.of(torch.tensor([[1.0, 10.0]])).tolist() == [[0.0, 1.0]]
    free = network(action=Space.of(["force"]))
    assert free.shares.of(torch.tensor([[5.0]])).tolist() == [[5.0]]
