"""Plan with a model that you write down: a pendulum is swung up, replanned at every step."""

import torch

from mbrl_ros.core.spaces import Space
from mbrl_ros.models.function_model import FunctionModel
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning.loop import PlanningLoop
from mbrl_ros.planning.problem import Problem
from mbrl_ros.planning.registry import make_planner
from mbrl_ros.planning.settings import PlannerSettings

PERIOD = 0.05  # [s]
observation = Space.of(["angle", "rate"])  # from upright [rad], [rad/s]
action = Space.of(["torque"], [-5.0], [5.0])  # [Nm]


def step(state, torque):
    angle, rate = state[..., :1], state[..., 1:]
    rate = rate + PERIOD * (9.81 * torch.sin(angle) + torque - 0.1 * rate)
    return torch.cat([angle + PERIOD * rate, rate], dim=-1)


model = FunctionModel(observation, action, step)
objective = Objective.from_parameters(
    {"terms": ["up", "slow"], "up.type": "cosine", "up.of": ["angle"],
     "slow.type": "quadratic", "slow.of": ["rate"], "slow.weight": 0.01},
    observation, action,
)  # fmt: skip
loop = PlanningLoop(make_planner(action, PlannerSettings(horizon=40, noise_beta=2.0)), seed=0)
state = torch.tensor([3.0, 0.0])
for _ in range(120):
    belief = model.observe(None, torch.zeros(1), state, is_first=True)
    plan = loop.plan(Problem(belief, model, objective, sent=torch.empty(0, 1)))
    state = step(state, plan.actions[0])
print(f"after 6 s: angle {state[0]:.3f} rad, rate {state[1]:.3f} rad/s")
