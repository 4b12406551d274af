"""Learning from images."""

import numpy as np
import pytest
import torch
from support.linear import OBSERVATION
from support.systems import ACTION

from mbrl_ros.core.kinds import find_kind
from mbrl_ros.core.records import Frame, Transition
from mbrl_ros.core.settings import build
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.frames import encode
from mbrl_ros.learning.checked import make_learner
from mbrl_ros.learning.settings import trainer_settings
from mbrl_ros.models.latent.images import read, shifted

PLACE = Space.of(["position"], images=["top"], image_size=32)


def image_of(position):
    """A bright bar where the position, in -1 to 1, is."""
    image = np.zeros((32, 32, 3), np.uint8)
    middle = round(15.5 + 13 * float(np.clip(position, -1, 1)))
    image[8:24, middle - 1 : middle + 2] = (250, 200, 30)
    return image


def frame(position, episode, step, camera="top"):
    return Frame(episode, step, camera, "png", 32, 32, encode(image_of(position), "png"))


def moves(count, seed, length=20):
    """Yield transitions of a position that actions move, and where each observation was."""
    rng, position = np.random.default_rng(seed), 0.0
    for row in range(count):
        episode, k = divmod(row, length)
        if k == 0:
            position = rng.uniform(-0.8, 0.8)
        action = rng.uniform(-1, 1, 1)
        after = float(np.clip(position + 0.3 * action[0], -1, 1))
        yield Transition([position], action, [after], episode, k, reward=-abs(after))
        position = after


def learner_of(observation=PLACE, **values):
    some = {
        "model.sequence": 8, "model.unseen": ["*"], "optimizer.batch_size": 128,
        "optimizer.learning_rate": 3e-3, "gate.first_error": 9.0, "gate.segment": 10,
    }  # fmt: skip
    made = build(trainer_settings(find_kind("rssm")), {**some, **values})
    return make_learner("rssm", observation, ACTION, made, 0)


def show(learner, transitions):
    for t in transitions:
        if t.step == 0:
            learner.see(frame(t.observation[0], t.episode, 0))
        learner.append(t)
        learner.see(frame(t.next_observation[0], t.episode, t.step + 1))


@pytest.mark.process
def test_a_position_that_only_images_show_is_told_by_name():
    learner = learner_of()
    show(learner, moves(300, 0))
    for _ in range(100):
        learner.update()
    decision = learner.judge()
    assert decision.update is not None
    model = find_kind("rssm").make_world_model(decision.update)
    errors, unmoved, belief, action = [], [], None, torch.zeros(1)
    for t in moves(60, 1, length=3):
        shown = {"top": torch.from_numpy(image_of(t.observation[0]))}
        # The reading is a lie, which it must not see.
        lie, first = torch.tensor([77.0]), t.step == 0
        belief = model.observe(belief, action, lie, first, shown)
        action = torch.from_numpy(t.action).float()
        imagined = model.imagine(belief, action[None, None])
        errors.append(imagined.observations[0, 0, 1, 0].item() - t.next_observation[0])
        unmoved.append(t.next_observation[0])
    assert np.square(errors).mean() < 0.25 * np.square(unmoved).mean()
    # Behind a covered lens it is lost, as the readings tell: it is to be trusted less.
    surprises = []
    for covered in (False, True):
        belief, found = None, []
        for t in moves(60, 2):
            image = image_of(t.observation[0]) * (not (covered and t.step > 2))
            shown = {"top": torch.from_numpy(image)}
            seen, after = (torch.tensor(v).float() for v in (t.observation, t.next_observation))
            belief = model.observe(belief, action, seen, t.step == 0, shown)
            action = torch.from_numpy(t.action).float()
            found.append(model.surprise(belief, action[None], after).square().mean())
        surprises.append(torch.stack(found).mean())
    assert surprises[1] > 3 * surprises[0]
    steps = list(moves(6, 3))
    taken = [torch.from_numpy(np.array([t.action for t in steps])).float(), torch.zeros(6, 1)]
    images = [{"top": torch.from_numpy(image_of(t.observation[0]))} for t in steps]
    images[3] = {}
    one = None
    for *at, shown, filtered in zip(
        *taken, [True] + 5 * [False], images, model.filter(*taken, [True] + 5 * [False], images),
        strict=True,
    ):  # fmt: skip
        one = model.observe(one, *at, shown)
        for part, expected in zip(filtered, one, strict=True):
            torch.testing.assert_close(part, expected, atol=1e-4, rtol=1e-4)
    # Without its image the step is imagined instead.
    blind = model.observe(belief, action, lie, False)
    ahead = model.ahead(belief, action[None])
    torch.testing.assert_close(blind.memory, ahead.memory)


def test_nothing_is_learned_before_frames_come_and_damaged_ones_change_nothing():
    learner = learner_of()
    for t in moves(150, 0):
        learner.append(t)
    assert learner.owed_updates == 0.0
    with pytest.raises(ValueError, match="data: expected a png image"):
        learner.see(Frame(0, 1, "top", "png", 32, 32, b"nothing"))
    learner.see(frame(0.0, 0, 1, camera="another"))
    show(learner_of(), moves(20, 0))
    assert learner.owed_updates == 0.0


def test_kinds_that_do_not_see_refuse_images_by_name():
    with pytest.raises(ValueError, match=r"observation\.images: this learner sees no images"):
        make_learner(
            "ensemble", PLACE, ACTION, build(trainer_settings(find_kind("ensemble")), {}), 0
        )
    with pytest.raises(
        ValueError, match=r"model\.mirrored: expected none with observation\.images"
    ):
        learner_of(**{"model.mirrored": ["position"]})
    for images, size, words in (
        (["top", "top"], 64, "images: expected each camera once"),
        (["top"], 50, "image_size: expected one of 64, 48, 32, got 50"),
    ):
        with pytest.raises(ValueError, match=words):
            Space.of(OBSERVATION.names, images=images, image_size=size)


def test_images_are_read_once_normalised_and_moved_as_a_whole():
    images = torch.randint(256, (2, 3, 1, 32, 32, 3), dtype=torch.uint8)
    colour, grey = read(images, False), read(images, True)
    assert colour.shape == (2, 3, 3, 32, 32)
    assert grey.shape == (2, 3, 1, 32, 32)
    assert colour.min() >= -0.5
    assert colour.max() <= 0.5
    torch.testing.assert_close(colour[0, 0, 1], images[0, 0, 0, ..., 1].float() / 255 - 0.5)
    still = torch.zeros(2, 3, 1, 32, 32)
    still[..., 10, 12] = 1.0
    moved = shifted(still, 2, torch.Generator().manual_seed(0))
    places = moved.flatten(-2).argmax(dim=-1)
    assert (moved.sum(dim=(-2, -1)) == 1).all()
    assert (places == places[:, :1]).all()  # all steps of a sequence alike
    assert (places % 32 - 12).abs().max() <= 2


@pytest.mark.parametrize("size", [64, 48, 32])
@pytest.mark.parametrize("grey", [False, True])
def test_every_size_of_image_goes_through(size, grey):
    from mbrl_ros.models.rssm.network import Rssm
    from mbrl_ros.models.rssm.settings import RssmSettings

    space = Space.of(["position"], images=["left", "right"], image_size=size)
    network = Rssm(space, ACTION, RssmSettings(grey=grey))
    network.initialize(torch.Generator().manual_seed(0))
    images = read(torch.zeros(2, 1, 2, size, size, 3, dtype=torch.uint8), grey)
    embedded = network.embed(torch.zeros(2, 1, 1), network.image_encoder(images))
    assert embedded.shape == (2, 1, 64)
    decoded = network.image_decoder(torch.zeros(2, 1, network.features))
    assert decoded.shape == images.shape
