"""What a page shows, from messages."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

from mbrl_ros.web.status import news_html, status_html
from mbrl_ros.web.watched import PAST, Watched, columns


def observation(episode, step, *values):
    return SimpleNamespace(
        episode=episode, step=step, values=values, action=[0.5], reward=1.0, terminated=False,
        truncated=False,
    )  # fmt: skip


def plan(episode, step, mean, std=0.1, objective="swing", candidates=()):
    return SimpleNamespace(
        episode=episode, step=step, horizon=len(mean) - 1, observation_names=["x", "v"],
        observations=np.ravel(mean), observation_stds=np.full(np.size(mean), std),
        expected_return=3.0, objective=objective, candidates=len(candidates),
        candidate_observations=np.ravel(candidates),
    )  # fmt: skip


def controller(delay=0, **fields):
    usual = {
        "state": "active", "source": 0, "reason": "", "ticks": 10, "ticks_late": 1,
        "sources": [10, 0, 0, 0, 0, 0], "planner": "icem", "plan_time_p50": 0.01,
        "plan_time_p99": 0.02, "budget": 0.03, "model_epoch": 1, "model_sequence": 2,
        "model_held": False, "trust": "full", "one_step_z": 1.0, "open_loop_z": 2.0,
        "expected_return": 5.0, "estopped": False, "objective": "swing <up>",
    }  # fmt: skip
    return SimpleNamespace(delay_steps=delay, **{**usual, **fields})


def guard(changed, replaced, state="armed"):
    return SimpleNamespace(
        state=state, reason="", person=False, passed=5, changed=changed, replaced=replaced
    )


@pytest.mark.parametrize("delay", [0, 1, 2])
def test_each_observation_meets_what_was_predicted_for_it(delay):
    watched = Watched()
    watched.feed("ControllerStatus", controller(delay), 0.0)
    for step in range(6):
        watched.feed("Observation", observation(0, step, step, -step), step)
        # It begins where its first action acts, and says the truth and a half.
        begin = step + delay
        rows = [(begin + i + 0.5, -begin - i + 0.5) for i in range(4)]
        watched.feed("Plan", plan(0, step, rows), step)
    time, predicted, observed = watched.observed(0, 6.0)
    assert time.tolist() == [-6, -5, -4, -3, -2, -1]
    assert observed.tolist() == [0, 1, 2, 3, 4, 5]
    known = max(delay, 1)  # before, nothing was predicted: the curve hides below the other
    assert predicted.tolist() == [step + 0.5 * (step >= known) for step in range(6)]


def test_the_plan_lies_ahead_with_the_spread_of_its_members():
    watched = Watched()
    watched.tell({"observation.names": ["x", "v"], "period": 0.1, "real_time_factor": 2.0})
    watched.feed("ControllerStatus", controller(1), 0.0)
    watched.feed("Plan", plan(0, 3, [(1.0, 0.0), (2.0, 0.0), (4.0, 0.0)], std=0.5), 0.0)
    time, low, high, supposed, mean = watched.planned(0)
    assert supposed.tolist() == mean.tolist()  # hides behind it: nobody asked
    assert time == pytest.approx([0.05, 0.1, 0.15])
    assert mean.tolist() == [1, 2, 4]
    assert low.tolist() == [0, 1, 3]
    assert high.tolist() == [2, 3, 5]
    watched.feed("Observation", observation(0, 3, 1.0, 0.0), 0.1)
    watched.feed("Observation", observation(1, 0, 1.0, 0.0), 0.2)
    assert watched.future is None  # of an episode that is over


def test_what_would_be_planned_otherwise_is_shown_beside_the_plan():
    watched = Watched()
    watched.tell({"observation.names": ["x", "v"], "period": 0.1})
    watched.feed("ControllerStatus", controller(), 0.0)
    watched.feed("Plan", plan(0, 3, [(1.0, 0.0), (2.0, 0.0), (4.0, 0.0)]), 0.0)
    watched.feed("WhatIf", plan(0, 3, [(1.0, 0.0), (0.0, 0.0)], objective="<left>"), 0.0)
    *_, supposed, mean = watched.planned(0)
    assert mean.tolist() == [1, 2, 4]
    assert supposed.tolist() == [1, 0, 4]  # a shorter one ends in the other
    assert "&lt;left&gt;: 3" in status_html(watched, 0.0)
    watched.feed("Observation", observation(1, 0, 1.0, 0.0), 0.1)
    assert watched.supposed is None
    other = plan(1, 0, [(1.0, 0.0)])
    other.observation_names = ["y", "z"]
    watched.feed("WhatIf", other, 0.2)
    assert watched.supposed is None


@pytest.mark.parametrize("told", [{"estopped": True}, {"state": "inactive"}])
def test_a_plan_that_nobody_acts_on_is_not_shown(told):
    watched = Watched()
    watched.tell({"observation.names": ["x", "v"], "period": 0.1})
    watched.feed("ControllerStatus", controller(), 0.0)
    watched.feed("Plan", plan(0, 3, [(1.0, 0.0), (2.0, 0.0)]), 0.0)
    watched.feed("ControllerStatus", controller(), 0.1)
    assert watched.future is not None
    watched.feed("ControllerStatus", controller(**told), 0.2)
    assert watched.future is None


def test_a_plant_that_stands_still_is_not_told_as_running():
    watched = Watched()
    watched.feed("ControllerStatus", controller(), 0.0)
    watched.feed("Observation", observation(0, 3, 1.0, 0.0), 0.0)
    assert "running" in status_html(watched, 1.0)
    # Paused, it repeats itself.
    watched.feed("Observation", observation(0, 3, 1.0, 0.0), 3.0)
    assert "the plant stands still for 4 s" in status_html(watched, 4.0)
    assert "running" not in status_html(watched, 4.0)
    watched.feed("Observation", observation(0, 4, 1.0, 0.0), 4.1)
    assert "running" in status_html(watched, 5.0)


def test_spaces_are_known_from_the_controllers_parameters():
    watched = Watched()
    told = {
        "observation.names": ["x", "v"], "observation.low": [-2.0, -9.0],
        "observation.high": [2.0, 9.0], "action.names": ["push"], "action.low": [-1.0],
        "action.high": [1.0], "planner.horizon": 5, "observation.images": None,
    }  # fmt: skip
    watched.tell(told)
    assert watched.observation_space.high == (2.0, 9.0)
    assert watched.action_space.names == ("push",)
    watched.tell({**told, "action.low": ["nonsense"]})
    assert watched.action_space is None
    assert watched.names == ("x", "v")


def test_targets_follow_whoever_changes_the_objective():
    watched = Watched()
    watched.tell({"observation.names": ["x", "v"]})
    assert watched.targets == {}
    there = {"type": "tolerance", "of": ["x"], "target": [0.5], "change": False,
             "weight": 1.0}  # fmt: skip
    for goal, target in (({}, 0.5), ({"x": -1.0}, -1.0)):
        content = json.dumps({"terms": {"there": there}, "goal": goal})
        watched.feed("Objective", SimpleNamespace(content=content), 0.0)
        assert watched.targets == {"x": target}
    window = {**there, "lower": [0.0], "upper": [0.2]}
    content = json.dumps({"terms": {"there": window}, "goal": {}})
    watched.feed("Objective", SimpleNamespace(content=content), 0.0)
    assert watched.targets == {"x": pytest.approx(0.6)}
    assert watched.goal_for({"x": 1.0}) == {"x": pytest.approx(0.9)}
    watched.feed("Objective", SimpleNamespace(content="{}"), 0.0)
    assert watched.targets == {}


def test_each_camera_has_its_newest_frame():
    watched = Watched()
    for kind, camera, data in (
        ("Frame", "front", 1), ("Frame", "wrist", 2), ("Frame", "front", 3),
        ("Reconstruction", "front", 4), ("Reconstruction", "unknown", 5),
    ):  # fmt: skip
        watched.feed(kind, SimpleNamespace(camera=camera, data=data), 0.0)
    assert {name: frame.data for name, frame in watched.frames.items()} == {"front": 3, "wrist": 2}
    assert {name: frame.data for name, frame in watched.reconstructions.items()} == {"front": 4}
    for i in range(100):  # a stranger's names fill nothing up
        watched.feed("Frame", SimpleNamespace(camera=f"camera {i}", data=i), 0.0)
    assert len(watched.frames) == 16


def test_the_past_is_as_long_as_it_is_shown():
    watched = Watched()
    for step in range(100):
        watched.feed("Observation", observation(0, step, step, 0), step)
    time, _, _ = watched.observed(0, 99.0)
    assert time[0] > -PAST
    assert time[-1] == 0


def test_repeated_observations_count_once():
    watched = Watched()
    for _ in range(3):
        watched.feed("Observation", observation(0, 7, 1.0, 0.0), 1.0)
    assert len(watched.observed(0, 1.0)[0]) == 1


def test_the_guards_counts_become_rates_also_when_it_is_restarted():
    watched = Watched()
    for now, changed, replaced in ((0, 5, 0), (1, 7, 0), (3, 7, 4), (4, 1, 0)):
        watched.feed("GuardStatus", guard(changed, replaced), now)
    time, changed, replaced = watched.guarded(4.0)
    assert time.tolist() == [-3, -1, 0]
    assert changed.tolist() == [2, 0, 0]
    assert replaced.tolist() == [0, 2, 0]


def test_curves_have_no_gaps():
    nan = float("nan")
    at, *nothing = columns([], 3)
    assert at.tolist() == [0]
    assert all(len(column) == 1 and np.isnan(column).all() for column in nothing)
    made = columns([(0.0, nan, 1.0), (1.0, 2.0, nan), (2.0, float("inf"), 3.0)], 3)
    assert [c.tolist() for c in made] == [[0, 2], [1, 3], [1, 3]]


def test_a_plan_without_named_dimensions_is_none():
    watched = Watched()
    empty = plan(0, 0, np.empty((1, 0)))
    empty.horizon = 5
    watched.feed("Plan", empty, 0.0)
    assert watched.future is None


@pytest.mark.parametrize("field", ["observations", "observation_stds"])
@pytest.mark.parametrize("size", [0, 1, 3, 7])
def test_a_plan_of_another_size_than_it_says_is_none(field, size):
    for kind in ("Plan", "WhatIf"):
        watched = Watched()
        watched.tell({"observation.names": ["x", "v"]})
        strange = plan(0, 0, [(1.0, 0.0), (2.0, 0.0)])
        setattr(strange, field, np.ones(size))
        watched.feed(kind, strange, 0.0)
        assert watched.future is None
        assert watched.supposed is None


def test_candidates_of_another_number_or_size_than_they_say_are_none():
    mean = [(1.0, 0.0), (2.0, 0.0)]
    watched = Watched()
    watched.feed("Plan", plan(0, 0, mean, candidates=[mean, np.negative(mean)]), 0.0)
    assert watched.future.candidates.tolist() == [[[1, 0], [2, 0]], [[-1, 0], [-2, 0]]]
    for strange in ([], np.ones(3), np.ones(12)):
        message = plan(0, 0, mean, candidates=[mean, mean])
        message.candidate_observations = strange
        watched.feed("Plan", message, 0.0)
        assert watched.future.candidates.shape == (0, 2, 2)


def test_the_state_in_words_is_escaped():
    watched = Watched()
    assert "waiting for a controller" in status_html(watched, 0.0)
    assert news_html(watched, 0.0) == ""
    watched.feed("ControllerStatus", controller(reason="<script>"), 0.0)
    watched.feed("GuardStatus", guard(1, 2), 0.0)
    watched.feed("Intervention", SimpleNamespace(reason="too <fast>"), 0.0)
    entry = SimpleNamespace(name="a", message="<b>", level=b"\x01")
    watched.feed("DiagnosticArray", SimpleNamespace(status=[entry]), 0.0)
    text = status_html(watched, 1.0)
    for told in (
        "running",
        "swing &lt;up&gt;",
        "&lt;script&gt;",
        "too &lt;fast&gt;",
        "a: &lt;b&gt;",
    ):
        assert told in text
    news = news_html(watched, 1.0)
    for told in ("&lt;script&gt;", "too &lt;fast&gt;", "a: &lt;b&gt;"):
        assert told in news
    assert "<script>" not in text + news


def test_what_is_said_moves_nothing_that_lies_below():
    def heights(watched):
        return re.findall(r"<tr|<div|<br|height:[^;]*", status_html(watched, 1.0))

    calm, busy = Watched(), Watched()
    for watched, much in ((calm, ""), (busy, "very much " * 50)):
        watched.tell({"observation.names": ["x", "v"], "period": 0.1})
        watched.feed("ControllerStatus", controller(reason=much), 0.0)
        watched.feed("GuardStatus", guard(0, 0), 0.0)
    busy.guard.reason = much
    for i in range(4):
        busy.feed("Intervention", SimpleNamespace(reason=f"{i} {much}"), 0.0)
        entry = SimpleNamespace(name=f"{i} {much}", message=much, level=b"\x02")
        busy.feed("DiagnosticArray", SimpleNamespace(status=[entry]), 0.0)
    busy.feed("WhatIf", plan(0, 3, [(1.0, 0.0), (0.0, 0.0)], objective=much), 0.0)
    assert heights(busy) == heights(calm)
    assert news_html(busy, 1.0).count(much) == 1 + 2 * 4 + 4


@pytest.mark.parametrize("of", ["controller", "guard"])
def test_an_estop_is_told_whoever_says_it(of):
    watched = Watched()
    watched.feed("ControllerStatus", controller(estopped=of == "controller"), 0.0)
    told = guard(0, 0, "stopped" if of == "guard" else "armed")
    told.reason = "a <button>"
    watched.feed("GuardStatus", told, 0.0)
    text = status_html(watched, 0.0)
    assert "E-STOPPED" in text
    assert ": a &lt;button&gt;" in text
