"""A model kind of your own: linear dynamics by least squares, o' = o + [o, a, 1] W.

mbrl-ros learn cartpole_v1 --steps 300 --out /tmp/linear \
        learner:=$PWD/examples/own_model_kind.py:LINEAR model.ridge:=1e-3
"""

import json
from dataclasses import asdict, dataclass

import numpy as np
import torch

from mbrl_ros.core.kinds import Kind
from mbrl_ros.core.settings import setting
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.transitions import checked
from mbrl_ros.learning.learner import GateDecision, Learner
from mbrl_ros.models.function_model import FunctionModel
from mbrl_ros.models.update import ModelPart, ModelUpdate


@dataclass(frozen=True)
class LinearSettings:
    ridge: float = setting(1e-6, "added to the inputs' squares", low=0.0)


class LinearLearner(Learner):
    def __init__(self, observation, action, settings, seed):
        self.spaces, self.settings = (observation, action), settings
        self.inputs, self.changes, self.judged = [], [], 0

    def append(self, transition):
        t = checked(transition, *self.spaces)
        self.inputs.append([*t.observation, *t.action, 1.0])
        self.changes.append(t.next_observation - t.observation)
        self.received += 1

    is_due = property(lambda self: self.received >= max(50, 1.5 * self.judged))

    def judge(self):
        self.judged = self.received
        x, y = (torch.from_numpy(np.array(rows)) for rows in (self.inputs, self.changes))
        ridge = self.settings.model.ridge * torch.eye(x.shape[1])
        w = torch.linalg.solve(x.T @ x + ridge, x.T @ y)
        error, spaces = float((x @ w - y).std() / y.std()), json.dumps([*map(asdict, self.spaces)])
        update = ModelUpdate(self.kind, spaces, {"model": ModelPart.of({"w": w.float()})})
        return GateDecision(update, error, error, "least squares")


def make_world_model(update, device):
    w = update.parts["model"].state("model")["w"]

    def step(o, a):
        return o + torch.cat([o, a.expand(*o.shape[:-1], -1), torch.ones_like(o[..., :1])], -1) @ w

    return FunctionModel(*(Space.of(**space) for space in json.loads(update.settings)), step)


LINEAR = Kind(LinearSettings, make_world_model, LinearLearner)
