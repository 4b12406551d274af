"""What every learner does, that of a user's own kind too."""

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.systems import ACTION, GRID, OBSERVATION, PUSH, SMALL, drive, walk

from mbrl_ros.core.kinds import find_kind
from mbrl_ros.core.records import Transition
from mbrl_ros.learning.checked import make_learner
from mbrl_ros.learning.learner import Learner
from mbrl_ros.learning.settings import GateSettings, trainer_settings
from mbrl_ros.models.checkpoint import load, save

pytest.importorskip("gpytorch")

OWN = f"{Path(__file__).parents[2]}/examples/own_model_kind.py:LINEAR"
KINDS = ["ensemble", "gaussian_process", "rssm", "tabular", "vae_mdn_rnn", OWN]
#: Settings of the model where the usual ones take too long.
BRIEF = {"rssm": {"sequence": 8}, "vae_mdn_rnn": {"sequence": 8}}
#: Updates for each transition, of those that need more.
UPDATES = {"rssm": 0.5, "vae_mdn_rnn": 0.5}
#: Those that learn of integers only: their spaces, and what moves in them.
DISCRETE = {"tabular": (GRID, PUSH, walk)}
GATE = GateSettings(first_transitions=100, interval=25, first_error=10.0, good_error=10.0)


@pytest.fixture(params=KINDS, ids=lambda name: Path(name).name)
def kind(request):
    return request.param


def make(kind) -> Learner:
    found = find_kind(kind)
    each = UPDATES.get(kind, 0.2)
    settings = trainer_settings(found)(
        model=found.settings(**BRIEF.get(kind, {})),
        optimizer=replace(SMALL.optimizer, batch_size=64, updates_per_transition=each),
        gate=GATE,
    )
    return make_learner(kind, *of(kind)[:2], settings, 0)


def of(kind):
    return DISCRETE.get(kind, (OBSERVATION, ACTION, drive))


def teach(learner, count=200, seed=0, log=None):
    """Give a learner transitions as a trainer does; return the decisions that published."""
    published = []
    for transition in log or itertools.starmap(Transition, of(learner.kind)[2](count, seed)):
        learner.take(transition)
        while learner.owed_updates >= 1:
            learner.update()
        if learner.is_due:
            decision = learner.judge()
            assert decision.reason
            if decision.update is not None:
                published.append(decision)
    return published


def test_it_learns_and_publishes_what_can_be_planned_with(kind, tmp_path):
    published = teach(make(kind))
    assert published
    assert math.isfinite(published[-1].holdout_error)
    path = tmp_path / "model.safetensors"
    save(published[-1].update, path)
    assert published[-1].update.kind == kind
    model = find_kind(kind).make_world_model(load(path))
    assert (model.observation, model.action) == of(kind)[:2]


def test_what_does_not_fit_is_refused_and_changes_nothing(kind):
    learner = make(kind)
    for observation, action, after in (
        ([0.0], [0.0], [0.0, 0.0]),
        ([0.0, math.nan], [0.0], [0.0, 0.0]),
        ([0.0, 0.0], [0.0, 0.0], [0.0, 0.0]),
        ([0.0, 0.0], [0.0], [math.inf, 0.0]),
    ):
        with pytest.raises(ValueError, match=r"observation|action"):
            learner.append(Transition(observation, action, after, 0, 0))
    assert learner.received == 0
    teach(learner)
    assert learner.received == 200


def test_nothing_is_due_before_there_is_data(kind):
    learner = make(kind)
    assert not learner.is_due
    assert learner.owed_updates < 1


def test_the_same_seed_and_data_give_the_same_model(kind):
    one, other = teach(make(kind))[-1].update, teach(make(kind))[-1].update
    assert one == other


def test_an_absurd_reading_is_as_if_it_had_never_come(kind):
    if kind in DISCRETE:
        pytest.skip("reads choices, each of which is possible")
    log = [Transition(*each) for each in drive(200)]
    absurd = list(log)
    for i in (17, 120):
        # The reading between two transitions.
        absurd[i] = replace(log[i], next_observation=np.array([1000.0, 0.0]))
        absurd[i + 1] = replace(log[i + 1], observation=np.array([1000.0, 0.0]))
    untouched = [t for i, t in enumerate(log) if i not in (17, 18, 120, 121)]
    learner, other = make(kind), make(kind)
    assert teach(learner, log=absurd)[-1].update == teach(other, log=untouched)[-1].update
    assert (learner.received, learner.left_out) == (196, 4)


def test_it_goes_on_from_what_was_published(kind):
    learner = make(kind)
    update = teach(learner)[-1].update
    again = make(kind)
    again.restore(update, learner.state())
    assert teach(again, seed=1)


def test_it_predicts_what_moves(kind):
    """One-step error well below that of predicting no change."""
    import torch

    model = find_kind(kind).make_world_model(teach(make(kind), count=400)[-1].update)
    errors, unmoved = [], []
    for before, action, after, _, k in of(kind)[2](50, seed=7, episode_length=1):
        assert k == 0
        belief = model.observe(None, torch.zeros(1), torch.from_numpy(before).float(), True)
        acted = torch.from_numpy(action).float()[None, None]
        seen = model.imagine(belief, acted).observations[:, 0, 1].mean(dim=0).numpy()
        errors.append(seen - after)
        unmoved.append(before - after)
    assert np.square(errors).mean() < 0.5 * np.square(unmoved).mean()
