import threading

import pytest
from support.turns import turn
from support.waiting import eventually


@pytest.fixture
def begin(tmp_path):
    """Take a turn on a thread; returns what tells that it has begun and what ends it."""
    ends, threads = [], []

    def started(alone):
        begun, end = threading.Event(), threading.Event()

        def run():
            with turn(tmp_path, alone):
                begun.set()
                end.wait()

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        ends.append(end)
        return begun, end

    yield started
    for end in ends:
        end.set()
    for thread in threads:
        thread.join()


def test_who_is_to_be_alone_waits_for_others_and_they_for_it(begin):
    (first, first_ends), (second, second_ends) = begin(False), begin(False)
    eventually(lambda: first.is_set() and second.is_set())
    alone, alone_ends = begin(True)
    first_ends.set()
    assert not alone.wait(0.1)
    later, _ = begin(False)
    assert not later.wait(0.1)  # else one that is to be alone would wait for ever
    second_ends.set()
    eventually(alone.is_set)
    assert not later.wait(0.1)
    alone_ends.set()
    eventually(later.is_set)
