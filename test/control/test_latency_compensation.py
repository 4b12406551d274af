import numpy as np
import pytest
import torch
from known import (
    ACTION,
    OBSERVATION,
    SAFE,
    Judge,
    controller,
    exact_model,
    reading,
    step,
)

from mbrl_ros.objectives.objective import Objective


@pytest.mark.parametrize(("told", "hidden"), [(0, 0), (1, 0), (3, 0), (0, 1), (0, 3), (2, 3)])
def test_plans_start_where_the_plant_will_be_when_they_act(told, hidden):
    judge, delay = Judge(), told + hidden
    made = controller(judge=judge, model=False)
    state, states, sent, starts = np.array([0.3, -0.2]), [], [], {}
    for k in range(40):
        states.append(state)
        judge.starts.clear()
        command = made.tick(reading(k, state, action_step=k - 1 - told))
        if judge.starts:
            starts[k] = judge.starts[0]
        if k == 10:
            # Exploration has told the delay; from now on there are plans.
            made.models.offer(exact_model(delay=hidden), 1, 1)
        sent.append(command.values)
        # What was sent in answer to step k acts from step k + delay on.
        acting = sent[k - delay] if k >= delay else np.array(SAFE)
        state = step(state, acting)
    assert (made.known.latency.delay, made.delay) == (told, delay)
    # What the objective is told belongs to the same moment.
    assert judge.moment == (39 + delay, sent[-2].tolist())
    assert len(starts) > 20
    for k, start in starts.items():
        if k + delay < len(states):
            expected = torch.from_numpy(states[k + delay]).float().expand(2, -1)
            torch.testing.assert_close(start, expected, atol=1e-5, rtol=1e-5)


def test_a_delay_that_only_the_model_knows_of_costs_nothing_but_itself():
    there = Objective.from_parameters(
        {"terms": ["speed"], "speed.type": "smooth_l1", "speed.of": ["velocity"],
         "speed.target": 0.5, "speed.scale": 0.1},
        OBSERVATION, ACTION,
    )  # fmt: skip

    def cost(hidden, known):
        made = controller(model=False, judge=there, horizon=12, candidates=64, iterations=6)
        made.models.offer(exact_model(delay=known), 1, 1)
        state, sent, errors = np.array([0.0, 0.0]), [np.array(SAFE)] * hidden, []
        for k in range(60):
            sent.append(made.tick(reading(k, state)).values)
            state = step(state, sent[k])
            errors.append(abs(state[1] - 0.5))
        # Until its first command acts, it can do nothing.
        return sum(errors[hidden:])

    prompt = cost(0, 0)
    for delay in (1, 3):
        assert cost(delay, delay) < 1.1 * prompt
    assert cost(3, 0) > 1.5 * cost(3, 3)


def test_without_compensation_plans_start_where_the_plant_was_seen():
    judge = Judge()
    made = controller(judge=judge, latency_compensation=False)
    for k in range(30):
        judge.starts.clear()
        made.tick(reading(k, [0.1 * k, 0.0], action_step=k - 3))
    assert made.known.latency.delay == 2
    torch.testing.assert_close(judge.starts[0], torch.tensor([2.9, 0.0]).expand(2, -1))


def test_with_a_delay_a_plan_begins_where_its_first_action_acts():
    judge = Judge()
    made = controller(judge=judge)
    for k in range(6):
        judge.starts.clear()
        made.tick(reading(k, [1.0, 2.0], action_step=k - 2))
    torch.testing.assert_close(made.planned.trajectory()[:, 0], judge.starts[0])
