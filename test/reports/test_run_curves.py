"""The monitor's messages as curves."""

import math

import pytest
from support.events import read_scalars, read_texts

from mbrl_ros.reports.curves import Curves
from mbrl_ros.reports.metrics import RunMetrics
from mbrl_ros.reports.run_curves import RunCurves

from . import messages as m


def write(run_dir, messages):
    """Feed messages as the monitor does, and return the curves."""
    metrics = RunMetrics(action_repeat=4)
    follower = RunCurves(metrics, Curves(run_dir, pytest.fail))
    for message in messages:
        metrics.feed(m.kind_of(message), message, 1.0)
        follower.feed(m.kind_of(message), message)
    follower.curves.close()
    return read_scalars(run_dir / "tensorboard")


def episode(number, steps, reward=2.0):
    return [m.observation(number, step, reward, ended=step == steps) for step in range(steps + 1)]


def test_what_the_messages_say_is_shown_over_the_environment_s_steps(tmp_path):
    scalars = write(
        tmp_path,
        [
            *episode(0, 10),
            m.action(),
            m.transition(0),
            m.training_status(10, sequence=3, error=0.25),
            m.controller_status(50, 2, (40, 0, 0, 10, 0, 0), model=(1, 3)),
            *episode(1, 5),
            m.controller_status(5, 1, (5, 0, 0, 0, 0, 0), model=(1, 4)),  # started again
            m.training_status(15, sequence=4, error=math.nan),
        ],
    )
    assert scalars["episode/return"] == [(40, 20.0), (60, 10.0)]
    assert scalars["episode/length"] == [(40, 10.0), (60, 5.0)]
    assert scalars["holdout/open_loop_error"] == [(40, 0.25)]
    assert scalars["data/transitions"] == [(40, 10.0), (60, 15.0)]
    assert scalars["gate/models_published"] == [(40, 3.0), (60, 4.0)]
    assert scalars["control/plan_time_p50"] == [(s, pytest.approx(0.02)) for s in (40, 60)]
    assert scalars["control/plan_time_p99"] == [(s, pytest.approx(0.03)) for s in (40, 60)]
    assert scalars["control/delay_steps"] == [(40, 1.0), (60, 1.0)]
    assert scalars["control/ticks"] == [(40, 50.0), (60, 55.0)]
    assert scalars["control/ticks_late"] == [(40, 2.0), (60, 3.0)]
    assert scalars["control/model_sequence"] == [(40, 3.0), (60, 4.0)]
    assert scalars["source/planned"] == [(40, 40.0), (60, 45.0)]
    assert scalars["source/exploration"] == [(40, 10.0), (60, 10.0)]


def test_a_decision_of_the_gate_is_told_once(tmp_path):
    decisions = ("held back", "held back", "published", "held back")
    write(tmp_path, [*episode(0, 1), *(m.training_status(1, gate=words) for words in decisions)])
    told = read_texts(tmp_path / "tensorboard")["gate/decision"]
    assert told == [(4, "held back"), (4, "published"), (4, "held back")]


def test_an_episode_without_a_reward_has_a_length_only(tmp_path):
    scalars = write(tmp_path, episode(0, 3, reward=math.nan))
    assert scalars == {"episode/length": [(12, 3.0)]}
