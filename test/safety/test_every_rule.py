"""What every safety rule does, and what is particular to each."""

from dataclasses import replace

import numpy as np
import pytest

from mbrl_ros.core.records import Observation
from mbrl_ros.core.spaces import Space
from mbrl_ros.safety.command_latch import CommandLatch, ReceivedCommand
from mbrl_ros.safety.rules import AnswersObservation, NoOlderThan, WithinLimits, apply_rules

ACTION = Space.of(["left", "right"], [-1.0, 0.5], [1.0, 2.0])
SEEN = Observation(3, 7, np.zeros(2), np.array([0.0, 0.5]))
RULES = {
    "limits": WithinLimits(ACTION),
    "time-out": NoOlderThan(0.1, 0.04),
    "answer": AnswersObservation(),
}
GOOD = ReceivedCommand(np.array([0.5, 1.0]), 3, 7, time=10.0)
BAD = {
    "limits": ReceivedCommand(np.array([0.5, 9.0]), 3, 7, time=10.0),
    "time-out": ReceivedCommand(np.array([0.5, 1.0]), 3, 7, time=9.8),
    "answer": ReceivedCommand(np.array([0.5, 1.0]), 3, 6, time=10.0),
}


@pytest.mark.parametrize("name", RULES)
def test_what_is_well_passes_as_it_is_and_nothing_stays_nothing(name):
    assert RULES[name].apply(GOOD, SEEN, 10.05) == (GOOD, "")
    assert RULES[name].apply(None, SEEN, 10.05) == (None, "")


@pytest.mark.parametrize("name", RULES)
def test_what_is_not_is_changed_for_a_reason_and_once(name):
    before = BAD[name].values.copy()
    passed, reason = RULES[name].apply(BAD[name], SEEN, 10.05)
    assert passed is not BAD[name]
    assert reason
    assert "\n" not in reason
    np.testing.assert_array_equal(BAD[name].values, before)
    assert RULES[name].apply(passed, SEEN, 10.05) == (passed, "")
    if passed is not None:
        np.testing.assert_array_equal(passed.values, ACTION.clip(passed.values))


def test_each_says_what_it_found():
    reasons = {name: RULES[name].apply(BAD[name], SEEN, 10.05)[1] for name in RULES}
    assert reasons == {
        "limits": "outside the limits: right",
        "time-out": "no command for 0.25 s",
        "answer": "no command for step 7",
    }
    earlier = ReceivedCommand(GOOD.values, 2, 7, time=10.0)
    assert RULES["time-out"].apply(earlier, SEEN, 10.0) == (None, "no command for episode 3")
    frozen = replace(GOOD, step=3, time=10.0)
    assert RULES["time-out"].apply(frozen, SEEN, 10.0) == (
        None,
        "answers step 3, but the plant is at step 7",
    )
    assert RULES["time-out"].apply(replace(frozen, step=4), SEEN, 10.0)[0] is not None
    # Exactly as old as allowed, but for the rounding of a sum of periods.
    assert RULES["time-out"].apply(GOOD, SEEN, 10.0 + 0.1 + 1e-9)[0] is GOOD


def test_rules_are_applied_in_turn_and_tell_all_that_they_found():
    both = ReceivedCommand(np.array([-7.0, 9.0]), 3, 7, time=9.0)
    assert apply_rules(list(RULES.values()), both, SEEN, 10.0) == (
        None,
        "outside the limits: left, right; no command for 1.00 s",
    )


def nan_in_place(command):
    command.values[0] = np.nan
    return command, ""


# What a rule of a user's own makes of a command.
FAULTS = {
    "KeyError: 'arm'": lambda command: {}["arm"],
    "expected a command or None, and a reason, got None": lambda command: None,
    "and a reason, got (None, None)": lambda command: (None, None),
    "and a reason, got array([0., 0.])": lambda command: (np.zeros(2), "stopped"),
    "expected finite numbers of shape (2,), got [nan": nan_in_place,
    "expected finite numbers of shape (2,), got [0.]": lambda command: (
        replace(command, values=np.zeros(1)),
        "",
    ),
    "expected finite numbers of shape (2,), got None": lambda command: (
        replace(command, values=None),
        "",
    ),
}


@pytest.mark.parametrize("told", FAULTS)
def test_a_rule_that_fails_lets_nothing_pass(told):
    class Own:
        def apply(self, command, observation, now):
            return FAULTS[told](command)

    given = replace(GOOD, values=np.array([-7.0, 1.0]))
    passed, reason = apply_rules([RULES["limits"], Own(), RULES["answer"]], given, SEEN, 10.0)
    assert passed is None
    assert reason.startswith("outside the limits: left; Own: ")
    assert told in reason
    assert "\n" not in reason


def test_a_rule_makes_no_command_where_none_may_act():
    class Own:
        def apply(self, command, observation, now):
            return GOOD, ""

    passed, reason = apply_rules([RULES["answer"], Own()], None, SEEN, 10.0)
    assert (passed, reason) == (None, "Own: ValueError: expected None where no command may act, "
                                "got [0.5 1. ]")  # fmt: skip


def test_the_latch_keeps_the_newest_and_refuses_what_is_malformed():
    latch = CommandLatch(ACTION)
    for values in ([0.5], [0.5, np.nan], "zz", None):
        with pytest.raises(ValueError, match="action"):
            latch.take(values, 3, 7, 10.0, SEEN)
    with pytest.raises(ValueError, match="answers step 8 of episode 3, but the plant is at step 7"):
        latch.take([0.5, 1.0], 3, 8, 10.0, SEEN)
    assert (latch.newest, latch.refused) == (None, 5)
    assert latch.take([0.5, 1.0], 3, 7, 10.0, SEEN, safe=True)
    assert latch.newest.safe
    for episode, step in ((3, 6), (2, 9)):
        assert not latch.take([0.0, 1.0], episode, step, 10.0, SEEN)
    assert latch.newest.values.tolist() == [0.5, 1.0]
