import math
import threading
import time
from dataclasses import replace

import pytest
from support.systems import ACTION, OBSERVATION, SMALL, drive, with_gate
from support.waiting import PATIENCE
from support.waiting import eventually as wait_for

from mbrl_ros.core.records import Frame, Transition
from mbrl_ros.learning.dynamics_learner import DynamicsLearner
from mbrl_ros.learning.training import Training
from mbrl_ros.models.packing import unpack

pytestmark = pytest.mark.alone


class Slow(DynamicsLearner):
    """A learner whose gradient steps last until they are let go."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.entered, self.let_go = threading.Event(), threading.Event()

    def update(self):
        self.entered.set()
        assert self.let_go.wait(PATIENCE)
        super().update()


class Paced(DynamicsLearner):
    """A learner whose gradient steps take a known time."""

    def update(self):
        time.sleep(0.004)
        self._trainer.updates += 1


@pytest.fixture
def started():
    running = []

    def start(kind=DynamicsLearner, settings=SMALL):
        learner = kind(OBSERVATION, ACTION, settings, 0)
        decisions, refusals = [], []
        training = Training(learner, decisions.append, refusals.append)
        training.start()
        running.append((training, learner))
        return training, learner, decisions, refusals

    yield start
    for training, learner in running:
        if isinstance(learner, Slow):
            learner.let_go.set()
        training.stop()


def test_frames_reach_the_learner_and_damaged_ones_are_told(started):
    class Seeing(DynamicsLearner):
        def see(self, frame):
            if frame.data == b"damaged":
                raise ValueError("data: expected an image")
            seen.append(frame)

    seen = []
    training, learner, _, refusals = started(Seeing)
    whole = Frame(0, 0, "top", "png", 8, 8, b"an image")
    training.add(whole)
    training.add(replace(whole, data=b"damaged"))
    for transition in drive(1):
        training.add(Transition(*transition))
    wait_for(lambda: learner.received == 1)
    assert seen == [whole]
    assert refusals == ["data: expected an image"]


def test_a_model_is_learned_and_published_by_itself(started):
    training, learner, decisions, refusals = started()
    for transition in drive(300):
        training.add(Transition(*transition))
    wait_for(lambda: any(d.update for d in decisions) and learner.owed_updates < 1)
    assert learner.received == 300
    assert learner.updates == 300
    assert training.decision is decisions[-1]
    published = next(d.update for d in decisions if d.update)
    assert unpack(published).observation == OBSERVATION
    assert refusals == []


def test_it_waits_when_nothing_is_owed_and_wakes_up_for_more(started):
    training, learner, _, _ = started()
    for transition in drive(100):
        training.add(Transition(*transition))
    wait_for(lambda: learner.updates == 100)
    used = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - used < 0.15
    assert learner.updates == 100
    for observation, action, next_observation, _, step in drive(50):
        training.add(Transition(observation, action, next_observation, 9, step))
    wait_for(lambda: learner.updates == 150)


def test_handing_over_never_waits_for_a_gradient_step(started):
    training, learner, _, _ = started(Slow)
    for transition in drive(60):
        training.add(Transition(*transition))
    assert learner.entered.wait(PATIENCE)
    # Returns though the thread is in the middle of a step.
    for transition in drive(1000, seed=1):
        training.add(Transition(*transition))
    assert learner.updates == 0
    learner.let_go.set()
    wait_for(lambda: learner.received == 1060)


def test_bad_transitions_are_refused_and_the_rest_is_learned(started):
    training, learner, _, refusals = started()
    good = list(drive(60))
    for bad in (
        Transition([math.nan, 0.0], [0.0], [0.0, 0.0], 0, 0),
        Transition([0.0, 0.0], [0.0, 0.0], [0.0, 0.0], 0, 0),
        Transition([0.0, 0.0], [0.0], [math.inf, 0.0], 0, 0),
        Transition([0.0, 0.0], [0.0], [{}, 0.0], 0, 0),
        Transition([0.0, 0.0], [0.0], [0.0, 0.0], 0, -1),
    ):
        training.add(bad)
        training.add(Transition(*good.pop()))
    for transition in good:
        training.add(Transition(*transition))
    wait_for(lambda: learner.updates == 60)
    assert len(refusals) == 5
    assert "'position' is nan" in refusals[0]
    assert "action: expected 1 values" in refusals[1]


def steps_in(learner, seconds):
    before = learner.updates
    time.sleep(seconds)
    return learner.updates - before


def test_it_gives_way_while_deadlines_are_missed_and_comes_back_afterwards(started):
    training, learner, _, _ = started(Paced, with_gate(interval=10**6))
    for transition in drive(2000):
        training.add(Transition(*transition))
    wait_for(lambda: learner.updates > 5)
    training.back_off(0)
    at_ease = steps_in(learner, 0.4)
    for _ in range(6):
        training.back_off(3)
    resting = steps_in(learner, 0.4)
    for _ in range(30):
        training.back_off(0)
    steps_in(learner, 0.1)
    recovered = steps_in(learner, 0.4)
    assert 0 < resting < at_ease / 3
    assert recovered > 2 * resting


def test_the_gate_is_asked_on_time_though_updates_lag_behind(started):
    class Watched(Slow):
        owed = 0.0

        def judge(self):
            self.owed = max(self.owed, self.owed_updates)
            return super().judge()

    training, learner, decisions, _ = started(Watched)
    for transition in drive(60):
        training.add(Transition(*transition))
    assert learner.entered.wait(PATIENCE)
    # All of this comes in during one step.
    for transition in drive(2000, seed=1):
        training.add(Transition(*transition))
    learner.let_go.set()
    wait_for(lambda: decisions or training.failure)
    assert training.failure is None
    assert learner.owed > 1000


def test_stopping_waits_for_the_step_under_way_and_ends_the_thread(started):
    training, learner, _, _ = started(Slow)
    for transition in drive(60):
        training.add(Transition(*transition))
    assert learner.entered.wait(PATIENCE)
    stopper = threading.Thread(target=training.stop)
    stopper.start()
    stopper.join(0.05)
    assert stopper.is_alive()
    learner.let_go.set()
    stopper.join(PATIENCE)
    assert not stopper.is_alive()
    assert learner.updates == 1
    assert "training" not in [t.name for t in threading.enumerate()]


def test_stopping_does_not_wait_for_transitions_to_run_out(started):
    class Full(DynamicsLearner):
        """A learner that is given two transitions while it takes one in."""

        def append(self, transition):
            for _ in range(2):
                training.add(transition)
            raise ValueError("of another system")

    training, _, _, refusals = started(Full)
    training.add(Transition(*next(drive(1))))
    wait_for(lambda: len(refusals) > 10)
    ending = threading.Thread(target=training.stop, daemon=True)
    ending.start()
    ending.join(PATIENCE)
    assert not ending.is_alive()


def test_stopping_does_not_wait_for_data(started):
    training, _, _, _ = started()
    stopper = threading.Thread(target=training.stop)
    stopper.start()
    stopper.join(PATIENCE)
    assert not stopper.is_alive()


def test_what_ends_the_thread_is_kept_for_its_owner(started):
    class Broken(DynamicsLearner):
        def update(self):
            raise RuntimeError("out of memory")

    training, *_ = started(Broken)
    for transition in drive(100):
        training.add(Transition(*transition))
    wait_for(lambda: training.failure is not None)
    assert str(training.failure) == "out of memory"
