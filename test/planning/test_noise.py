import numpy as np
import pytest
import torch

from mbrl_ros.planning.noise import coloured_noise


def draw(shape, beta, seed=0):
    return coloured_noise(shape, beta, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("beta", [0.0, 0.25, 1.0, 1.5, 2.0, 4.0])
@pytest.mark.parametrize("length", [1, 2, 3, 12, 25, 40])
def test_every_step_has_zero_mean_and_unit_variance(beta, length):
    noise = draw((40_000, length), beta)
    assert noise.shape == (40_000, length)
    torch.testing.assert_close(noise.mean(dim=0), torch.zeros(length), atol=0.025, rtol=0)
    torch.testing.assert_close(noise.var(dim=0), torch.ones(length), atol=0.04, rtol=0)


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0, 2.0, 3.5])
def test_the_power_falls_with_frequency_as_asked(beta):
    power = np.abs(np.fft.rfft(draw((3000, 128), beta).numpy())) ** 2
    frequencies = np.fft.rfftfreq(128)[1:-1]
    slope, _ = np.polyfit(np.log(frequencies), np.log(power.mean(axis=0)[1:-1]), 1)
    assert slope == pytest.approx(-beta, abs=0.05)


def test_series_are_independent_of_each_other():
    correlation = np.corrcoef(draw((4, 20_000), 0.5).numpy())
    np.testing.assert_allclose(correlation, np.eye(4), atol=0.1)


def test_the_same_seed_gives_the_same_noise():
    assert torch.equal(draw((3, 2, 30), 1.5, 7), draw((3, 2, 30), 1.5, 7))
    assert not torch.equal(draw((3, 2, 30), 1.5, 7), draw((3, 2, 30), 1.5, 8))
