"""Observations are numbered, and each image shows its observation's number."""

import itertools
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from bag_messages import (
    ACTION_SPACE,
    FRAMES,
    GOALS,
    OBSERVATION_SPACE,
    TRANSITIONS,
    goal,
)
from bag_messages import frame as frame_message
from support.messages import cdr, header, make

from mbrl_ros.core.records import Frame, Transition
from mbrl_ros.data.bag_records import read_episodes, read_frames, read_records
from mbrl_ros.data.bags import BagError
from mbrl_ros.data.episodes import EpisodeStore
from mbrl_ros.data.frames import encode
from mbrl_ros.data.recorder import Recorder
from mbrl_ros.data.sequences import Replay

SIZE = {"width": 6, "height": 4}


def empty(capacity=10_000):
    return EpisodeStore(OBSERVATION_SPACE, ACTION_SPACE, capacity)


def steps(episode, count, number, first=0, **end):
    """Transitions from observation `number` on, the last of which ends the episode as told."""
    rows = [
        Transition(
            [number + i, 0.5], [(i + 1) / 100], [number + i + 1, 0.5], episode, first + i, i + 1.0
        )
        for i in range(count)
    ]
    rows[-1] = replace(rows[-1], **end)
    return rows


def frame(episode, step, number, camera="side", encoding="png", **size):
    size = {**SIZE, **size}
    image = np.zeros((size["height"], size["width"], 3), np.uint8)
    image[..., 0], image[..., 1] = divmod(number, 256)
    return Frame(episode, step, camera, encoding, data=encode(image, encoding), **size)


def frames(transitions, camera="side"):
    """A frame for each observation of some transitions, in their order."""
    seen = {}
    for t in transitions:
        seen[t.episode, t.step] = int(t.observation[0])
        seen[t.episode, t.step + 1] = int(t.next_observation[0])
    return [frame(*key, number, camera) for key, number in seen.items()]


def shown(images):
    """The numbers that images show."""
    pixels = images[..., 0, 0, :].astype(int)
    return 256 * pixels[..., 0] + pixels[..., 1]


def fill(store, items):
    for item in items:
        store.add_frame(item) if isinstance(item, Frame) else store.append(item)
    return store


def everywhere(store, length, cameras=(), batch=2000):
    """The sequences from all places, as tuples of the numbers of their observations."""
    drawn = store.sample(batch, length, np.random.default_rng(0), cameras).observations[..., 0]
    return {tuple(int(number) for number in row) for row in drawn}


def test_a_sequence_holds_what_happened():
    store = fill(empty(), steps(0, 3, 10, terminated=True) + steps(1, 2, 20, truncated=True))
    assert len(store) == 7
    assert store.sequences(7) == 1
    drawn = store.sample(2, 7, np.random.default_rng(0))
    assert drawn.observations.shape == (2, 7, 2)
    assert drawn.observations.dtype == drawn.actions.dtype == drawn.rewards.dtype == np.float32
    for b in range(2):
        assert list(drawn.observations[b, :, 0]) == [10, 11, 12, 13, 20, 21, 22]
        np.testing.assert_allclose(drawn.actions[b, :, 0], [0, 0.01, 0.02, 0.03, 0, 0.01, 0.02])
        assert list(drawn.rewards[b]) == [0, 1, 2, 3, 0, 1, 2]
        assert list(np.flatnonzero(drawn.is_first[b])) == [0, 4]
        assert list(np.flatnonzero(drawn.terminated[b])) == [3]
        assert list(np.flatnonzero(drawn.truncated[b])) == [6]
    assert drawn.images == {}


def test_a_reward_that_is_not_paid_stays_so():
    store = fill(empty(), [replace(t, reward=math.nan) for t in steps(0, 2, 0)])
    rewards = store.sample(1, 3, np.random.default_rng(0)).rewards[0]
    assert rewards[0] == 0
    assert np.isnan(rewards[1:]).all()


def test_sequences_go_on_into_the_next_episode_but_not_over_gaps_and_restarts():
    whole, later = steps(0, 2, 10), steps(1, 2, 20)
    gap = steps(1, 3, 32, first=4)  # step 2 and 3 are missing, so 32 is left out
    restarted = steps(0, 2, 40)
    other = steps(0, 2, 50, first=2)  # the next steps, but of another plant
    store = fill(empty(), whole + later + gap + restarted + other)
    assert everywhere(store, 3) == {
        (10, 11, 12),
        (11, 12, 20),
        (12, 20, 21),
        (20, 21, 22),
        (33, 34, 35),
        (34, 35, 40),
        (35, 40, 41),
        (40, 41, 42),
    }
    assert everywhere(store, 6) == {
        (10, 11, 12, 20, 21, 22),
        (33, 34, 35, 40, 41, 42),
    }
    assert {numbers for (numbers,) in everywhere(store, 1)} == {
        *(10, 11, 12, 20, 21, 22, 33, 34, 35, 40, 41, 42, 51, 52)
    }


def test_a_log_that_begins_in_mid_episode():
    store = fill(empty(), steps(3, 4, 10, first=7))
    assert everywhere(store, 4) == {(11, 12, 13, 14)}
    assert not store.sample(5, 2, np.random.default_rng(0)).is_first.any()


def test_another_log_follows_nothing():
    store = fill(empty(), steps(0, 2, 10))
    store.end_log()
    fill(store, steps(0, 2, 12, first=2))
    assert everywhere(store, 2) == {(10, 11), (11, 12), (13, 14)}


def test_every_place_is_drawn_as_often():
    store = fill(empty(), steps(0, 30, 0) + steps(1, 3, 100) + steps(2, 25, 200))
    places, draws = store.sequences(8), 20_000
    assert places == 31 + 4 + 26 - 7
    drawn = store.sample(draws, 8, np.random.default_rng(5)).observations[:, 0, 0]
    counts = np.array(list(Counter(drawn.tolist()).values()))
    assert len(counts) == places
    expected = draws / places
    # Chi-square has mean n - 1 and deviation sqrt(2 (n - 1)): 4 deviations are loose.
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi_square - (places - 1)) < 4 * math.sqrt(2 * (places - 1))


def test_the_oldest_episodes_go_as_a_whole_with_their_frames():
    store = empty(capacity=20)
    episodes = [steps(i, 5, 10 * i) for i in range(7)]
    for i, episode in enumerate(episodes):
        fill(store, [*frames(episode), *episode])
        assert len(store) <= 20
        newest = range(max(0, i - 2), i + 1)
        kept = {10 * e + number for e in newest for number in range(6)}
        assert {n for (n,) in everywhere(store, 1, ["side"])} == kept
    assert store.frames_dropped == 0
    store.add_frame(frame(0, 2, 2))  # of an episode that has gone
    fill(store, steps(7, 1, 70))
    assert store.frames_dropped == 1


def test_episodes_go_by_themselves_whatever_tells_them_apart():
    # Another number without a first step, and a first step without another number.
    store = fill(empty(capacity=14), steps(0, 4, 0) + steps(1, 5, 10, first=3) + steps(1, 3, 20))
    assert {n for (n,) in everywhere(store, 1)} == {*range(5), *range(11, 16), *range(20, 24)}
    fill(store, steps(2, 1, 30))
    assert {n for (n,) in everywhere(store, 1)} == {*range(11, 16), *range(20, 24), 30, 31}
    fill(store, steps(3, 4, 40))
    assert {n for (n,) in everywhere(store, 1)} == {*range(20, 24), 30, 31, *range(40, 45)}


@pytest.mark.parametrize("capacity", [2, 3, 10, 100])
def test_an_episode_without_an_end_loses_its_beginning(capacity):
    store = empty(capacity)
    for i, t in enumerate(steps(0, 350, 0)):
        fill(store, [frame(0, t.step + 1, t.step + 1), t])
        assert min(i + 2, capacity // 2) <= len(store) <= capacity
    newest = {(n,) for n in range(351 - len(store), 351)}
    assert everywhere(store, 1) == everywhere(store, 1, ["side"]) == newest
    # What is left goes on as before, also over where it was cut.
    assert store.sequences(len(store)) == 1
    blind = fill(empty(capacity), [*steps(0, 350, 0), *frames(steps(0, 350, 0))])
    assert everywhere(blind, 1, ["side"]) == newest


@pytest.mark.parametrize("seed", range(8))
def test_frames_join_in_any_order(seed):
    rng = np.random.default_rng(seed)
    log = list(itertools.chain(*(steps(e, 1 + e % 4, 10 * e) for e in range(12))))
    both = frames(log) + frames(log, "top")
    repeated = [both[i] for i in rng.integers(len(both), size=20)]
    left = [both[i] for i in rng.permutation(len(both))]
    items = list(log)
    for item in left + repeated:
        items.insert(rng.integers(len(items) + 1), item)
    if seed == 0:
        items = left + log
    if seed == 1:
        items = log + left
    store = fill(empty(), items)
    assert len(store) == len(frames(log))
    for cameras in (["side"], ["top"], ["side", "top"]):
        assert store.sequences(1, cameras) == len(store)
        drawn = store.sample(200, 7, rng, cameras)
        assert set(drawn.images) == set(cameras)
        for images in drawn.images.values():
            assert images.shape == (200, 7, 4, 6, 3)
            assert images.dtype == np.uint8
            assert np.array_equal(shown(images), drawn.observations[..., 0])
    store.end_log()
    assert store.frames_dropped == 0


def test_every_step_has_the_frame_that_is_wanted():
    log = steps(0, 9, 0)
    some = [f for f in frames(log) if f.step != 4]
    store = fill(empty(), log + some + [frame(0, 0, 0, "top")])
    assert everywhere(store, 4, ["side"]) == {(0, 1, 2, 3), (5, 6, 7, 8), (6, 7, 8, 9)}
    assert store.sequences(4) == 7
    assert everywhere(store, 1, ["side", "top"]) == {(0,)}
    with pytest.raises(ValueError, match="no 6 steps in a row with a frame of side at each"):
        store.sample(1, 6, np.random.default_rng(0), ["side"])


def test_frames_without_an_observation_are_counted():
    store = fill(empty(), [frame(0, 1, 1), frame(0, 9, 9), *steps(0, 2, 0), frame(0, 8, 8)])
    assert store.frames_dropped == 0
    fill(store, [frame(1, 0, 20), *steps(1, 2, 20)])
    assert store.frames_dropped == 2
    fill(store, [frame(0, 2, 2)])  # late, but its observation is there
    fill(store, [frame(1, 4, 24), frame(1, 7, 27), *steps(1, 2, 26, first=6)])
    assert store.frames_dropped == 3
    assert everywhere(store, 1, ["side"]) == {(1,), (20,), (2,), (27,)}
    store.end_log()
    assert store.frames_dropped == 3


def test_no_frame_outlives_a_restart():
    store = fill(empty(), [*steps(0, 1, 0), frame(0, 1, 1), *steps(5, 2, 10)])
    fill(store, [frame(3, 1, 99), frame(7, 1, 99)])
    fill(store, [frame(0, 1, 31), *steps(0, 1, 30)])
    assert store.frames_dropped == 2
    fill(store, steps(3, 2, 40))
    assert everywhere(store, 1, ["side"]) == {(1,), (31,)}


def test_frames_that_wait_are_bounded():
    store = fill(empty(capacity=10), [frame(0, step, step) for step in range(25)])
    assert store.frames_dropped == 15


@pytest.mark.parametrize("lead", [-2, -1, 0, 1, 3])
def test_a_restarted_plant_has_its_own_frames(lead):
    """Of the same episode and steps; they come some steps before or after their observation."""
    store = empty()
    for start, count in ((10, 6), (30, 9), (50, 12)):
        log = steps(0, count, start)
        seen = frames(log)
        for i, t in enumerate(log):
            fill(store, [*seen[: max(0, i + 2 + lead)], t])
        fill(store, seen)  # those that are late; the others are repeated
        store.add_frame(frame(0, count + 2, start + count + 2))  # its observation is not logged
    assert store.sequences(3, ["side"]) == store.sequences(3) == 7 + 10 + 13 - 2
    drawn = store.sample(500, 3, np.random.default_rng(0), ["side"])
    assert np.array_equal(shown(drawn.images["side"]), drawn.observations[..., 0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"observation": [1.0]}, "observation: expected 2 values"),
        ({"next_observation": [np.inf, 0.0]}, "next_observation: 'x' is inf"),
        ({"step": -1}, "step: expected a count from 0, got -1"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(change, message):
    store = fill(empty(), steps(0, 3, 0))
    with pytest.raises(ValueError, match=message):
        store.append(replace(steps(0, 1, 3, first=3)[0], **change))
    assert len(store) == 4
    fill(store, steps(0, 1, 3, first=3))
    assert store.sequences(5) == 1


def test_frames_that_cannot_be_used_are_refused():
    store = fill(empty(), [*steps(0, 2, 0), frame(0, 0, 0)])
    with pytest.raises(ValueError, match=r"expected 6 x 4 pixels, .* 'side' before, got 5 x 4"):
        store.add_frame(frame(0, 1, 1, width=5))
    store.add_frame(frame(0, 1, 1, "top", width=5))
    with pytest.raises(ValueError, match="data: expected a png image"):
        store.add_frame(replace(frame(0, 1, 1), data=b"nothing"))
    with pytest.raises(ValueError, match="step: expected a count from 0, got -1"):
        store.add_frame(frame(0, -1, 1))
    assert store.sequences(1, ["side"]) == 1


def test_what_cannot_be_sampled_is_refused():
    rng, store = np.random.default_rng(0), fill(empty(), [*steps(0, 2, 0), frame(0, 0, 0)])
    with pytest.raises(ValueError, match="batch: expected at least 1, got 0"):
        store.sample(0, 1, rng)
    with pytest.raises(ValueError, match="length: expected at least 1, got 0"):
        store.sample(1, 0, rng)
    with pytest.raises(ValueError, match="length: the store has no 4 steps in a row"):
        store.sample(1, 4, rng)
    with pytest.raises(ValueError, match="no frame of 'top' came, there are: side"):
        store.sample(1, 1, rng, ["top"])
    with pytest.raises(ValueError, match="the store has no 1 steps in a row"):
        empty().sample(1, 1, rng)
    with pytest.raises(ValueError, match="capacity: expected at least 2 control steps, got 1"):
        empty(capacity=1)


def test_sampling_depends_on_the_generator_alone():
    store = fill(empty(), steps(0, 50, 0))
    first, again = (store.sample(9, 4, np.random.default_rng(3)).observations for _ in range(2))
    assert np.array_equal(first, again)


def record(folder, log, seen):
    recorder = Recorder(folder)
    for f in seen:
        recorder.write(FRAMES, cdr(frame_message(f)))
    for i, t in enumerate(log):
        vectors = ("observation", "action", "next_observation")
        fields = {**vars(t), **{name: np.array(getattr(t, name)) for name in vectors}}
        fields["previous_action"] = np.empty(0)
        del fields["stamp"]
        recorder.write(TRANSITIONS, cdr(make(TRANSITIONS.type, header=header(), index=i, **fields)))
    recorder.write(GOALS, cdr(goal(1.0)))
    return recorder


@pytest.mark.parametrize("encoding", ["png", "jpeg"])
@pytest.mark.parametrize("finished", [True, False])
def test_a_bag_gives_back_each_byte_of_its_frames(tmp_path, encoding, finished):
    rng = np.random.default_rng(2)
    log = steps(0, 4, 0, truncated=True) + steps(1, 5, 10)
    noise = {(f.episode, f.step): rng.integers(0, 256, (4, 6, 3), np.uint8) for f in frames(log)}
    seen = [
        replace(f, encoding=encoding, data=encode(noise[f.episode, f.step], encoding), stamp=40 + i)
        for i, f in enumerate(frames(log))
    ]
    recorder = record(tmp_path / "bag", log, seen)
    if finished:
        recorder.close()
    assert list(read_frames([tmp_path / "bag"])) == seen
    store = read_episodes([tmp_path / "bag"], OBSERVATION_SPACE, ACTION_SPACE, 100)
    assert (len(store), store.frames_dropped) == (11, 0)
    drawn = store.sample(20, 11, rng, ["side"])
    if encoding == "png":
        assert np.array_equal(drawn.images["side"][3], np.stack(list(noise.values())))
    assert list(drawn.observations[3, :, 0]) == [0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 15]
    if not finished:
        recorder.close()


def test_frames_of_one_bag_do_not_join_another(tmp_path):
    blind, sees = steps(0, 4, 0), steps(0, 4, 10)
    record(tmp_path / "a", blind, []).close()
    record(tmp_path / "b", sees, frames(sees)).close()
    bags = [tmp_path / "a", tmp_path / "b"]
    store = read_episodes(bags, OBSERVATION_SPACE, ACTION_SPACE, 100)
    assert everywhere(store, 1, ["side"]) == {(n,) for n in range(10, 15)}
    assert list(read_frames(bags)) == frames(sees)
    recorded = list(read_records(bags, OBSERVATION_SPACE, ACTION_SPACE, frames=True))
    assert [isinstance(one, Frame) for one in recorded] == 4 * [False] + 5 * [True] + 4 * [False]
    assert [one for one in recorded if isinstance(one, Frame)] == frames(sees)


def test_a_bag_that_does_not_fit_is_refused(tmp_path):
    log = steps(0, 2, 0)
    record(tmp_path / "bag", log, [replace(frame(0, 1, 1), data=b"nothing")]).close()
    with pytest.raises(BagError, match=r"bag: frame of step 1 of episode 0: data: expected a png"):
        read_episodes([tmp_path / "bag"], OBSERVATION_SPACE, ACTION_SPACE, 100)
    record(tmp_path / "other", log, []).close()
    with pytest.raises(BagError, match="transition of step 0 of episode 0: action: expected 2"):
        read_episodes([tmp_path / "other"], OBSERVATION_SPACE, OBSERVATION_SPACE, 100)


def test_a_store_is_a_replay():
    replay: Replay = empty()
    assert replay.sample
