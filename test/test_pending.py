"""A call that does not return is told of by name, and nothing else is."""

import threading
import time

import pytest
from support.waiting import eventually

from mbrl_ros.core import pending
from mbrl_ros.core.pending import Watch, calling


@pytest.fixture
def told(monkeypatch):
    monkeypatch.setattr(pending, "_PATIENCE", 0.1)
    lines = []
    with Watch(lines.append):
        yield lines


def test_it_is_told_of_each_time_it_has_taken_twice_as_long(told):
    with calling("plant: step"):
        eventually(lambda: len(told) == 3)
        assert {line.partition(" has")[0] for line in told} == {"plant: step"}
    took = [float(line.split()[-2]) for line in told]
    assert took == sorted(took)


def test_each_thread_has_calls_of_its_own_and_the_innermost_counts(told):
    release = threading.Event()

    def learn():
        with calling("learner: judge"):
            release.wait()

    thread = threading.Thread(target=learn, daemon=True)
    thread.start()
    with calling("planning"), pytest.raises(KeyError), calling("plant: step"):
        raise KeyError
    with calling("planning"):
        with calling("model: imagine"):
            pass
        eventually(lambda: len({line.partition(" has")[0] for line in told}) == 2)
        assert {line.partition(" has")[0] for line in told} == {"learner: judge", "planning"}
    release.set()
    thread.join()


def test_calls_that_return_are_not_told_of_however_many(told):
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        with calling("plant: step"):
            pass
    assert not told
