"""A log whose older part is only in its bag."""

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
    while page := log.page(first + len(found), 30):
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


def test_what_no_bag_holds_for_good_stays_in_memory(tmp_path):
    troubled = KeptLog(OBSERVATION_SPACE, ACTION_SPACE)
    log_to(tmp_path / "bag", troubled, range(330), safely=False)
    unbounded = KeptLog(OBSERVATION_SPACE, ACTION_SPACE, bounded=False)
    log_to(tmp_path / "other", unbounded, range(330))
    for log in (troubled, unbounded):
        assert len(log.newest) == 330
        assert pages(log) == all_from(0, 330)


def test_a_page_that_is_gone_is_one_clear_error(tmp_path):
    log = KeptLog(OBSERVATION_SPACE, ACTION_SPACE)
    log_to(tmp_path / "bag", log, range(330))
    first = mcap_files(tmp_path / "bag")[0]
    first.unlink()
    with pytest.raises(BagError, match=str(first)):
        log.page(5, 10)
    assert pages(log, 300) == all_from(300, 330)
