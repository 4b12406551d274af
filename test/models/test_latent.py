"""What both kinds that imagine in a latent state do."""

from dataclasses import replace

import pytest
import torch
from support.linear import OBSERVATION
from support.systems import ACTION

from mbrl_ros.core.kinds import find_kind
from mbrl_ros.models.checkpoint import load_state, save_state
from mbrl_ros.models.latent.images import read, written
from mbrl_ros.models.latent.model import LatentBelief
from mbrl_ros.models.latent.packing import pack
from mbrl_ros.models.rssm.network import Rssm
from mbrl_ros.models.vae_mdn_rnn.network import VaeMdnRnn
from mbrl_ros.models.world_model import UnlearnedError


@pytest.fixture(params=[Rssm, VaeMdnRnn])
def model(request):
    """Return what makes a model, each as another process would."""

    def make(observation=OBSERVATION, **settings):
        network = request.param(observation, ACTION, request.param.settings_type(**settings))
        network.initialize(torch.Generator().manual_seed(0))
        return find_kind(network.settings.kind).make_world_model(pack(network))

    return make


def test_saved_and_loaded_beliefs_go_on_bit_by_bit(model, tmp_path):
    made, generator = model(members=2), torch.Generator().manual_seed(0)
    actions, seen = torch.rand(20, 1, generator=generator), torch.rand(20, 2, generator=generator)
    *_, belief = made.filter(actions, seen, [True] + 19 * [False])
    save_state(belief._asdict(), tmp_path / "belief.safetensors")
    loaded = LatentBelief(**load_state(tmp_path / "belief.safetensors"))
    assert all(torch.equal(a, b) for a, b in zip(loaded, belief, strict=True))
    again = model(members=2)
    now = made.observe(belief, actions[0], seen[0], False)
    then = again.observe(loaded, actions[0], seen[0], False)
    assert all(torch.equal(a, b) for a, b in zip(now, then, strict=True))
    candidates = torch.rand(5, 4, 1, generator=generator)
    one, other = made.imagine(belief, candidates), again.imagine(loaded, candidates)
    assert torch.equal(one.observations, other.observations)
    assert torch.equal(one.features, other.features)


@pytest.mark.parametrize("size", ["nano", "small", "medium"])
def test_every_size_imagines(model, size):
    made = model(size=size)
    belief = made.observe(None, torch.zeros(1), torch.zeros(2), True)
    assert made.imagine(belief, torch.zeros(2, 3, 1)).observations.shape == (1, 2, 4, 2)


@pytest.mark.parametrize("grey", [False, True])
def test_images_are_written_as_they_were_read(grey):
    seen = torch.randint(256, (3, 2, 8, 8, 3), generator=torch.Generator().manual_seed(0))
    seen = seen.to(torch.uint8)
    back = written(read(seen, grey), cameras=2)
    assert (back.shape, back.dtype) == (seen.shape, torch.uint8)
    if grey:
        assert (back == back[..., :1]).all()
        assert torch.equal(written(read(back, grey), cameras=2), back)
    else:
        assert torch.equal(back, seen)
    assert torch.equal(
        written(torch.tensor([[[-9.0, 9.0, torch.nan]]]), 1).flatten(),
        torch.tensor([0, 255, 0]).repeat_interleave(3),
    )


@pytest.mark.parametrize("grey", [False, True])
def test_a_model_tells_what_its_cameras_see(model, grey):
    cameras = ("front", "wrist")
    made = model(replace(OBSERVATION, images=cameras, image_size=32), members=3, grey=grey)
    light = torch.full((32, 32, 3), 200, dtype=torch.uint8)
    images = {"front": light, "wrist": light}
    belief = made.observe(None, torch.zeros(1), torch.zeros(2), True, images)
    told = made.picture(belief)
    assert [*told] == ["front", "wrist"]
    for image in told.values():
        assert (image.shape, image.dtype) == ((32, 32, 3), torch.uint8)
    # Of the belief, not of chance; and of the first particle.
    for same in (made.picture(belief), made.fork(1).picture(belief)):
        assert all(torch.equal(same[name], told[name]) for name in told)
    later = made.observe(belief, torch.ones(1), torch.ones(2), False, {})
    assert any(not torch.equal(made.picture(later)[name], told[name]) for name in told)


def test_a_model_without_cameras_tells_no_images(model):
    made = model()
    belief = made.observe(None, torch.zeros(1), torch.zeros(2), True)
    with pytest.raises(UnlearnedError, match="LatentModel tells no images"):
        made.picture(belief)
