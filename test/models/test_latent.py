"""What both kinds that imagine in a latent state do."""

import pytest
import torch
from support.linear import OBSERVATION
from support.systems import ACTION

from mbrl_ros.core.kinds import find_kind
from mbrl_ros.models.checkpoint import load_state, save_state
from mbrl_ros.models.latent.model import LatentBelief
from mbrl_ros.models.latent.packing import pack
from mbrl_ros.models.rssm.network import Rssm
from mbrl_ros.models.vae_mdn_rnn.network import VaeMdnRnn


@pytest.fixture(params=[Rssm, VaeMdnRnn])
def model(request):
    """Return what makes a model, each as another process would."""

    def make(**settings):
        network = request.param(OBSERVATION, ACTION, request.param.settings_type(**settings))
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
