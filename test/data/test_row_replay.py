import numpy as np
import pytest

from mbrl_ros.core.records import Transition
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.row_replay import RowReplay
from mbrl_ros.data.segments import Segments
from mbrl_ros.data.settings import ReplaySettings
from mbrl_ros.data.stacking import Stacking
from mbrl_ros.learning.holdout import Holdout
from mbrl_ros.learning.settings import GateSettings

LINE = Space.of(["position"])
PUSH = Space.of(["push"], [-1e6], [1e6])


def rows(count, history=1, actions=1, episode_length=10**9):
    """Yield a walk by one a step, with the number of each step as its action."""
    stacking = Stacking(LINE, PUSH, history, actions)
    for k in range(count):
        episode, step = divmod(k, episode_length)
        yield stacking.push(Transition([k], [k], [k + 1], episode, step))


def filled(walk, recent=200, old=300, share=0.5, seed=0):
    """Return a replay of a walk, or of one of so many steps."""
    table = Segments(1, (1, 1, 1), 10)
    made = RowReplay(table, ReplaySettings(recent=recent, old=old, recent_share=share), seed)
    for row in walk if isinstance(walk, list) else rows(walk):
        made.append(row)
    return made


def numbers(replay, indices):
    return replay.rows.batch(indices, 0).action[..., 0].numpy()


def all_numbers(replay):
    return numbers(replay, np.arange(len(replay)))


def test_until_it_is_full_everything_is_kept():
    made = filled(500)
    assert sorted(all_numbers(made)) == list(range(500))


def test_all_of_the_recent_and_some_of_the_old_are_kept():
    made = filled(5000)
    assert len(made) == 500
    kept = set(all_numbers(made))
    assert len(kept) == 500
    assert set(range(4800, 5000)) <= kept
    old = np.array(sorted(kept - set(range(4800, 5000))))
    # Whole segments.
    assert (old.reshape(-1, 10) == old[::10, None] + np.arange(10)).all()


@pytest.mark.process
def test_of_the_old_each_is_kept_with_the_same_chance():
    walk = list(rows(1200))
    kept = np.concatenate([all_numbers(filled(walk, seed=seed)) for seed in range(300)])
    counts = np.histogram(kept, bins=10, range=(0, 1000))[0] / 300 / 100
    # 300 of 1000 are there; ten standard deviations of a hypergeometric mean are far less.
    np.testing.assert_allclose(counts, 0.3, atol=0.05)


def share_of_recent(made, newest):
    drawn = numbers(made, made.draw((100, 100), np.random.default_rng(0)))
    return (drawn >= newest).mean()


def test_recent_ones_are_drawn_in_their_share_however_many_old_ones_there_are():
    for share in (0.5, 0.9):
        assert share_of_recent(filled(5000, share=share), 4800) == pytest.approx(share, abs=0.03)
    # A smaller share than they are of what is kept would make them rarer than the rest.
    assert share_of_recent(filled(5000, share=0.2), 4800) == pytest.approx(0.4, abs=0.03)


def test_the_first_old_ones_are_drawn_no_more_often_than_others():
    assert share_of_recent(filled(220), 20) == pytest.approx(200 / 220, abs=0.02)
    drawn = numbers(made := filled(150), made.draw((10_000,), np.random.default_rng(0)))
    assert (np.histogram(drawn, bins=3, range=(0, 150))[0] > 3000).all()


def test_memory_does_not_grow_beyond_what_is_kept():
    made = filled(700)
    size = sum(column.nbytes for column in made.rows._columns.values())
    for row in rows(20_000):
        made.append(row)
    assert sum(column.nbytes for column in made.rows._columns.values()) == size


def test_what_is_being_overwritten_is_not_taken_for_unbroken():
    made = filled(203, recent=200, old=100)
    # The slot of the oldest segment holds three new rows and seven of before.
    assert made.rows.unbroken(np.array([0, 1]), 1).all()
    assert not made.rows.unbroken(np.array([2, 3, 4]), 1).any()
    assert made.rows.unbroken(np.array([10, 11]), 8).tolist() == [True, True]


def test_stretches_end_with_episodes_and_segments():
    table = Segments(1, (1, 1, 1), 10)
    for i, row in enumerate(rows(40, episode_length=7)):
        table.write(i // 10, i % 10, row)
    assert table.unbroken(np.array([0, 5, 6, 7]), 1).tolist() == [True, True, False, True]
    assert not table.unbroken(np.array([9, 39]), 1).any()
    assert table.ends(7).tolist() == [6, 27]


@pytest.mark.parametrize("delay", [0, 2])
def test_a_state_is_what_was_seen_and_done_before(delay):
    table = Segments(3, (1, 1, 5), 10)
    for i, row in enumerate(rows(8, history=3, actions=5, episode_length=6)):
        table.write(0, i, row)
    batch = table.batch(np.array([5, 0, 7]), delay)
    now = 5 - delay
    assert batch.state[0].tolist() == [5, 4, 3, now - 1, now - 2]
    assert batch.action[0].tolist() == [now]
    # Before an episode the plant stood where it began, under the safe action.
    acting = 0.0
    assert batch.state[1].tolist() == [0, 0, 0, 0, 0]
    assert batch.state[2].tolist() == [7, 6, 6, 6.0 if delay == 0 else acting, 0]
    assert batch.action[2].tolist() == [7.0 if delay == 0 else acting]


@pytest.mark.process
def test_the_hold_out_is_a_fair_sample_of_bounded_size():
    kept, walk = [], list(rows(1000))
    for seed in range(300):
        made = Holdout(Segments(1, (1, 1, 1), 10), 200, GateSettings(), seed)
        for row in walk:
            made.append(row)
        assert len(made) == 200
        kept.append(made.rows.batch(np.arange(200), 0).action[:, 0].numpy())
        assert len(made.rows.ends(10)) == 20
    counts = np.histogram(np.concatenate(kept), bins=10, range=(0, 1000))[0] / 300 / 100
    np.testing.assert_allclose(counts, 0.2, atol=0.05)


def test_what_came_before_is_not_known_after_a_gap_in_mid_episode():
    stacking = Stacking(LINE, PUSH, 2, 4)
    table = Segments(2, (1, 1, 4), 100)
    steps = [*range(6), *range(8, 16)]
    whole = []
    for place, k in enumerate(steps):
        row = stacking.push(Transition([k], [k], [k + 1], 0, k))
        table.write(0, place, row)
        if row.whole:
            whole.append(k)
            # At the start of the episode, the safe action came before.
            assert row.actions[:, 0].tolist() == [max(0, k - i) for i in range(4)]
            assert row.observations[:, 0].tolist() == [k, max(0, k - 1)]
    assert whole == [*range(6), *range(11, 16)]
    assert [steps[i] for i in table.ends(1)] == whole
    # No stretch leads over what is not known.
    assert [steps[i] for i in table.ends(3)] == [2, 3, 4, 5, 13, 14, 15]


def test_a_model_that_is_told_nothing_of_before_misses_nothing_in_a_gap():
    stacking = Stacking(LINE, PUSH, 1, 1)
    rows = [stacking.push(Transition([k], [k], [k + 1], 0, k)) for k in (3, 4, 7, 8)]
    assert [(row.whole, row.follows) for row in rows] == [
        (True, False), (True, True), (True, False), (True, True),
    ]  # fmt: skip
