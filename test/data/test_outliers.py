"""Absurd readings are found by the log's own distribution; whatever happens, is not absurd."""

import numpy as np
import pytest

from mbrl_ros.core.records import Transition
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.outliers import OutlierScreen, screened
from mbrl_ros.data.transitions import Transitions

ACTION = Space.of(["force"], [-1.0], [1.0])
NAMES = ["position", "velocity", "still", "contact", "angle"]
OBSERVATION = Space.of(NAMES, angles=["angle"])
EPISODE = 100
VELOCITY, STILL, CONTACT, ANGLE = 1, 2, 3, 4


def readings(episodes=10, seed=0):
    """A mass that wanders, a value that stays, a contact now and then and an angle."""
    rng = np.random.default_rng(seed)
    shape = (episodes, EPISODE + 1)
    velocity = 0.3 * rng.normal(size=shape).cumsum(axis=1)
    position = 0.04 * velocity.cumsum(axis=1)
    contact = (rng.random(shape) < 0.02) * rng.exponential(100.0, shape)
    angle = rng.uniform(-3, 3, shape)
    return np.stack([position, velocity, np.full(shape, 7.0), contact, angle], axis=-1)


def steps(seen):
    for episode, values in enumerate(seen):
        for step in range(len(values) - 1):
            yield Transition(values[step], [0.1], values[step + 1], episode, step)


def passed(seen, first=50, space=OBSERVATION):
    screen = OutlierScreen(space, ACTION, first)
    kept = [(t.episode, t.step) for each in steps(seen) for t in screen.feed(each)]
    return screen, kept


def left_out(seen, **options):
    screen, kept = passed(seen, **options)
    missing = [(t.episode, t.step) for t in steps(seen) if (t.episode, t.step) not in set(kept)]
    assert len(missing) == screen.left_out + len(screen._held)
    return missing


# Early, late, at the beginning and at the end of an episode.
@pytest.mark.parametrize("place", [(0, 1), (0, 17), (0, 49), (3, 50), (9, 77), (4, 0), (4, 100)])
@pytest.mark.parametrize("value", [1000.0, -1e6, 3e38])
def test_an_absurd_reading_is_left_out_alone_wherever_it_is(place, value):
    seen = readings()
    seen[place[0], place[1], VELOCITY] = value
    episode, step = place
    around = [(episode, s) for s in (step - 1, step) if 0 <= s < EPISODE]
    assert left_out(seen) == around
    outlier = passed(seen)[0].found["velocity"]
    assert (outlier.count, outlier.value, outlier.episode, outlier.step) == (1, value, *place)


@pytest.mark.parametrize("length", [2, 3])
def test_a_few_in_a_row_and_several_dimensions_at_once(length):
    seen = readings()
    seen[5, 40 : 40 + length, VELOCITY] = 1000.0
    seen[5, 40, 0] = -1e9
    assert left_out(seen) == [(5, s) for s in range(39, 40 + length)]


def test_a_sensor_that_slips_again_and_again_is_left_out_each_time():
    seen = readings(20)
    seen[::2, 60, VELOCITY] = 1000.0
    assert left_out(seen) == [(e, s) for e in range(0, 20, 2) for s in (59, 60)]


@pytest.mark.parametrize("unit", [1e-9, 1e9])
@pytest.mark.parametrize("origin", [0.0, 6e6])
def test_units_and_origins_do_not_matter(unit, origin):
    seen = readings()
    seen[2, 30, VELOCITY] = 1000.0
    seen[..., VELOCITY] = unit * (seen[..., VELOCITY] + origin)
    assert left_out(seen) == [(2, 29), (2, 30)]


def moves_away(seen):
    seen[5:, :, 0] += np.linspace(0.0, 1e4, EPISODE + 1)


def jumps_for_good(seen):
    seen[5, 30:, 0] += 1e4


def begins_elsewhere(seen):
    seen[6, :, 0] += 1e6


def changes_at_last(seen):
    seen[9, 80:, STILL] = 8.0


def changes_once(seen):
    seen[9, 80, STILL] = 8.0


def turns_often(seen):
    seen[5, 50:, ANGLE] += 1000.0


def touches_at_last(seen):
    seen[..., CONTACT] = 0.0
    seen[8, 20, CONTACT] = 500.0


def wakes_up(seen):
    # Noise of an encoder only, for the first episodes; then it moves.
    seen[:5, :, :2] = 1e-4 * np.random.default_rng(1).normal(size=(5, EPISODE + 1, 2))


def blows_up_slowly(seen):
    seen[9, 50:, VELOCITY] *= 1.3 ** np.arange(EPISODE - 49)


@pytest.mark.parametrize(
    "happens",
    [
        moves_away, jumps_for_good, begins_elsewhere, changes_at_last, changes_once, turns_often,
        touches_at_last, wakes_up, blows_up_slowly, lambda seen: None,
    ],
)  # fmt: skip
def test_what_happens_is_not_absurd(happens):
    seen = readings()
    happens(seen)
    assert left_out(seen) == []


def test_heavy_tails_are_how_a_log_is():
    seen = readings()
    seen[..., VELOCITY] = np.random.default_rng(3).standard_t(2, seen.shape[:2])
    assert len(left_out(seen)) <= 4


@pytest.mark.parametrize("first", [0, 1, 2, 10, 50])
def test_everything_is_passed_on_once_and_in_order(first):
    seen = readings(3)
    _, kept = passed(seen, first=first)
    expected = [(t.episode, t.step) for t in steps(seen)]
    if first >= 10:  # fewer know little, but lose little either
        assert kept == expected
    assert kept == [each for each in expected if each in set(kept)]
    assert len(kept) >= len(expected) - 10


def test_a_gap_ends_what_is_known_of_an_episode():
    seen = readings()
    seen[3, 50, VELOCITY] = 1000.0
    screen = OutlierScreen(OBSERVATION, ACTION, 50)
    kept = [
        t for each in steps(seen) if (each.episode, each.step) != (3, 50)
        for t in screen.feed(each)
    ]  # fmt: skip
    assert (3, 49) not in {(t.episode, t.step) for t in kept}
    assert screen.left_out == 1


def test_a_bad_transition_changes_nothing():
    screen = OutlierScreen(OBSERVATION, ACTION, 0)
    with pytest.raises(ValueError, match="'velocity' is nan"):
        screen.feed(Transition([0.0, np.nan, 0, 0, 0], [0.0], np.zeros(5), 0, 0))
    assert len(screen.feed(Transition(np.zeros(5), [0.0], np.zeros(5), 0, 0))) == 1


def test_choices_are_not_judged():
    space = Space.of(["cell"], [0.0], [1e6], discrete=["cell"])
    values = np.zeros((1, 60, 1))
    values[0, :, 0] = np.arange(60)
    values[0, 30, 0] = 1e6
    _, kept = passed(values, first=50, space=space)
    assert len(kept) == 59


def test_a_long_log_is_sampled_and_judged_alike():
    seen = np.tile(readings(44), (5, 1, 1))
    seen[200, 30, VELOCITY] = 1000.0
    log = Transitions(OBSERVATION, ACTION)
    for each in steps(seen):
        log.append(each)
    screen = screened(log)
    assert screen.left_out == 2
    assert "'velocity' was absurd once with 1000 in episode 200 at step 30" in screen.text
    seen[200, 30, VELOCITY] = 0.0
    assert not screened(log[:15_000]).found
