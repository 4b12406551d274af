import math

import numpy as np
import pytest
import torch

from mbrl_ros.core.spaces import Space
from mbrl_ros.models.imagined import Imagined
from mbrl_ros.objectives.objective import Objective

PERIOD = 0.1
OBSERVATION = Space.of(
    ["x", "y", "yaw"], [-2.0, -np.inf, -np.inf], [2.0, np.inf, np.inf], angles=["yaw"]
)
ACTION = Space.of(["u"], [-1.0], [1.0])


def objective(**parameters):
    """Make an objective; `__` stands for the dot in a parameter's name."""
    values = {name.replace("__", "."): value for name, value in parameters.items()}
    return Objective.from_parameters(values, OBSERVATION, ACTION, PERIOD)


def worth(judge, x=0.0, y=0.0, yaw=0.0, u=0.0):
    return float(judge.rewards(torch.tensor([[x, y, yaw]]), torch.tensor([[u]])))


def test_terms_add_up_or_multiply():
    terms = {
        "terms": ["a", "b"],
        "a__of": ["x"], "a__weight": 2.0, "a__offset": 1.0,
        "b__of": ["u"], "b__type": "quadratic", "b__weight": 0.5,
    }  # fmt: skip
    # a = 1 + 2 * 3, b = -0.5 * 0.5 ** 2
    assert worth(objective(**terms), x=3.0, u=0.5) == pytest.approx(7.0 - 0.125)
    assert worth(objective(**terms, combine="product"), x=3.0, u=0.5) == pytest.approx(-0.875)


def test_each_term_is_told_by_name():
    judge = objective(terms=["far", "effort"], far__of=["x"], effort__of=["u"], effort__weight=-1.0)
    rewards = judge.term_rewards(torch.tensor([[2.0, 0.0, 0.0]]), torch.tensor([[0.5]]))
    assert {name: float(value) for name, value in rewards.items()} == {"far": 2.0, "effort": -0.5}


def test_several_dimensions_enter_by_their_euclidean_norm():
    judge = objective(terms=["d"], d__of=["x", "y", "u"], d__target=1.0)
    assert worth(judge, x=4.0, y=5.0, u=13.0) == pytest.approx(13.0)


def test_a_return_is_the_sum_over_steps_after_the_first_state():
    judge = objective(terms=["a", "b"], a__of=["x"], b__of=["u"], b__weight=10.0)
    trajectory = torch.zeros(2, 3, 5, 3)
    trajectory[:, :, 0, 0] = 1e6  # where it starts is not up to the plan
    trajectory[:, :, 1:, 0] = torch.arange(4.0)
    actions = torch.arange(12.0).reshape(3, 4, 1)
    expected = 6.0 + 10.0 * actions.sum(dim=(1, 2))
    torch.testing.assert_close(judge.score(Imagined(actions, trajectory)), expected)


def test_an_objective_of_actions_only_still_judges_every_candidate():
    judge = objective(terms=["effort"], effort__of=["u"], effort__type="quadratic")
    actions = torch.arange(12.0).reshape(3, 4, 1)
    for caution in (0.0, 1.0):
        judge = objective(terms=["e"], e__of=["u"], e__type="quadratic", caution=caution)
        returns = judge.score(Imagined(actions, torch.zeros(2, 3, 5, 3)))
        torch.testing.assert_close(returns, -(actions**2).sum(dim=(1, 2)))


def test_caution_takes_off_what_the_members_disagree_on():
    trajectory = torch.zeros(4, 1, 2, 3)
    trajectory[:, 0, 1, 0] = torch.tensor([1.0, 2.0, 3.0, 6.0])
    spread = torch.tensor([1.0, 2.0, 3.0, 6.0]).std()
    for caution in (0.0, 2.0, -1.0):
        judge = objective(terms=["a"], a__of=["x"], caution=caution)
        returns = judge.score(Imagined(torch.zeros(1, 1, 1), trajectory))
        torch.testing.assert_close(returns, 3.0 - caution * spread[None])


@pytest.mark.parametrize(
    ("tail", "worth"),
    [
        (1.0, 3.0),
        (0.75, 2.0),
        (0.5, 1.5),
        (0.25, 1.0),
        (0.01, 1.0),
        (0.375, (1.0 + 0.5 * 2.0) / 1.5),
    ],
)
def test_of_the_tail_only_the_least_returns_count(tail, worth):
    trajectory = torch.zeros(4, 1, 2, 3)
    trajectory[:, 0, 1, 0] = torch.tensor([6.0, 2.0, 1.0, 3.0])
    judge = objective(terms=["a"], a__of=["x"], tail=tail)
    imagined = Imagined(torch.zeros(1, 1, 1), trajectory)
    assert judge.score(imagined).tolist() == pytest.approx([worth])
    careful = objective(terms=["a"], a__of=["x"], tail=tail, caution=1.0)
    spread = trajectory[:, 0, 1, 0].std().item()
    assert careful.score(imagined).tolist() == pytest.approx([worth - spread])
    # What one member does not know is not passed over, whichever place it would have had.
    trajectory[0, 0, 1, 0] = math.nan
    assert judge.score(imagined).isnan().all()


def test_one_member_has_nobody_to_disagree_with():
    judge = objective(terms=["a"], a__of=["x"], caution=2.0)
    assert judge.score(Imagined(torch.zeros(3, 1, 1), torch.ones(1, 3, 2, 3))).tolist() == [1.0] * 3


def test_angles_are_judged_the_short_way_round():
    judge = objective(terms=["a"], a__of=["yaw"], a__type="quadratic", a__target=3.0)
    away = 2 * math.pi - 6.0
    assert worth(judge, yaw=-3.0) == pytest.approx(-(away**2), abs=1e-5)
    assert worth(judge, yaw=3.0 + 4 * math.pi) == pytest.approx(0.0, abs=1e-6)
    assert worth(judge, yaw=2.0) == pytest.approx(-1.0, abs=1e-5)


def test_a_dimension_that_is_no_angle_is_not_wrapped():
    judge = objective(terms=["a"], a__of=["y"], a__type="quadratic")
    assert worth(judge, y=2 * math.pi) == pytest.approx(-4 * math.pi**2)


def test_a_cosine_peaks_at_its_target():
    judge = objective(terms=["a"], a__of=["yaw"], a__type="cosine", a__target=1.0)
    assert worth(judge, yaw=1.0) == pytest.approx(1.0)
    assert worth(judge, yaw=1.0 + math.pi) == pytest.approx(-1.0)


def test_a_goal_replaces_the_targets_of_its_dimensions():
    judge = objective(
        terms=["at", "near", "effort", "wall"],
        at__of=["x"], at__type="quadratic", at__target=1.0,
        near__of=["x", "y"], near__type="quadratic", near__target=[1.0, 3.0], near__weight=10.0,
        effort__of=["u"], effort__type="quadratic",
        wall__type="barrier", wall__of=["x"], wall__lower=-2.0, wall__upper=2.0, wall__weight=100.0,
    )  # fmt: skip
    moved = judge.with_goal({"x": -1.0})
    assert worth(judge, x=1.0, y=3.0) == pytest.approx(0.0)
    assert worth(moved, x=-1.0, y=3.0) == pytest.approx(0.0)
    assert worth(moved, x=1.0, y=3.0) == pytest.approx(-4.0 - 40.0)
    # Walls stay where they are.
    assert worth(moved, x=-3.0, y=3.0) == pytest.approx(-4.0 - 40.0 - 100.0)
    # A frozen snapshot: a plan under way keeps its own.
    assert judge.goal == {}


def test_a_later_goal_keeps_what_it_does_not_name():
    judge = objective(terms=["a", "b"], a__of=["x"], b__of=["yaw"], b__type="quadratic")
    both = judge.with_goal({"x": 1.0, "yaw": 0.5}).with_goal({"x": 2.0})
    assert both.goal == {"x": 2.0, "yaw": 0.5}


def test_the_goal_of_an_angle_wraps_too():
    judge = objective(terms=["a"], a__of=["yaw"], a__type="quadratic").with_goal({"yaw": math.pi})
    assert worth(judge, yaw=-math.pi) == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize(
    ("goal", "message"),
    [
        ({"z": 0.0}, "unknown dimension 'z': expected one of x, y, yaw"),
        ({"u": 0.0}, "unknown dimension 'u'"),
        ({"yaw": 0.0}, "goal 'yaw': no term of the objective has a target for it"),
        ({"x": 2.1}, r"goal 'x': expected a number in \[-2, 2\], got 2.1"),
        ({"x": math.nan}, "got nan"),
        ({"y": math.inf}, "got inf"),
        ({"y": -math.inf}, "got -inf"),
        ({"y": "far"}, "got far"),
        ({"y": True}, "got True"),
        ({"y": 1e30}, r"goal 'y': expected a number in \[-1000000, 1000000\], got 1e\+30"),
        ({"y": -1e308}, "got -1e\\+308"),
        ({"x": 0.0, "y": math.nan}, "goal 'y'"),
    ],
)
def test_goals_that_make_no_sense_are_refused(goal, message):
    judge = objective(
        terms=["a", "b", "turning", "wall"], a__of=["x"], b__of=["y"],
        turning__of=["yaw"], turning__change=True,
        wall__type="barrier", wall__of=["yaw"], wall__lower=-1.0, wall__upper=1.0,
    )  # fmt: skip
    with pytest.raises(ValueError, match=message):
        judge.with_goal(goal)
    assert judge.goal == {}


def one(**fields):
    """Parameters of an objective with one term."""
    return {"terms": ["a"], "a__of": ["x"], **{f"a__{name}": v for name, v in fields.items()}}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "objective.terms: expected at least one term"),
        ({"terms": ["a"]}, "objective.a.of: expected at least one dimension"),
        ({"terms": ["a", "a"], "a__of": ["x"]}, "objective.terms: 'a' appears more than once"),
        ({"terms": ["a.b"]}, "objective.terms: 'a.b' is not a valid term name"),
        ({"terms": ["variants"]}, "objective.terms: 'variants' is not a valid term name"),
        (one(of=["z"]), "objective.a.of: unknown dimension 'z'.*x, y, yaw, u"),
        (one(of=["x", "x"]), "objective.a.of: 'x' appears more than once"),
        ({"terms": ["a"], "b__of": ["x"]}, "objective: unknown parameter 'b'"),
        (one(off=1.0), "objective.a: unknown parameter 'off'"),
        (one(type="cubic"), "objective.a: parameter 'type': expected one of linear.*'cubic'"),
        (one(type=3), "objective.a: parameter 'type': expected one of linear"),
        (one(margin=1.0), "objective.a: unknown parameter 'margin'"),
        ({"terms": ["a"], "combine": "min"}, "objective: parameter 'combine': expected one of"),
        ({"term": ["a"]}, "objective: unknown parameter 'term': did you mean 'terms'"),
        ({**one(), "caution": math.nan}, "objective: parameter 'caution': expected a number"),
        (one(weight=math.inf), "objective.a: parameter 'weight': expected a number .*got inf"),
        (one(weight=math.nan), "objective.a: parameter 'weight': expected a number .*got nan"),
        (one(offset=-math.inf), "objective.a: parameter 'offset': expected a number .*got -inf"),
        (one(target=math.inf), "objective.a: parameter 'target': expected a number .*got inf"),
        (one(target="far"), "objective.a: parameter 'target': expected a number .*got 'far'"),
        (one(target=True), "objective.a: parameter 'target': expected a number .*got True"),
        (one(of=["y"], target=1e30), "parameter 'target': expected a number in .*got 1e\\+30"),
        (one(target=[1.0, 2.0]), "objective.a.target: expected one number, .*each of x, got 2"),
        (one(target=2.5), r"objective.a.target: 'x' has the limits \[-2, 2\], got 2.5"),
        (one(of=["y", "x"], target=[9.0, -3.0]), "objective.a.target: 'x' has .*got -3"),
        (one(of=["u"], target=1.5), r"objective.a.target: 'u' has the limits \[-1, 1\], got 1.5"),
        (one(scale=0.0), "objective.a: parameter 'scale': expected a number"),
        (one(type="tolerance", margin=-1.0), "objective.a: parameter 'margin'"),
        (
            one(type="tolerance", lower=1.0, upper=0.0),
            "objective.a.lower: expected at most upper = 0, got 1",
        ),
        (
            one(type="alive", of=["x", "y"], lower=[0.0, 1.0], upper=[1.0, 0.0]),
            "objective.a.lower: expected at most upper = 0, got 1",
        ),
        (one(type="barrier", lower=math.inf), "objective.a.lower: no number lies between inf"),
        (one(type="barrier", lower=[0.0, 1.0]), "objective.a.lower: expected one number"),
        (one(type="barrier", upper=math.nan), "parameter 'upper': expected a number, got nan"),
        (one(type="barrier", target=1.0), "objective.a: unknown parameter 'target'"),
        (one(type="tolerance", value_at_margin=0.0), "objective.a.value_at_margin"),
        (
            one(reference__times=[0.0, 1.0]),
            "objective.a.reference.values: expected 2 values, 1 for",
        ),
        (
            one(reference__times=[1.0, 1.0], reference__values=[0.0, 1.0]),
            "objective.a.reference.times: expected growing times",
        ),
        (
            one(reference__times=[0.0, 1.0], reference__values=[0.0, 1.0], reference__period=0.5),
            "objective.a.reference.period: expected more than the 1 s",
        ),
        (
            one(target=1.0, reference__times=[0.0, 1.0], reference__values=[0.0, 1.5]),
            "objective.a.target: 'x' has .*got 1 to 2.5 with the reference",
        ),
    ],
)
def test_objectives_that_make_no_sense_are_refused_by_name(parameters, message):
    with pytest.raises(ValueError, match=message):
        objective(**parameters)


def test_predictions_that_are_not_numbers_give_returns_that_are_not():
    judge = objective(terms=["a"], a__of=["x"], a__type="tolerance", a__lower=-1.0, a__upper=1.0)
    trajectory = torch.zeros(2, 3, 4, 3)
    trajectory[1, 2, 3, 0] = torch.nan
    assert judge.score(Imagined(torch.zeros(3, 3, 1), trajectory)).isnan().tolist() == [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("far", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("combine", ["sum", "product"])
def test_no_term_hides_what_is_not_finite(far, combine):
    kinds = {
        "linear": {}, "quadratic": {}, "smooth_l1": {}, "cosine": {}, "tolerance": {},
        "wide": {"type": "tolerance", "margin": 1.0, "lower": -math.inf, "upper": 1.0},
        "alive": {"lower": -1.0, "upper": 1.0}, "barrier": {"upper": 1.0},
        "turning": {"type": "quadratic", "change": True},
        "expression": {"expression": "exp(-x * x) + min(x, 0)"},
    }  # fmt: skip
    for name, fields in kinds.items():
        fields = {"type": name, "of": ["x"], **fields}
        if fields["type"] == "expression":
            del fields["of"]
        judge = objective(
            terms=["a", "one"], combine=combine, one__weight=0.0, one__offset=1.0, one__of=["u"],
            **{f"a__{field}": value for field, value in fields.items()},
        )  # fmt: skip
        trajectory = torch.zeros(2, 3, 4, 3)
        trajectory[1, 2, 2, 0] = far
        returns = judge.score(Imagined(torch.zeros(3, 3, 1), trajectory))
        assert returns.isfinite().tolist() == [True, True, False], name


def test_distance_to_a_goal_vector_is_a_linear_term():
    judge = objective(
        terms=["far"], far__of=["x", "y"], far__target=[1.0, -2.0], far__scale=[1.0, 2.0],
        far__weight=-1.0,
    )  # fmt: skip
    assert worth(judge, x=1.0 + 3.0, y=-2.0 + 8.0) == pytest.approx(-5.0)
    assert worth(judge.with_goal({"y": 0.0}), x=1.0, y=0.0) == 0.0


def test_angles_enter_a_norm_the_short_way_round():
    judge = objective(terms=["far"], far__of=["x", "yaw"], far__target=[0.0, 3.0])
    assert worth(judge, x=0.0, yaw=3.0 - 2 * math.pi) == pytest.approx(0.0, abs=1e-5)


def test_an_action_rate_starts_at_the_command_before():
    judge = objective(terms=["rate"], rate__of=["u"], rate__type="quadratic", rate__change=True)
    actions = torch.tensor([[[0.5], [0.2]], [[-1.0], [-1.0]]])
    trajectories = torch.zeros(2, 2, 3, 3)
    first = torch.tensor([(0.5 - 0.1) ** 2, (-1.0 - 0.1) ** 2])
    then = torch.tensor([0.3**2, 0.0])
    known = judge.at(7, [0.1]).score(Imagined(actions, trajectories))
    torch.testing.assert_close(known, -(first + then))
    torch.testing.assert_close(judge.score(Imagined(actions, trajectories)), -then)


def test_the_change_of_an_angle_is_the_short_way_round_and_starts_where_the_plan_does():
    judge = objective(terms=["spin"], spin__of=["yaw"], spin__change=True, spin__scale=PERIOD)
    trajectory = torch.zeros(1, 1, 3, 3)
    trajectory[0, 0, :, 2] = torch.tensor([3.0, -3.0, -2.5])
    expected = ((2 * math.pi - 6.0) + 0.5) / PERIOD
    assert float(judge.score(Imagined(torch.zeros(1, 2, 1), trajectory))) == pytest.approx(
        expected, 1e-5
    )


def test_a_reference_moves_the_target_with_time():
    judge = objective(
        terms=["track"], track__of=["y"], track__target=10.0,
        track__reference__times=[0.0, 0.2, 1.0], track__reference__values=[0.0, 2.0, 10.0],
    )  # fmt: skip
    trajectory = torch.zeros(1, 1, 5, 3)
    values = judge.term_rewards(trajectory[:, :, 1:], torch.zeros(1, 4, 1))["track"]
    torch.testing.assert_close(-values.flatten(), torch.tensor([11.0, 12.0, 13.0, 14.0]))
    # Eight steps of 0.1 s later; after its last point it stays there.
    values = judge.at(8).term_rewards(trajectory[:, :, 1:], torch.zeros(1, 4, 1))["track"]
    torch.testing.assert_close(-values.flatten(), torch.tensor([19.0, 20.0, 20.0, 20.0]))


def test_a_periodic_reference_of_two_dimensions_comes_round_again():
    judge = objective(
        terms=["track"], track__of=["x", "y"], track__type="quadratic",
        track__reference__times=[0.0, 0.2], track__reference__values=[0.0, 5.0, 1.0, 9.0],
        track__reference__period=0.4,
    )  # fmt: skip
    on_track = torch.tensor([[0.5, 7.0], [1.0, 9.0], [0.5, 7.0], [0.0, 5.0], [0.5, 7.0]])
    observations = torch.cat([on_track, torch.zeros(5, 1)], dim=1)
    for step in (0, 4, 4000):
        rewards = judge.at(step).rewards(observations, torch.zeros(5, 1))
        torch.testing.assert_close(rewards, torch.zeros(5), atol=1e-5, rtol=0)
    assert judge.at(1).rewards(observations, torch.zeros(5, 1)).min() < -4.0


def test_a_reference_needs_to_know_the_control_period():
    values = {"terms": ["a"], "a.of": ["x"], "a.reference.times": [0.0]}
    values["a.reference.values"] = [1.0]
    with pytest.raises(ValueError, match=r"objective.a.reference: the control period is not known"):
        Objective.from_parameters(values, OBSERVATION, ACTION)


@pytest.mark.parametrize("combine", ["sum", "product"])
def test_after_leaving_the_set_nothing_is_paid_any_more(combine):
    judge = objective(
        terms=["alive", "bonus"], combine=combine,
        alive__type="alive", alive__of=["x", "y"], alive__lower=[-1.0, -5.0],
        alive__upper=[1.0, 5.0], alive__offset=1.0,
        bonus__of=["yaw"], bonus__weight=0.0, bonus__offset=3.0,
    )  # fmt: skip
    x = torch.tensor([[0.0, 1.0, 1.1, 0.0], [0.0, 0.0, 0.0, 0.0], [-2.0, 0.0, 0.0, 0.0]])
    observations = torch.zeros(3, 4, 3)
    observations[..., 0] = x
    rewards = judge.rewards(observations, torch.zeros(4, 1))
    stays, leaves = (5.0, 4.0) if combine == "sum" else (6.0, 3.0)
    assert rewards.tolist() == [
        [stays, stays, leaves, 0.0], [stays] * 4, [leaves, 0.0, 0.0, 0.0]
    ]  # fmt: skip
    each = judge.term_rewards(observations, torch.zeros(4, 1))
    total = each["alive"] + each["bonus"] if combine == "sum" else each["alive"] * each["bonus"]
    torch.testing.assert_close(total, rewards)


def test_two_sets_are_left_when_the_first_is():
    judge = objective(
        terms=["a", "b"], a__type="alive", a__of=["x"], a__upper=1.0,
        b__type="alive", b__of=["y"], b__upper=1.0,
    )  # fmt: skip
    observations = torch.zeros(4, 3)
    observations[1, 0], observations[2, 1] = 2.0, 2.0
    assert judge.rewards(observations, torch.zeros(4, 1)).tolist() == [2.0, 1.0, 0.0, 0.0]


def everything(**more):
    """Every kind of term in one objective."""
    return objective(
        terms=["a", "b", "c", "d", "e", "f", "g", "h", "i"], caution=0.5,
        a__of=["x", "y"], a__weight=-1.0,
        b__type="quadratic", b__of=["u"], b__change=True,
        c__type="smooth_l1", c__of=["x", "yaw"],
        d__type="cosine", d__of=["yaw"],
        e__type="tolerance", e__of=["x", "y"], e__margin=1.0, e__sigmoid="linear",
        f__type="barrier", f__of=["x", "y"], f__lower=[-1.0, -1.0], f__upper=[1.0, 1.0],
        g__type="alive", g__of=["x"], g__upper=1.5,
        h__type="expression", h__expression="cos(yaw) - 0.1 * abs(y)",
        i__type="tolerance", i__of=["y"], i__margin=1.0, i__lower=0.5, i__upper=2.0,
        **more,
    )  # fmt: skip


def test_gradients_are_those_of_finite_differences():
    torch.manual_seed(0)
    judge = everything().at(3, [0.3])
    trajectories = torch.randn(3, 2, 5, 3, dtype=torch.float64, requires_grad=True)
    actions = torch.randn(2, 4, 1, dtype=torch.float64, requires_grad=True)

    def score(trajectories, actions):
        return judge.score(Imagined(actions, trajectories))

    assert torch.autograd.gradcheck(score, (trajectories, actions))


def test_gradients_are_finite_at_the_target_and_inputs_stay_as_they_were():
    judge = everything()
    trajectories = torch.zeros(3, 2, 5, 3, requires_grad=True)
    actions = torch.zeros(2, 4, 1, requires_grad=True)
    judge.score(Imagined(actions, trajectories)).sum().backward()
    assert trajectories.grad.isfinite().all()
    assert actions.grad.isfinite().all()
    assert not trajectories.any()
    assert not actions.any()


def test_values_are_the_same_with_and_without_gradients_and_in_any_memory_layout():
    judge = everything(combine="product")
    buffer = torch.randn(6, 3, 4, 3)
    trajectories, actions = buffer.permute(1, 2, 0, 3), torch.randn(4, 5, 1)
    plain = judge.score(Imagined(actions, trajectories.contiguous()))
    torch.testing.assert_close(judge.score(Imagined(actions, trajectories)), plain)
    trajectories.requires_grad_()
    torch.testing.assert_close(judge.score(Imagined(actions, trajectories)).detach(), plain)


def test_the_digest_tells_objectives_apart_and_knows_the_same_again():
    fields = {"terms": ["a"], "a__of": ["x"], "a__target": 0.5}
    judge = objective(**fields)
    same = objective(**{**fields, "name": "another name"})
    assert judge.digest == same.digest == judge.at(3, [0.0]).digest
    assert len(judge.digest) == 16
    others = [
        objective(**{**fields, "a__target": 0.6}),
        objective(**{**fields, "a__weight": 2.0}),
        objective(**{**fields, "a__type": "quadratic"}),
        objective(**{**fields, "a__of": ["y"]}),
        objective(**{**fields, "caution": 1.0}),
        objective(**{**fields, "tail": 0.4}),
        judge.with_goal({"x": 0.6}),
        judge.with_goal({"x": 0.7}),
    ]
    assert len({judge.digest, *(other.digest for other in others)}) == 1 + len(others)
    assert judge.with_goal({"x": 0.6}).with_goal({"x": 0.7}).digest == others[-1].digest
