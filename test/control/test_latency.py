import threading

import numpy as np
import pytest

from mbrl_ros.control.latency import Latency

SAFE = np.array([7.0])


def measured(delay, steps=30):
    """Return the latency of a plant where the answer to step k acts from step k + delay on."""
    latency = Latency(SAFE)
    for step in range(steps):
        latency.observed(step, step - 1 - delay if step > delay else -1)
        latency.sent(step, np.array([float(step)]))
    return latency


def test_nothing_is_under_way_before_anything_was_measured():
    latency = Latency(SAFE)
    assert latency.delay == 0
    assert latency.in_flight(5).shape == (0, 1)


@pytest.mark.parametrize("delay", [0, 1, 2, 5])
def test_the_delay_is_read_off_the_observations(delay):
    assert measured(delay).delay == delay


def test_the_usual_delay_counts_not_the_odd_one():
    latency = Latency(SAFE)
    for step in range(1, 25):
        latency.observed(step, step - 1 - (3 if step % 4 == 0 else 1))
    assert latency.delay == 1


def test_a_change_of_the_delay_is_followed():
    latency = measured(1)
    for step in range(30, 60):
        latency.observed(step, step - 3)
    assert latency.delay == 2


def test_what_was_sent_since_acts_before_the_next_answer():
    np.testing.assert_array_equal(measured(2).in_flight(30), [[28.0], [29.0]])


def test_where_an_answer_is_missing_the_one_before_is_held():
    latency = measured(3)
    latency.sent(32, np.array([32.0]))
    # Steps 30 and 31 were never answered.
    np.testing.assert_array_equal(latency.in_flight(33), [[29.0], [29.0], [32.0]])


def test_a_new_episode_begins_with_the_safe_command_but_the_known_delay():
    latency = measured(2)
    latency.new_episode(SAFE)
    assert latency.delay == 2
    np.testing.assert_array_equal(latency.in_flight(0), [SAFE, SAFE])
    latency.sent(0, np.array([1.0]))
    np.testing.assert_array_equal(latency.in_flight(1), [SAFE, [1.0]])


@pytest.mark.parametrize(("step", "action_step"), [(0, -1), (5, -1), (5, 5), (5, 9)])
def test_observations_that_tell_nothing_are_left_out(step, action_step):
    latency = measured(1)
    for _ in range(100):
        latency.observed(step, action_step)
    assert latency.delay == 1


def test_a_delay_longer_than_the_memory_breaks_nothing():
    latency = Latency(SAFE)
    for step in range(100, 110):
        latency.observed(step, 0)
        latency.sent(step, np.array([float(step)]))
    assert latency.in_flight(110).shape == (latency.delay, 1)


def test_the_commands_before_a_step_are_remembered_in_order():
    latency = Latency(SAFE)
    assert latency.before(3).shape == (0, 1)
    for step in range(5):
        latency.sent(step, np.array([float(step)]))
    np.testing.assert_array_equal(latency.before(3), [[0.0], [1.0], [2.0]])


def test_what_is_changed_on_one_thread_may_be_sent_on_another():
    latency = Latency(np.zeros(1))
    sending = threading.Thread(target=lambda: latency.sent(2, np.zeros(1)))

    class Step(int):
        """While commands before it are looked for, another thread sends."""

        def __gt__(self, other):
            if sending.ident is None:
                sending.start()
                sending.join(0.05)  # until it has sent, or waits
            return int(self) > int(other)

    latency.sent(0, np.zeros(1))
    latency.sent(1, np.zeros(1))
    latency.changed(1, np.ones(1))
    assert latency.before(Step(9)).tolist() == [[0.0], [1.0]]
    sending.join()
    assert latency.before(3).tolist() == [[0.0], [1.0], [0.0]]


def test_what_a_person_commands_is_known_before_and_after_the_controller_has_answered():
    latency = measured(2)
    latency.changed(30, np.array([-1.0]))  # before the controller's own answer
    latency.sent(30, np.array([30.0]))
    latency.sent(31, np.array([31.0]))
    latency.changed(31, np.array([-2.0]))  # after it
    latency.changed(33, np.array([-3.0]))  # to a step that the controller never answers
    latency.sent(32, np.array([32.0]))  # late
    np.testing.assert_array_equal(latency.in_flight(34), [[32.0], [-3.0]])
    np.testing.assert_array_equal(latency.in_flight(32), [[-1.0], [-2.0]])
    np.testing.assert_array_equal(latency.before(34)[-4:], [[-1.0], [-2.0], [32.0], [-3.0]])
    for step in range(34, 300):
        latency.sent(step, np.array([float(step)]))
    assert len(latency.before(300)) == 64
    latency.new_episode(SAFE)
    latency.sent(30, np.array([30.0]))
    assert latency.before(40).tolist() == [[30.0]]
