import math

import numpy as np
import pytest
import torch

from mbrl_ros.core.spaces import Space
from mbrl_ros.models.imagined import Imagined
from mbrl_ros.objectives.objective import Objective

OBSERVATION = Space.of(["angle", "speed"], angles=["angle"])
ACTION = Space.of(["u"], [-1.0], [1.0])


def objective(expression, **fields):
    values = {"terms": ["f"], "f.type": "expression", "f.expression": expression}
    values.update({f"f.{name}": value for name, value in fields.items()})
    return Objective.from_parameters(values, OBSERVATION, ACTION)


def worth(judge, angle=0.0, speed=0.0, u=0.0):
    observations = torch.tensor([[angle, speed]], dtype=torch.float64)
    return float(judge.rewards(observations, torch.tensor([[u]], dtype=torch.float64)))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("cos(angle) - 0.1*abs(speed)", math.cos(0.7) - 0.15),
        ("-speed**2 / 4 + u", -(1.5**2) / 4 + 0.25),
        ("(angle + speed) * +u", (0.7 - 1.5) * 0.25),
        ("min(speed, u) + max(speed, u)", -1.25),
        ("exp(u) + log(angle) + sqrt(u) + tanh(u)", None),
        ("sin(pi * u) + tan(u) + atan2(speed, u)", None),
        ("wrap(angle + 10)", 10.7 - 4 * math.pi),
        ("2 ** 3 * u", 2.0),
        ("u ** 0.5", 0.5),
        ("1e-3 * speed", -1.5e-3),
        (" \n u \n", 0.25),
    ],
)
def test_formulas_mean_what_they_say(expression, expected):
    where = {"angle": 0.7, "speed": -1.5, "u": 0.25}
    if expected is None:
        names = {n: getattr(np, n) for n in ("exp", "log", "sqrt", "tanh", "sin", "tan")}
        expected = eval(expression, {**names, "atan2": np.arctan2, "pi": np.pi}, where)
    assert worth(objective(expression), **where) == pytest.approx(expected, abs=1e-12)


def test_weight_and_offset_hold_as_for_any_term():
    assert worth(objective("u", weight=2.0, offset=1.0), u=0.5) == pytest.approx(2.0)


def test_formulas_of_actions_only_judge_every_candidate():
    judge = objective("-u*u")
    actions = torch.rand(4, 3, 1)
    returns = judge.score(Imagined(actions, torch.zeros(2, 4, 4, 2)))
    torch.testing.assert_close(returns, -(actions**2).sum(dim=(1, 2)))


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('true')",
        "().__class__.__bases__",
        "speed.real",
        "speed[0]",
        "[speed for speed in (1, 2)]",
        "lambda: speed",
        "(u := 3)",
        "speed if u else angle",
        "speed < u",
        "speed and u",
        "not speed",
        "~speed",
        "speed // u",
        "speed % u",
        "speed @ u",
        "speed << 9",
        "print(speed)",
        "cos(x=speed)",
        "cos(*speed)",
        "cos.__call__(speed)",
        "cos(speed)(u)",
        "f'{speed}'",
        "'speed' * 9",
        "speed + None",
        "speed + True",
        "speed + 2j",
        "speed, u",
        "speed; u",
        "import os",
        "await speed",
        "yield",
        "speed = 1",
        "...",
        "",
        "1 + 1",
        "cos",
        "nothing + speed",
        "9 ** 9 ** 9 * speed",
        "speed ** 9",
        "speed ** u",
        "speed ** -1",
        "speed ** True",
        "speed * 1e999",
        "speed * 1" + "0" * 400,
        "speed" + " + speed" * 100,
        "+".join(["u"] * 60),
        "(" * 300 + "u" + ")" * 100,
        "-" * 400 + "u",
        "cos(" * 60 + "u" + ")" * 60,
        "cos(speed, u)",
        "min(speed)",
        "\0",
        "speed +",
    ],
)
def test_anything_else_is_refused_in_one_line(expression):
    with pytest.raises(ValueError, match=r"^objective\.f\.expression: ") as refusal:
        objective(expression)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("height + u", "unknown dimension 'height': expected one of angle, speed, u"),
        ("u.real", r"'u.real' is not allowed: expected numbers, names"),
        ("u ** 20", "expected a number from 0 to 8 as the exponent"),
        ("1 + 1", "expected a formula of at least one dimension"),
        ("u +", "expected a formula, got 'u \\+': invalid syntax"),
        ("min(u)", r"min takes 2 value\(s\), got 1"),
    ],
)
def test_a_refusal_says_what_is_wrong(expression, message):
    with pytest.raises(ValueError, match=message):
        objective(expression)


def test_gradients_flow_through_a_formula():
    judge = objective("cos(angle) * speed**2 - abs(u)")
    observations = torch.randn(2, 3, 2, dtype=torch.float64, requires_grad=True)
    actions = torch.randn(2, 3, 1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(judge.rewards, (observations, actions))


def test_a_formula_first_read_without_gradients_has_them_later():
    with torch.inference_mode():
        objective("2.5 * u * u")
    actions = torch.ones(1, 1, requires_grad=True)
    reward = objective("2.5 * u * u").rewards(torch.zeros(1, 2), actions)
    reward.sum().backward()
    assert reward.dtype == torch.float32
    assert actions.grad.item() == 5.0
