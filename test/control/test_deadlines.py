import pytest
from known import (
    SAFE,
    Judge,
    controller,
    reading,
    source_of,
)

from mbrl_ros.control.controller import CommandSource


class Clock:
    """Time that passes only while candidates are judged, 0.4 s each time."""

    now = 0.0

    def pass_on(self):
        self.now += 0.4

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def timed(clock, **planner):
    """Return a controller with a budget of 0.85 s, whose iterations take 0.4 s."""
    judge = Judge(on_call=clock.pass_on)
    made = controller(lock_step=False, period=1.0, judge=judge, clock=clock, **planner)
    # It learns what an iteration costs.
    for k in range(12):
        made.tick(at(clock, k))
    return made


def at(clock, k, age=0.0, **arguments):
    made = reading(k, **arguments)
    return type(made)(**{**made.__dict__, "received": clock.now - age})


def test_a_plan_that_fits_the_budget_is_complete(clock):
    made = timed(clock, iterations=2)
    command = made.tick(at(clock, 20))
    assert source_of(command) == (CommandSource.PLANNED, "")
    assert command.state_age == command.plan_time == pytest.approx(0.8)


def test_a_plan_is_cut_at_the_deadline_with_the_best_so_far(clock):
    made = timed(clock, iterations=5)
    command = made.tick(at(clock, 20))
    assert source_of(command) == (CommandSource.TRUNCATED, "time for 2 iterations only")
    assert command.state_age <= made.budget


def test_what_sending_takes_is_taken_off_the_budget(clock):
    made = timed(clock, iterations=2)
    for _ in range(30):
        made.overhead.add(0.1)
    assert made.budget == pytest.approx(0.75, abs=1e-3)
    assert made.tick(at(clock, 20)).source == CommandSource.TRUNCATED


def test_an_old_reading_leaves_less_time(clock):
    made = timed(clock, iterations=2)
    command = made.tick(at(clock, 20, age=0.4))
    assert command.source == CommandSource.TRUNCATED
    assert command.state_age == pytest.approx(0.8)


def test_without_time_the_last_plan_goes_on(clock):
    made = timed(clock, iterations=2)
    first = made.tick(at(clock, 20))
    planned = made.planned.result.actions[:, 0].tolist()
    for k in (21, 22, 25):
        command = made.tick(at(clock, k, age=0.8))
        assert (command.model, command.objective) == (first.model, first.objective)
        assert source_of(command) == (CommandSource.REUSED, "no time to plan")
        assert command.values[0] == pytest.approx(planned[k - 20])


def test_without_time_and_without_a_plan_the_command_is_safe(clock):
    made = timed(clock, iterations=2)
    command = made.tick(at(clock, 0, age=0.8, episode=1))
    assert source_of(command) == (CommandSource.FALLBACK, "no time to plan, and no plan to reuse")
    assert command.values.tolist() == SAFE


def test_a_plan_that_is_used_up_is_not_reused(clock):
    made = timed(clock, iterations=2, horizon=3)
    made.tick(at(clock, 20))
    sources = [made.tick(at(clock, k, age=0.8)).source for k in (21, 22, 23)]
    assert sources == [CommandSource.REUSED, CommandSource.REUSED, CommandSource.FALLBACK]


def test_in_lock_step_no_deadline_holds(clock):
    made = controller(judge=Judge(on_call=clock.pass_on), iterations=9)
    assert made.tick(at(clock, 0, age=100.0)).source == CommandSource.PLANNED
