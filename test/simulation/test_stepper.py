import threading
import time

import pytest
from support.waiting import PATIENCE, eventually, wait_until

from mbrl_ros.simulation.stepper import REPEAT_PERIOD, Stepper

pytestmark = [pytest.mark.process, pytest.mark.alone]


class Running:
    """A stepper and what it published."""

    def __init__(self, simulator, answer=None, **options):
        self.seen = []
        self.errors = []
        self.arrived = threading.Condition()
        self.answer = answer
        self.simulator = simulator
        self.stepper = Stepper(simulator, self.publish, self.errors.append, **options)

    def __enter__(self):
        self.stepper.start()
        return self

    def __exit__(self, *_):
        self.stepper.stop()
        assert not self.stepper._thread.is_alive()

    def publish(self, observation):
        with self.arrived:
            self.seen.append((time.monotonic(), observation))
            self.arrived.notify_all()
        if self.answer is not None:
            self.stepper.command([self.answer], observation.episode, observation.step)

    def wait(self, count, timeout=PATIENCE):
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.seen) >= count, timeout)
        return self.seen[-1][1]


def test_real_time_keeps_its_pace(cartpole):
    with Running(cartpole(lock_step=False), answer=0.1, real_time_factor=2.0) as running:
        running.wait(26)
    begin, end = running.seen[0][0], running.seen[25][0]
    # At least, since a busy machine may miss a deadline.
    assert 0.45 < end - begin < 1.0
    steps = [o.step for _, o in running.seen]
    assert steps == list(range(len(steps)))
    # Answered within the step, applied in the one after.
    assert [o.action_step for _, o in running.seen][2:20] == list(range(18))


def test_a_late_step_is_not_made_up_for(cartpole):
    slow = threading.Event()

    class Late(Running):
        def publish(self, observation):
            super().publish(observation)
            if observation.step == 3 and not slow.is_set():
                slow.set()
                time.sleep(0.22)

    with Late(cartpole(lock_step=False)) as running:
        running.wait(12)
    gaps = [b[0] - a[0] for a, b in zip(running.seen, running.seen[1:], strict=False)]
    assert gaps[3] >= 0.2
    # The first step after the pause comes at once, the others keep to the period's grid.
    assert min(gaps[5:]) > 0.005
    assert running.stepper.missed >= 4


def test_lock_step_waits_for_the_answer_and_repeats(cartpole):
    with Running(cartpole()) as running:
        running.wait(2, timeout=REPEAT_PERIOD + 1.0)
        assert [o.step for _, o in running.seen] == [0, 0]
        running.stepper.command([0.3], 0, 0)
        seen = running.wait(3, timeout=0.4)
        assert (seen.step, seen.action[0], seen.action_step) == (1, 0.3, 0)


def test_lock_step_runs_through_episodes_as_fast_as_it_goes(cartpole):
    simulator = cartpole(time_limit=0.4)
    with Running(simulator, answer=0.1) as running:
        last = running.wait(100)
    assert last.episode >= 8
    assert all(o.action_step == o.step - 1 for _, o in running.seen)


@pytest.mark.parametrize("lock_step", [False, True])
def test_pause_step_and_resume(cartpole, lock_step):
    with Running(cartpole(lock_step=lock_step), answer=0.1) as running:
        running.wait(3)
        running.stepper.pause(True)
        time.sleep(0.1)
        stands = running.simulator.observation.step
        time.sleep(0.2)
        assert running.simulator.observation.step == stands
        running.stepper.grant(3)
        time.sleep(0.4)
        granted = running.simulator.observation
        assert granted.step == stands + 3
        missed = running.stepper.missed
        running.stepper.pause(False)
        time.sleep(0.2)
        # In lock-step the episode may be over by now.
        after = running.simulator.observation
        assert (after.episode, after.step) > (granted.episode, stands + 3)
        assert running.stepper.missed < missed + 10
        with pytest.raises(ValueError, match="not paused"):
            running.stepper.grant(1)


@pytest.mark.parametrize("lock_step", [False, True])
@pytest.mark.parametrize("paused", [False, True])
def test_reset_needs_no_controller(cartpole, lock_step, paused):
    with Running(cartpole(lock_step=lock_step)) as running:
        running.wait(1)
        running.stepper.pause(paused)
        running.stepper.reset(5)
        wait_until(lambda: running.simulator.observation.episode != 0, PATIENCE)
    assert running.simulator.observation.episode == 1
    last = [o for _, o in running.seen if o.episode == 0][-1]
    assert last.truncated


def test_granted_steps_in_real_time_are_taken_with_what_was_said_before_the_silence(cartpole):
    with Running(cartpole(lock_step=False), answer=0.1) as running:
        running.wait(3)
        running.stepper.pause(True)
        time.sleep(0.1)
        stands = running.simulator.observation
        for _ in range(2):  # one step, then another: the answer to k acts from k + 1 on
            assert not running.stepper.command([0.0], 0, stands.step, safe=True, silence=True)
            count = len(running.seen)
            running.stepper.grant(1)
            seen = running.wait(count + 1)
            assert (seen.action.tolist(), seen.action_step) == ([0.1], seen.step - 2)
            time.sleep(0.1)
            stands = running.simulator.observation
        # What is sent for the silence is for when it goes on; what is malformed is nothing.
        running.answer = None
        running.stepper.command([0.0], 0, stands.step, safe=True, silence=True)
        count = len(running.seen)
        running.stepper.pause(False)
        last = running.wait(count + 3)
        assert last.action.tolist() == [0.0]
        running.stepper.pause(True)
        time.sleep(0.1)
        running.stepper.command([0.0, 7.0], 0, 0, safe=True, silence=True)
        refused = running.simulator.refused
        running.stepper.pause(False)
        assert running.simulator.refused == refused + 1


@pytest.mark.parametrize("lock_step", [False, True])
@pytest.mark.parametrize("go_on", ["step", "resume"])
def test_an_estop_of_a_paused_plant_is_in_force_with_the_first_step(cartpole, lock_step, go_on):
    with Running(cartpole(lock_step=lock_step), answer=0.1) as running:
        running.wait(3)
        running.stepper.pause(True)
        time.sleep(0.1)
        stands = running.simulator.observation
        assert running.stepper.command([0.0], stands.episode, stands.step, safe=True)
        # What is sent for the silence besides takes nothing of it back.
        running.stepper.command([0.0], stands.episode, stands.step, safe=True, silence=True)
        if go_on == "step":
            running.stepper.grant(1)
        else:
            running.stepper.pause(False)
        following = (stands.episode, stands.step + 1)
        (first, *_) = eventually(
            lambda: [o for _, o in running.seen if (o.episode, o.step) == following]
        )
    assert (first.action.tolist(), first.action_step) == ([0.0], stands.step)


def test_an_error_ends_the_thread_and_is_reported(cartpole):
    class Breaks(Running):
        def publish(self, observation):
            raise KeyError("nose")

    with Breaks(cartpole()) as running:
        running.stepper._thread.join(PATIENCE)
    assert isinstance(running.errors[0], KeyError)
