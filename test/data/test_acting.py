"""Whose action was applied, in every transition."""

import numpy as np
import pytest

from mbrl_ros.core.records import Actor, Observation
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.acting import Acting
from mbrl_ros.data.pairing import TransitionPairer
from mbrl_ros.ros import interfaces as ri

SPACES = Space.of(["x"]), Space.of(["u"], [-1.0], [1.0])


def action(step, source=ri.Action.PLANNED, value=0.5):
    return ri.Action(episode=0, step=step, source=source, values=[value])


def intervention(step, value=0.5, safe=False):
    return ri.Intervention(episode=0, step=step, values=[value], safe=safe)


@pytest.mark.parametrize(
    ("messages", "actor"),
    [
        ([], Actor.UNKNOWN),
        ([action(0)], Actor.CONTROLLER),
        ([action(0, ri.Action.EXPLORATION)], Actor.CONTROLLER),
        ([action(0, ri.Action.REUSED)], Actor.CONTROLLER),
        ([action(0, ri.Action.OVERRIDE), intervention(0)], Actor.PERSON),
        ([intervention(0), action(0, ri.Action.OVERRIDE)], Actor.PERSON),
        ([action(0), intervention(0)], Actor.GUARD),
        ([intervention(0), action(0)], Actor.GUARD),
        # Of another step, or of another command for this one.
        ([intervention(1), action(0)], Actor.CONTROLLER),
        ([intervention(0, 0.1), action(0)], Actor.CONTROLLER),
        ([action(0, ri.Action.HOLD)], Actor.FALLBACK),
        ([action(0, ri.Action.FALLBACK), intervention(0, safe=True)], Actor.FALLBACK),
        # The safe command that follows an answer is told by the plant as none.
        ([action(0), action(0, ri.Action.FALLBACK), intervention(0, safe=True)], Actor.CONTROLLER),
        ([action(0), intervention(0), intervention(0, 0.0, safe=True)], Actor.GUARD),
        # A person who takes over answers the same step once more.
        ([action(0), action(0, ri.Action.OVERRIDE, -0.5), intervention(0, -0.5)], Actor.PERSON),
    ],
)
def test_who_acts_is_known_by_what_goes_to_the_plant(messages, actor):
    acting, pairer = Acting(), TransitionPairer(*SPACES)
    for message in messages:
        told = acting.act if isinstance(message, ri.Action) else acting.intervene
        pairer.acted(*told(message))
    pairer.feed(Observation(0, 0, np.zeros(1), np.zeros(1)))
    pairer.feed(Observation(0, 1, np.zeros(1), np.zeros(1)))
    made = pairer.feed(Observation(0, 2, np.zeros(1), np.array([0.5]), action_step=0))
    assert made.source is actor


def test_what_answers_nothing_is_the_safe_command():
    pairer = TransitionPairer(*SPACES)
    pairer.feed(Observation(0, 0, np.zeros(1), np.zeros(1)))
    first = pairer.feed(Observation(0, 1, np.zeros(1), np.zeros(1), action_step=-1))
    assert first.source is Actor.FALLBACK


def test_what_is_long_ago_is_forgotten():
    acting, pairer = Acting(), TransitionPairer(*SPACES)
    for step in range(5000):
        pairer.acted(*acting.act(action(step)))
    assert len(pairer._actors) <= 1000
    assert len(acting._acting) <= 64
