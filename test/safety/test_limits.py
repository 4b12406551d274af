"""Limits of states and commands: what is not forbidden passes, what is forbidden never happens."""

from dataclasses import replace

import numpy as np
import pytest

from mbrl_ros.core.limits import LimitSettings
from mbrl_ros.core.records import Observation
from mbrl_ros.core.spaces import Space
from mbrl_ros.safety.changes import Sent
from mbrl_ros.safety.command_latch import ReceivedCommand
from mbrl_ros.safety.limits import limit_rules
from mbrl_ros.safety.rules import apply_rules
from mbrl_ros.safety.within import KeepsWithin

PERIOD = 0.02
PLANE = Space.of(["x", "y", "vx", "vy"])
PUSHES = Space.of(["push_x", "push_y"], [-2.0, -2.0], [2.0, 2.0])
DISC = "0.5 - sqrt(x**2 + y**2)"
MOVES = {"moves": ["x", "y"], "velocities": ["vx", "vy"]}


def settings(command, **values):
    velocities = {"velocities": MOVES["velocities"]} if command == "effort" else {}
    return LimitSettings(command=[command], moves=MOVES["moves"], **velocities, **values)


def rules_of(limits, observation=PLANE, action=PUSHES, sent=None):
    return limit_rules(limits, observation, action, PERIOD, sent or Sent())


def judged(rules, state, values, step=1):
    seen = Observation(0, step, np.array(state, float))
    command = ReceivedCommand(np.array(values, float), 0, step, 0.0)
    return apply_rules(rules, command, seen, 0.0)


def moved(command, state, u):
    """What the plant makes of a command within a period: a servo, a drive, a mass of 1 kg."""
    x, v = state[:2], state[2:]
    if command == "position":
        v = (u - x) / PERIOD
        v /= max(1.0, abs(v).max())
    elif command == "velocity":
        v = u
    else:
        v = v + PERIOD * u
    return np.concatenate([x + PERIOD * v, v])


def drive(command, limits, start, goal, steps=600):
    """Push as hard as possible towards a goal, not quite steadily; return all states."""
    rules, rng = rules_of(limits), np.random.default_rng(0)
    state, states, changed = np.array([*start, 0.0, 0.0]), [], 0
    for step in range(steps):
        wish = np.array(goal) + 0.1 * rng.normal(size=2)
        if command != "position":
            wish = np.clip(5.0 * (wish - state[:2]) - state[2:], -2.0, 2.0)
        passed, reason = judged(rules, state, wish, step)
        changed += bool(reason)
        u = np.zeros(2) if passed is None else passed.values
        if command == "effort" and passed is None:
            u = -2.0 * state[2:]
        state = moved(command, state, np.clip(u, -2.0, 2.0))
        states.append(state)
    assert changed > 20
    return np.array(states)


@pytest.mark.parametrize("command", ["position", "velocity", "effort"])
def test_a_box_is_never_left_and_its_corner_is_reached(command):
    braking = {"braking": 8.0, "foresight": 1.0} if command == "effort" else {}
    limits = settings(
        command, of=["x", "y"], low=[-1.0, -0.5], high=[1.0, 0.5], margin=[0.05], **braking
    )
    states = drive(command, limits, (0.0, 0.0), (1.5, -1.5))
    assert states[:, 0].max() <= 1.0
    assert states[:, 1].min() >= -0.5
    # The margin is used up by nothing but what the law cannot see: a step of inertia.
    assert 0.85 < states[:, 0].max() < 0.96
    assert -0.46 < states[:, 1].min() < -0.35


@pytest.mark.parametrize("command", ["position", "velocity", "effort"])
def test_a_forbidden_disc_is_never_entered_and_is_gone_around(command):
    braking = {"braking": 8.0, "foresight": 1.5} if command == "effort" else {}
    limits = settings(command, forbidden=[DISC], **braking)
    states = drive(command, limits, (-1.5, 0.2), (1.5, -0.1), steps=1500)
    # With an effort nothing is known of the mass: it takes a margin.
    least = 0.49 if command == "effort" else 0.5
    assert np.hypot(states[:, 0], states[:, 1]).min() >= least
    assert np.hypot(states[:, 0], states[:, 1]).min() < 0.7
    assert states[:, 0].max() > 0.6


def test_a_target_on_the_other_side_is_not_gone_to_straight_through():
    rules = rules_of(settings("position", forbidden=[DISC]))
    passed, reason = judged(rules, [-0.8, 0.0, 0.0, 0.0], [1.5, 0.0])
    assert reason == f"kept: {DISC} <= 0"
    ways = np.linspace([-0.8, 0.0], passed.values, 50)
    assert np.hypot(*ways.T).min() >= 0.5 - 1e-6


def test_a_velocity_is_limited_as_such():
    limits = LimitSettings(
        command=["effort"], velocities=["vx", "vy"], of=["vx"], low=[-0.3], high=[0.3], braking=5.0
    )
    states = drive("effort", limits, (0.0, 0.0), (1.5, 1.5), steps=200)
    assert 0.25 < states[:, 2].max() <= 0.3
    drives = LimitSettings(
        command=["velocity"], velocities=["vx", "vy"], of=["vx", "vy"], high=[0.3]
    )
    passed, _ = judged(rules_of(drives), [0.0] * 4, [2.0, -2.0])
    np.testing.assert_allclose(passed.values, [0.3, -2.0])


@pytest.mark.parametrize("command", ["position", "velocity", "effort"])
def test_from_beyond_only_the_way_back_passes(command):
    rules = rules_of(settings(command, of=["x"], low=[-1.0], high=[1.0], braking=1.0))
    passed, reason = judged(rules, [1.2, 0.0, 0.0, 0.0], [2.0, 0.7])
    assert "kept: x <= 1" in reason
    least = 1.0 if command == "position" else 0.0
    assert passed.values[0] <= least + 1e-9
    assert passed.values[1] == 0.7
    back = [0.5, 0.0] if command == "position" else [-2.0, 0.0]
    assert judged(rules, [1.2, 0.0, 0.0, 0.0], back)[0].values.tolist() == back


def test_what_no_action_moves_lets_nothing_pass_before_it_is_left():
    rules = rules_of(LimitSettings(of=["y"], high=[1.0], foresight=0.1))
    ys = {0.0: True, 0.1: True, 0.55: False, 0.56: True, 1.01: False, 0.99: True}
    for step, (y, passes) in enumerate(ys.items()):
        passed, reason = judged(rules, [0.0, y, 0.0, 0.0], [1.0, 1.0], step)
        assert (passed is not None) == passes, (y, reason)
    still = rules_of(LimitSettings(of=["y"], high=[1.0]))
    assert judged(still, [0.0, 1.01, 0.0, 0.0], [0.0, 0.0]) == (None, "not kept: y <= 1")
    assert judged(still, [0.0, 0.99, 0.0, 0.0], [0.0, 0.0])[1] == ""


def test_where_a_formula_is_not_defined_nothing_passes():
    for text in ("sqrt(x)", "1/x", "log(x)", "x**0.5", "min(exp(1000*y), 1) - 2"):
        rules = rules_of(settings("velocity", forbidden=[text]))
        passed, reason = judged(rules, [-1.0 if "1/" not in text else 0.0, 1.0, 0, 0], [0.0, 0.0])
        assert (passed, reason) == (None, f"not known: {text} <= 0")


def test_limits_that_contradict_each_other_let_nothing_pass():
    rules = rules_of(settings("position", forbidden=["x + 1", "1 - x"]))
    passed, reason = judged(rules, [0.0] * 4, [0.0, 0.0])
    assert passed is None
    assert "contradict each other" in reason


def test_a_command_changes_by_no_more_than_its_rate_and_that_by_no_more_than_the_jerk():
    sent = Sent()
    rules = rules_of(LimitSettings(rate=[5.0], jerk=[100.0, 50.0]), sent=sent)
    sent.begin(np.zeros(2))
    values = [np.zeros(2)]
    for step in range(60):
        wish = [2.0, -2.0] if step < 30 else [-2.0, 2.0]
        passed, _ = judged(rules, [0.0] * 4, wish, step)
        sent.note(step, passed.values)
        values.append(passed.values)
    changes = np.diff(values, axis=0)
    assert abs(changes).max() <= 5.0 * PERIOD + 1e-12
    assert abs(changes).max() >= 5.0 * PERIOD - 1e-12
    assert (abs(np.diff(changes[1:], axis=0)).max(axis=0) <= [0.04 + 1e-12, 0.02 + 1e-12]).all()
    # A second answer to a step stands in place of the first; a missing one leaves time for more.
    base = sent.before(60)[-1][1]
    for _ in range(3):
        passed, reason = judged(rules, [0.0] * 4, base + np.array([1.0, 0.0]), 62)
        sent.note(62, passed.values)
    assert reason.startswith("changed too fast: push_x")
    assert passed.values[0] - base[0] <= 3 * 5.0 * PERIOD + 1e-12


@pytest.mark.parametrize("before", [[], [58]])
def test_a_long_silence_leaves_no_time_for_a_jump(before):
    sent = Sent()
    rules = rules_of(LimitSettings(rate=[1.0], jerk=[1000.0]), sent=sent)
    sent.begin(np.zeros(2))
    for step in [*before, 59]:
        sent.note(step, np.zeros(2))
    passed, reason = judged(rules, [0.0] * 4, [2.0, -2.0], 159)
    assert passed.values.tolist() == pytest.approx([3 * 1.0 * PERIOD, -3 * 1.0 * PERIOD])
    assert reason == "changed too fast: push_x, push_y"


def test_a_target_stays_near_to_where_the_joint_is():
    rules = rules_of(settings("position", reach=[0.1]))
    passed, reason = judged(rules, [0.5, -0.5, 0, 0], [2.0, -0.45])
    np.testing.assert_allclose(passed.values, [0.6, -0.45])
    assert reason == "target too far: push_x"


@pytest.mark.parametrize(
    ("changed", "by"),
    [
        ({}, ""),
        ({"low": [-0.5, -1.0], "high": [1.0, 0.5], "rate": [2.0, 1.0], "jerk": [3.0]}, ""),
        ({"margin": [0.1], "forbidden": [DISC, "x - 0.5"], "reach": [0.1]}, ""),
        ({"low": [-1.0, -1.5]}, "limits.low, limits.high or limits.margin of y"),
        ({"high": []}, "limits.low, limits.high or limits.margin of x"),
        # What is narrower in one respect may be wider in another.
        ({"low": [-0.5, -1.0], "high": [1.1]}, "limits.low, limits.high or limits.margin of x"),
        ({"margin": [0.0]}, "limits.low, limits.high or limits.margin of x"),
        ({"forbidden": ["x - 0.5"]}, f"limits.forbidden without '{DISC}'"),
        ({"rate": [2.0, 3.0]}, "limits.rate of push_y"),
        ({"rate": []}, "limits.rate of push_x"),
    ],
)
def test_limits_are_wider_that_allow_anything_more(changed, by):
    now = LimitSettings(
        of=["x", "y"], low=[-1.0], high=[1.0], margin=[0.05], forbidden=[DISC], rate=[2.0]
    )
    then = replace(now, **changed)
    assert then.wider_than(now, PLANE, PUSHES.names) == by


def test_the_safe_command_is_nobodys_to_change():
    rules = rules_of(settings("velocity", of=["x"], high=[1.0], rate=[0.1]))
    seen = Observation(0, 1, np.array([2.0, 0, 0, 0]))
    safe = ReceivedCommand(np.array([2.0, 2.0]), 0, 1, 0.0, safe=True)
    assert apply_rules(rules, safe, seen, 0.0) == (safe, "")


def test_what_is_not_limited_passes_as_the_very_same():
    assert rules_of(LimitSettings()) == []
    rules = rules_of(settings("effort", of=["x"], low=[-1.0], high=[1.0], forbidden=[DISC],
                              rate=[1e3], jerk=[1e6]))  # fmt: skip
    seen = Observation(0, 1, np.array([0.7, 0.0, 0.0, 0.0]))
    command = ReceivedCommand(np.array([0.123456789, -1.0]), 0, 1, 0.0)
    passed, reason = apply_rules(rules, command, seen, 0.0)
    assert passed is command
    assert reason == ""


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"of": ["z"]}, "limits.of: unknown dimension 'z': expected one of x, y, vx, vy"),
        ({"of": ["x", "x"]}, "limits.of: 'x' appears more than once"),
        ({"of": ["x"], "low": [1.0, 2.0]}, "limits.low: expected one number, or one for each of x"),
        ({"of": ["x"], "low": [float("nan")]}, r"limits.low: expected numbers, got \[nan\]"),
        ({"low": [1.0, 2.0]}, "limits.low: expected one number, or one for each of none, got 2"),
        (
            {"of": ["x"], "low": [-1.0], "high": [1.0], "margin": [1.0]},
            r"limits: 'x': expected low \+ margin < high - margin, got -1, 1 and the margin 1",
        ),
        ({"forbidden": ["x +"]}, "limits.forbidden: expected a formula, got 'x \\+'"),
        ({"forbidden": ["q - 1"]}, "limits.forbidden: 'q - 1': unknown dimension 'q'"),
        ({"forbidden": ["__import__('os')"]}, "limits.forbidden: .* is not allowed"),
        ({"command": ["effort"] * 3}, "limits.command: expected one word, or one for each of push"),
        (
            {"command": ["velocity"]},
            "limits.moves: expected the observation dimension that 'push_x'",
        ),
        (
            {"command": ["effort"], "moves": ["x", "y"]},
            "limits.velocities: expected the velocity of what 'push_x' moves",
        ),
        ({"moves": ["x"]}, "limits.moves: expected one name for each of push_x, push_y, got 1"),
        ({"moves": ["x", "q"]}, "limits.moves: unknown dimension 'q'"),
        ({"rate": [1.0] * 3}, "limits.rate: expected one number, or one for each of push_x"),
        ({"reach": [0.1]}, "limits.reach: expected limits.command: position, got none"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(values, message):
    with pytest.raises(ValueError, match=message):
        rules_of(LimitSettings(**values))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, False),
        ({"of": ["x"]}, False),  # neither end is said
        ({"model": "bare.xml"}, False),  # its joints have no ranges, or other names
        ({"model": "ranged.xml"}, True),
        ({"of": ["x"], "high": [1.0]}, True),
        ({"forbidden": [DISC]}, True),
    ],
)
def test_limits_that_forbid_nothing_bound_no_states(tmp_path, values, expected):
    for name, limited in (("bare.xml", ""), ("ranged.xml", 'range="-1 1" limited="true"')):
        joint = f'<joint name="x" type="slide" {limited}/>'
        body = f'<body>{joint}<geom size="0.1"/></body>'
        (tmp_path / name).write_text(f"<mujoco><worldbody>{body}</worldbody></mujoco>")
    if "model" in values:
        values = {"model": str(tmp_path / values["model"])}
    assert LimitSettings(**values).bound_states(PLANE) is expected


def test_a_choice_has_no_rate():
    choice = Space.of(["gear"], [0.0], [3.0], discrete=["gear"])
    with pytest.raises(
        ValueError, match=r"limits\.rate and limits\.jerk: expected none, since 'gear'"
    ):
        rules_of(LimitSettings(rate=[1.0]), action=choice)


def test_barriers_hold_from_anywhere_within():
    """From 200 random states with random wishes, one step never leads beyond."""
    rng = np.random.default_rng(1)
    limits = settings("velocity", of=["x", "y"], low=[-1.0], high=[1.0], forbidden=[DISC])
    rule = KeepsWithin(limits, PLANE, PUSHES, PERIOD)
    wide = replace(PUSHES, low=(-200.0, -200.0), high=(200.0, 200.0))
    strong = KeepsWithin(limits, PLANE, wide, PERIOD)
    for each, most in ((rule, 2.0), (strong, 200.0)):
        for step in range(100):
            state = np.array([*rng.uniform(-1, 1, 2), 0.0, 0.0])
            if np.hypot(*state[:2]) < 0.5:
                continue
            passed, _ = judged([each], state, rng.uniform(-most, most, 2), step)
            after = state[:2] + PERIOD * (np.zeros(2) if passed is None else passed.values)
            assert np.hypot(*after) >= 0.5 - 1e-9
            assert abs(after).max() <= 1.0 + 1e-9
