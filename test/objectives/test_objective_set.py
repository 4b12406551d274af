import math

import numpy as np
import pytest
import torch

from mbrl_ros.core.settings import SettingsError, flatten
from mbrl_ros.core.spaces import Space
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.objectives.objective_set import ObjectiveSet
from mbrl_ros.system.schema import checked_nodes

OBSERVATION = Space.of(["x", "pole", "speed"], [-2.0, -1.0, -np.inf], [2.0, 1.0, np.inf])
ACTION = Space.of(["u"], [-1.0], [1.0])
CARTPOLE = {
    "name": "swingup",
    "combine": "product",
    "terms": ["upright", "centered"],
    "upright": {"of": ["pole"], "weight": 0.5, "offset": 0.5},
    "centered": {"type": "tolerance", "of": ["x"], "margin": 2.0},
    "variants": {
        "left": {"centered": {"target": -1.0}},
        "hang": {"upright": {"weight": -0.5}},
        "slow": {
            "combine": "sum",
            "terms": ["upright", "calm"],
            "upright": {"type": "quadratic", "of": ["pole"], "target": 1.0},
            "calm": {"type": "quadratic", "of": ["speed"]},
        },
    },
}


def objectives(tree=CARTPOLE, **more):
    return ObjectiveSet.from_parameters({**flatten(tree), **more}, OBSERVATION, ACTION, 0.04)


def worth(made, x=0.0, pole=0.0, speed=0.0, u=0.0):
    observations = torch.tensor([[x, pole, speed]], dtype=torch.float64)
    return float(made.objective.rewards(observations, torch.tensor([[u]], dtype=torch.float64)))


def test_variants_differ_from_the_base_in_what_they_name():
    made = objectives()
    assert list(made.objectives) == ["swingup", "left", "hang", "slow"]
    assert made.active == "swingup"
    assert worth(made, pole=1.0) == pytest.approx(1.0)
    assert worth(made.select("left"), x=-1.0, pole=1.0) == pytest.approx(1.0)
    assert worth(made.select("left"), pole=1.0) == pytest.approx(0.1 ** (1 / 4))
    assert worth(made.select("hang"), pole=-1.0) == pytest.approx(1.0)
    assert worth(made.select("hang"), pole=1.0) == pytest.approx(0.0)


def test_a_term_of_which_a_variant_names_the_type_is_its_own():
    slow = objectives().select("slow")
    assert set(slow.objective.terms) == {"upright", "calm"}
    # Neither the base's weight and offset nor its product are left.
    assert worth(slow, pole=0.5, speed=3.0) == pytest.approx(-0.25 - 9.0)


def test_a_file_without_variants_has_one_objective():
    made = objectives({"terms": ["a"], "a": {"of": ["x"]}})
    assert list(made.objectives) == ["default"] == [made.active]
    assert made.select("default").objective == made.objective


def test_the_active_one_may_be_named_in_the_file_and_an_objective_alone_is_that_one():
    values = {**flatten(CARTPOLE), "active": "hang"}
    assert objectives(active="hang").active == "hang"
    judge = Objective.from_parameters(values, OBSERVATION, ACTION, 0.04)
    assert judge == objectives().select("hang").objective
    assert judge.settings.name == "hang"


def test_a_change_of_the_base_holds_in_variants_that_do_not_say_otherwise():
    made = objectives().select("left").changed({"upright.offset": 2.0})
    assert made.active == "left"
    assert worth(made, x=-1.0, pole=1.0) == pytest.approx(2.5)
    assert made.objectives["hang"].terms["upright"].settings.offset == 2.0
    assert made.objectives["slow"].terms["upright"].settings.offset == 0.0


def test_a_change_makes_anew_what_it_changes_only():
    before = objectives()
    after = before.changed({"upright.weight": 0.75})
    kept = {
        (name, term)
        for name, made in after.objectives.items()
        for term in made.terms
        if made.terms[term] is before.objectives[name].terms[term]
    }
    left, slow = [("swingup", "centered"), ("left", "centered")], ["upright", "calm"]
    assert kept == {*left, ("hang", "upright"), ("hang", "centered"), *(("slow", t) for t in slow)}
    assert after.objectives["left"].terms["upright"] is after.objectives["swingup"].terms["upright"]
    # True is equal to 1.0, but no number.
    one = objectives(**{"upright.weight": 1.0})
    with pytest.raises(SettingsError, match="upright: parameter 'weight': expected a number"):
        one.changed({"upright.weight": True, "centered.margin": 1.0})


def test_a_change_that_would_do_nothing_is_refused():
    left = objectives().select("left")
    with pytest.raises(
        ValueError, match=r"objective.centered.target: 'left', which is active, has"
    ):
        left.changed({"centered.target": 0.5})
    moved = left.changed({"variants.left.centered.target": 0.5})
    assert worth(moved, x=0.5, pole=1.0) == pytest.approx(1.0)
    both = left.changed({"active": "swingup", "centered.target": 0.5})
    assert worth(both, x=0.5, pole=1.0) == pytest.approx(1.0)


def test_several_changes_hold_together_or_not_at_all():
    made = objectives()
    before = made.objective.digest
    with pytest.raises(ValueError, match=r"objective\.centered: parameter 'target'"):
        made.changed({"upright.offset": 3.0, "active": "hang", "centered.target": math.nan})
    assert (made.objective.digest, made.active) == (before, "swingup")
    after = made.changed({"upright.offset": 3.0, "active": "hang", "centered.target": 1.0})
    assert after.objective.terms["centered"].settings.target == [1.0]
    assert after.objective.terms["upright"].settings.offset == 3.0
    assert after.active == "hang"
    assert made.objective.digest == before


def test_a_variant_that_is_not_active_is_checked_too():
    with pytest.raises(
        ValueError, match=r"objective.variants.left.centered.target: 'x' has the lim"
    ):
        objectives().changed({"variants.left.centered.target": -3.0})


def test_goals_hold_for_the_active_objective_until_another_is_chosen():
    made = objectives().with_goal({"x": 1.0, "pole": 0.5})
    assert made.changed({"upright.weight": 2.0}).objective.goal == {"x": 1.0, "pole": 0.5}
    assert made.objectives["left"].goal == {}
    assert made.select("left").objective.goal == {}
    assert made.select("left").select("swingup").objective.goal == {}
    assert made.select("swingup").objective.goal == {}


def test_the_newest_word_on_a_target_counts():
    made = objectives().with_goal({"x": 1.0, "pole": 0.5}).changed({"centered.target": -1.0})
    assert made.objective.goal == {"pole": 0.5}
    assert made.objective.terms["centered"].settings.target == [-1.0]
    left = objectives().select("left").with_goal({"x": 1.0})
    assert left.changed({"variants.left.centered.target": 0.0}).objective.goal == {}


def test_a_goal_that_no_term_can_have_changes_nothing():
    made = objectives()
    for goal, message in (
        ({"x": 3.0}, "goal 'x'"),
        ({"x": 0.0, "speed": 1.0}, "goal 'speed': no term"),
        ({"u": 0.0}, "unknown dimension 'u'"),
    ):
        with pytest.raises(ValueError, match=message):
            made.with_goal(goal)
    assert made.objective.goal == {}


def test_an_objective_may_be_loaded_while_running():
    made = objectives().load("right", {"centered": {"target": 1.0}})
    assert made.active == "right"
    assert worth(made, x=1.0, pole=1.0) == pytest.approx(1.0)
    again = made.load("right", {"upright": {"weight": 0.0}})
    assert again.objective.terms["centered"].settings.target == [0.0]
    assert again.objective.terms["upright"].settings.weight == 0.0
    with pytest.raises(
        ValueError, match=r"objective.variants.bad.centered: unknown parameter 'tar"
    ):
        made.load("bad", {"centered": {"tarjet": 1.0}})
    assert "bad" not in made.objectives


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"active": "nothing"}, "objective.active: expected one of swingup, left, hang, slow, got"),
        ({"active": 3}, "parameter 'active': expected text"),
        ({"name": ""}, "objective: expected a name for every objective"),
        ({"variants..combine": "sum"}, "objective: expected a name for every objective"),
        ({"variants.swingup.combine": "sum"}, "'swingup' is the name of the base objective"),
        ({"variants.left": 1.0}, "unknown parameter 'variants.left'"),
        ({"variants.left.name": "right"}, "unknown parameter 'variants.left.name'"),
        ({"variants.left.tall.weight": 1.0}, "objective.variants.left: unknown parameter 'tall'"),
        ({"variants.left.terms": ["new"]}, "objective.variants.left: unknown parameter 'centered'"),
        ({"variants.hang.terms": ["new"]}, "objective.variants.hang: unknown parameter 'upright'"),
        ({"variants.x.terms": ["new"]}, "objective.variants.x.new.of: expected at least one"),
        ({"variants.x.terms": 3}, "objective.variants.x: parameter 'terms': expected a list"),
        ({"variants.x.upright.type": "cosine"}, "objective.variants.x.upright.of: expected at"),
        ({"upright.of": ["nothing"]}, "objective.upright.of: unknown dimension 'nothing'"),
    ],
)
def test_books_that_make_no_sense_are_refused_by_name(values, message):
    with pytest.raises(ValueError, match=message) as refusal:
        objectives(**values)
    assert "\n" not in str(refusal.value)
    with pytest.raises(ValueError, match=message):
        objectives().changed(values)


def test_a_file_with_a_wrong_variant_is_refused():
    values = {f"objective.{n}": v for n, v in flatten(CARTPOLE).items()}
    checked_nodes({"mpc_controller": values}, "f")
    values["objective.variants.left.centered.targe"] = 1.0
    with pytest.raises(SettingsError, match=r"^f: mpc_controller: objective\.variants\.left\.cent"):
        checked_nodes({"mpc_controller": values}, "f")


def test_parameters_are_the_base_whole_and_of_variants_what_these_name():
    listed = objectives(active="left").parameters
    names = [n for n in listed if n.startswith("variants.left.")]
    assert names == ["variants.left.centered.target"]
    assert "variants.slow.calm.weight" in listed
    assert "variants.slow.upright.offset" in listed
    assert "variants.hang.upright.offset" not in listed
    assert listed["centered.margin"][1] == 2.0
    # One number is a number, not a list.
    assert listed["centered.target"][1] == 0.0
    assert listed["active"][1] == "left"
    assert listed["active"][0].choices == ("swingup", "left", "hang", "slow")
    for spec, value in listed.values():
        assert spec.check(value) == value
        assert spec.description
    live = {n for n, (spec, _) in listed.items() if spec.live and n.startswith("centered.")}
    assert {"centered.weight", "centered.target", "centered.margin"} <= live
    assert not live & {"centered.type", "centered.of"}


def test_parameters_make_the_same_book_again():
    made = objectives(active="slow", **{"centered.target": [0.5]})
    again = ObjectiveSet.from_parameters(
        {name: value for name, (_, value) in made.parameters.items()}, OBSERVATION, ACTION, 0.04
    )
    assert again.objectives == made.objectives
    assert again.active == made.active


def test_random_changes_leave_one_whole_objective_or_the_one_before():
    rng = np.random.default_rng(0)
    made, refusals = objectives(), []
    names = ["upright.weight", "centered.target", "variants.left.centered.target", "active", "goal"]
    values = [0.5, -1.0, 2.5, math.nan, math.inf, 1e30, "left", "hang", "swingup", "nowhere"]
    for _ in range(400):
        name, value = names[rng.integers(len(names))], values[rng.integers(len(values))]
        before = made.objective.digest
        try:
            if name == "goal":
                made = made.with_goal({"x": value if isinstance(value, float) else 9.0})
            else:
                made = made.changed({name: value})
        except ValueError as error:
            refusals.append(str(error))
            assert made.objective.digest == before
        assert math.isfinite(worth(made))
    assert 100 < len(refusals) < 350
    for refusal in refusals:
        assert any(word in refusal for word in ("upright", "centered", "active", "goal 'x'"))
