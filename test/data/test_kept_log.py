"""A log whose older part is only in its bag."""

import errno
import math

import pytest
from bag_messages import ACTION_SPACE, OBSERVATION_SPACE, TRANSITIONS, transition
from support.messages import cdr

from mbrl_ros.data import kept_log, recorder
from mbrl_ros.data.finishing import mcap_files
from mbrl_ros.data.kept_log import KeptLog
from mbrl_ros.data.messages import read_transition
from mbrl_ros.data.streaming import BagError


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(kept_log, "_KEPT", 0)
    monkeypatch.setattr(kept_log, "_FEWEST", 50)
    monkeypatch.setattr(recorder, "MAX_MESSAGES", 40)


def log_to(folder, log, numbers, safely=True):
    bag = recorder.Recorder(folder)
    for i in numbers:
        assert log.add(read_transition(transition(i))) == i
        log.recorded(bag.write(TRANSITIONS, cdr(transition(i))), safely)
    bag.close()


def pages(log, first=0):
    found = []
    while page := log.page(found[-1][0] + 1 if found else first, 30):
        found += page
    return [(i, int(row.observation[0])) for i, row in found]


def all_from(first, end):
    return [(i, i) for i in range(first, end)]


def test_memory_is_bounded_and_every_page_is_there(tmp_path):
    log = KeptLog(OBSERVATION_SPACE, ACTION_SPACE)
    log_to(tmp_path / "bag", log, range(330))
    assert len(log) == 330
    assert 50 <= len(log.newest) <= 100
    assert pages(log) == all_from(0, 330)
    assert pages(log, 137) == all_from(137, 330)
    assert log.page(330, 10) == log.page(1000, 10) == []


def test_a_log_goes_on_after_a_restart_without_reading_all_of_it(tmp_path):
    log_to(tmp_path / "bag", KeptLog(OBSERVATION_SPACE, ACTION_SPACE), range(330))
    again = KeptLog(OBSERVATION_SPACE, ACTION_SPACE)
    again.resume(mcap_files(tmp_path / "bag"))
    assert len(again) == 330
    assert 50 <= len(again.newest) <= 100
    assert pages(again) == all_from(0, 330)
    log_to(tmp_path / "bag", again, range(330, 500))
    assert len(again.newest) <= 100
    assert pages(again) == all_from(0, 500)


def test_a_page_of_the_file_that_is_still_written_is_as_it_is_now(tmp_path, monkeypatch):
    monkeypatch.setattr(recorder, "MAX_MESSAGES", 10**6)  # as if there was no room for another file
    log, bag = KeptLog(OBSERVATION_SPACE, ACTION_SPACE), recorder.Recorder(tmp_path / "bag")
    for i in range(330):
        log.add(read_transition(transition(i)))
        log.recorded(bag.write(TRANSITIONS, cdr(transition(i))), safely=True)
        if i in (150, 329):
            assert pages(log) == all_from(0, i + 1)
    bag.close()


def test_a_page_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_log, "_PAGE", 7)
    log = KeptLog(OBSERVATION_SPACE, ACTION_SPACE)
    log_to(tmp_path / "bag", log, range(100))
    assert [i for i, _ in log.page(3, 2**32 - 1)] == list(range(3, 10))
    assert pages(log) == all_from(0, 100)


def test_what_no_bag_holds_for_good_stays_in_memory(tmp_path):
    troubled = KeptLog(OBSERVATION_SPACE, ACTION_SPACE)
    log_to(tmp_path / "bag", troubled, range(330), safely=False)
    unbounded = KeptLog(OBSERVATION_SPACE, ACTION_SPACE, bounded=False)
    log_to(tmp_path / "other", unbounded, range(330))
    for log in (troubled, unbounded):
        assert len(log.newest) == 330
        assert pages(log) == all_from(0, 330)


def test_what_a_bag_has_lost_is_told_once_and_the_rest_is_there(tmp_path):
    log = KeptLog(OBSERVATION_SPACE, ACTION_SPACE)
    log_to(tmp_path / "bag", log, range(330))
    first, _, third = mcap_files(tmp_path / "bag")[:3]
    first.unlink()
    damaged = bytearray(third.read_bytes())
    damaged[len(damaged) // 4] ^= 0xFF
    third.write_bytes(damaged)
    for _ in range(2):
        assert pages(log, 5) == [*all_from(40, 80), *all_from(120, 330)]
    assert len(log.notes) == 2
    assert str(first) in log.notes[0]
    assert f"{third}: damaged: " in log.notes[1]
    again = KeptLog(OBSERVATION_SPACE, ACTION_SPACE)
    again.resume(mcap_files(tmp_path / "bag"))
    assert len(again) == 330
    assert pages(again) == [*all_from(40, 80), *all_from(120, 330)]


def test_a_transition_that_is_damaged_keeps_no_logger_from_going_on(tmp_path):
    bag = recorder.Recorder(tmp_path / "bag")
    for i in range(120):
        message = transition(i)
        if i in (0, 47, 60):
            message.next_observation[0] = math.nan
        if i == 48:
            message.index = 2**64 - 1
        bag.write(TRANSITIONS, cdr(message))
    bag.close()
    log = KeptLog(OBSERVATION_SPACE, ACTION_SPACE)
    log.resume(mcap_files(tmp_path / "bag"))
    assert pages(log) == [(i, i) for i in range(120) if i not in (0, 47, 48, 60)]
    first, second = sorted(log.notes)
    assert "bag_0.mcap: transition of step 0 of episode 0: next_observation: 'x' is nan" in first
    assert "bag_1.mcap: transition of step 47 of episode 0: next_observation: 'x' is nan" in second


def test_a_log_of_other_spaces_is_refused(tmp_path):
    log_to(tmp_path / "bag", KeptLog(OBSERVATION_SPACE, ACTION_SPACE), range(70))
    log = KeptLog(ACTION_SPACE, ACTION_SPACE)
    with pytest.raises(BagError, match=r"transition of step 0 of episode 0: observation"):
        log.resume(mcap_files(tmp_path / "bag"))


def test_a_page_that_cannot_be_read_now_is_an_error(tmp_path, monkeypatch):
    log = KeptLog(OBSERVATION_SPACE, ACTION_SPACE)
    log_to(tmp_path / "bag", log, range(330))

    def broken(path):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("mbrl_ros.data.bags.is_mcap", broken)
        with pytest.raises(BagError, match=r"bag_0\.mcap: cannot be read: Input/output error"):
            log.page(5, 10)
    assert pages(log) == all_from(0, 330)
    assert not log.notes


@pytest.mark.parametrize("kept", [50, 10**6])
def test_positions_stay_as_they_were_recorded(tmp_path, monkeypatch, kept):
    monkeypatch.setattr(kept_log, "_FEWEST", kept)
    log = KeptLog(OBSERVATION_SPACE, ACTION_SPACE)
    bag = recorder.Recorder(tmp_path / "bag")
    # The oldest have made room, and for others there was none.
    there = [*range(80, 130), *range(150, 155), *range(190, 400)]
    for i in there:
        bag.write(TRANSITIONS, cdr(transition(i)))
    bag.close()
    log.resume(mcap_files(tmp_path / "bag"))
    assert len(log) == 400
    assert pages(log) == [(i, i) for i in there]
    for first in (0, 129, 130, 150, 154, 155, 189, 190, 399):
        assert log.page(first, 3)[0][0] == next(i for i in there if i >= first)
    log_to(tmp_path / "bag", log, range(400, 420))
    assert pages(log, 395) == all_from(395, 420)


def test_a_log_in_a_bag_after_another_goes_on_from_its_end(tmp_path):
    for _ in range(2):
        log_to(tmp_path / "bag", KeptLog(OBSERVATION_SPACE, ACTION_SPACE), range(70))
    log = KeptLog(OBSERVATION_SPACE, ACTION_SPACE)
    log.resume(mcap_files(tmp_path / "bag"))
    assert pages(log) == [(i, i % 70) for i in range(140)]
