"""What a robot's driver forgot is told: with the pairer of the logger, as the node has them."""

import re

import numpy as np
import pytest

from mbrl_ros.core.records import Observation
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.pairing import TransitionPairer
from mbrl_ros.diagnosis.diagnosis import Diagnosis
from mbrl_ros.diagnosis.stream_watch import StreamWatch

PERIOD = 0.04


def told(count=400, rate=25.0, period=PERIOD, held_up=lambda k: 0.0, **own):
    """Feed observations of a driver to pairer, watch and diagnosis, and return what is told."""
    space = Space.of(["x"])
    pairer = TransitionPairer(space, Space.of(["u"], [-1.0], [1.0]))
    watch, diagnosis = StreamWatch(1, period), Diagnosis(space, PERIOD)
    texts = []
    for k in range(count):
        fields = {"episode": 0, "step": k, "values": np.array([k * 0.1]), "action": np.zeros(1)}
        fields |= {name: value(k) for name, value in own.items()}
        seen = Observation(**{"stamp": k / rate, **fields})
        paired = pairer.feed(seen) is not None
        if found := watch.feed(seen, paired, pairer.reason, 100.0 + k / rate + held_up(k)):
            diagnosis.note(found)
        texts += [finding.text for finding in diagnosis.news()]
    return texts


@pytest.mark.parametrize(
    ("own", "problem"),
    [
        ({"step": lambda k: 0}, "step is 0 in all of them, expected to count up by one"),
        ({"step": lambda k: 40 * k}, r"goes from \(0, 720\) to \(0, 760\), expected step to count"),
        ({"action": lambda k: np.zeros(0)}, r"action: expected the 1 finite values .* got \[\]"),
        ({"action": lambda k: np.full(2, 0.5)}, r"action: .* 1 finite .* got \[0.5, 0.5\]$"),
        ({"values": lambda k: np.array([np.nan])}, r"values are not as many .* finite: \[nan\]$"),
        ({"terminated": lambda k: True}, "the episode goes on after its end"),
    ],
)
def test_a_reason_is_told_once(own, problem):
    (warning,) = told(**own)
    assert warning.startswith("no transition in the last 20 observations: ")
    assert re.search(problem, warning)


@pytest.mark.parametrize("rate", [10.0, 12.5, 19.0, 32.0, 100.0])
def test_another_rate_is_told_once_with_both_figures(rate):
    assert told(1100, rate) == [f"observations come at {rate:.3g} Hz, expected 25 Hz (period)"]


@pytest.mark.parametrize(
    "own",
    [
        {},
        {"rate": 22.0},
        {"rate": 29.0},
        {"rate": 3.0, "period": None},
        # A plant that waits repeats its observation.
        {"step": lambda k: 0, "values": lambda k: np.ones(1), "stamp": lambda k: 0.0, "rate": 2.0},
        # Episodes of a single step.
        {"episode": lambda k: k // 2, "step": lambda k: k % 2},
    ],
)
def test_a_driver_as_it_should_be_is_left_alone(own):
    assert told(**own) == []


def test_what_a_busy_machine_holds_up_and_then_brings_at_once_is_no_other_rate():
    """Each is up to 3 s late, and then none."""
    assert told(held_up=lambda k: min(0.03 * k, 3.0) if k < 130 else 0.0) == []
    assert told(held_up=lambda k: 0.03 * k) == [
        "observations come at 14.3 Hz, expected 25 Hz (period)"
    ]
