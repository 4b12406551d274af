"""Every engine predicts what the reference does, as exactly as its numbers are."""

import math

import pytest
import torch
from support.systems import WITH_ANGLES, imagined, random_model, world_model

from mbrl_ros.models.ensemble.model import EnsembleModel

MODEL = world_model(random_model(WITH_ANGLES, hidden=[32, 32, 32]))
OTHERS = MODEL.engines[1:]
START = torch.tensor([0.3, -2.0, 0.5, 1.0])
EXACT = {"onednn": 1e-5, "bfloat16": 1e-2}


def actions(n=40, horizon=12):
    return 2 * torch.rand(n, horizon, 1, generator=torch.Generator().manual_seed(0)) - 1


def test_bfloat16_is_everywhere():
    assert MODEL.engines[0] == "float32"
    assert "bfloat16" in OTHERS


@pytest.mark.parametrize("engine", OTHERS)
def test_an_engine_deviates_no_more_than_its_numbers_do(engine):
    expected = imagined(MODEL, START, actions()).clone()
    other = MODEL.with_engine(engine)
    found = imagined(other, START, actions()).clone()
    moved = (expected - expected[:, :, :1]).square().mean().sqrt()
    assert (found - expected).square().mean().sqrt() < EXACT[engine] * moved
    if engine == "bfloat16":
        assert not torch.equal(found, expected)
    assert torch.equal(imagined(other, START, actions()), found)


@pytest.mark.parametrize("engine", OTHERS)
def test_a_single_row_is_exact(engine):
    """It is where plans begin: pending commands lead the belief there."""
    found = imagined(MODEL.with_engine(engine), START, actions(1)).clone()
    assert torch.equal(found, imagined(MODEL, START, actions(1)))


@pytest.mark.parametrize("engine", OTHERS)
def test_what_is_not_a_number_stays_with_its_candidate(engine):
    model = MODEL.with_engine(engine)
    sequences = actions()
    whole = imagined(model, START, sequences).clone()
    sequences[2, 3] = math.nan
    spoilt = imagined(model, START, sequences).clone()
    assert not spoilt[:, 2, 4:].isfinite().any()
    spoilt[:, 2] = whole[:, 2]
    torch.testing.assert_close(spoilt, whole)


@pytest.mark.parametrize("engine", OTHERS)
def test_an_engine_stays_through_forks_and_corrections(engine):
    model = MODEL.with_engine(engine)
    corrected, _ = model.correct(0.3, 100, [])
    for made in (model, model.fork(2), corrected, corrected.fork()):
        assert made.engine == engine
    assert MODEL.engine == "float32"
    assert model.with_engine("float32").engine == "float32"


@pytest.mark.parametrize("engine", OTHERS)
def test_a_renewed_last_layer_counts(engine):
    model = random_model(hidden=[32, 32])
    made = EnsembleModel(model, engine=engine)
    before = imagined(made, torch.zeros(2), actions()).clone()
    model.network.biases[-1].data += 1.0
    made.fast.renew_last_layer(model)
    after = imagined(made, torch.zeros(2), actions())
    assert (after[:, :, 1] - before[:, :, 1]).abs().min() > 0.01


def test_without_a_product_between_hidden_layers_there_is_nothing_to_choose():
    for hidden in ([], [16]):
        assert world_model(random_model(hidden=hidden)).engines == ("float32",)


def test_no_engine_leaves_torch_changed():
    product = torch.backends.mkldnn.matmul if "onednn" in OTHERS else None
    before = product and product.fp32_precision
    for engine in OTHERS:
        imagined(MODEL.with_engine(engine), START, actions())
    assert (product and product.fp32_precision) == before
