"""Linear systems, x' = A x + B u: models of them that are exact, without any learning."""

import copy

import numpy as np
import torch

from mbrl_ros.core.spaces import Space
from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.ensemble.settings import EnsembleSettings
from mbrl_ros.models.imagined import Imagined
from mbrl_ros.models.world_model import WorldModel

OBSERVATION = Space.of(["position", "velocity"])


def exact_model(a, b, action, observation=OBSERVATION, **settings) -> DynamicsModel:
    """Return a model without hidden layers, which is a linear map, with the true weights."""
    model = DynamicsModel(observation, action, EnsembleSettings(hidden=[], **settings))
    # It predicts by how much the observation changes.
    weight = torch.from_numpy(np.concatenate([a - np.eye(len(a)), b], axis=1).T).float()
    with torch.no_grad():
        model.network.weights[0].zero_()
        model.network.weights[0][..., : len(a)] = weight
    return model


class LinearModel(WorldModel):
    """The least that a world model is; remembers the candidates that it was asked about.

    Its belief is the state, shape ``(1, 1, S)``.
    """

    members = 1

    def __init__(self, a, b, action, observation=OBSERVATION, policy=None, value=None):
        self.a, self.b = torch.from_numpy(a).float(), torch.from_numpy(b).float()
        self.observation, self.action = observation, action
        self.policy, self.value = policy, value
        self.asked = []

    def initial(self, batch):
        return (torch.zeros(1, batch, self.observation.dim),)

    def observe(self, belief, action, observation, is_first):
        return (observation[None, None], *(belief or ())[1:])

    def features(self, belief):
        return belief[0]

    def ahead(self, belief, actions):
        return (self.predict(belief[0], actions[None])[:, :, -1], *belief[1:])

    def imagine(self, belief, actions):
        self.asked.append(actions.clone())
        states = self.predict(belief[0], actions)
        return Imagined(actions, states, states)

    def imagine_policy(self, belief, policy, horizon):
        states, actions = [belief[0]], []
        for _ in range(horizon):
            actions.append(policy(states[-1]))
            states.append(states[-1] @ self.a.T + actions[-1] @ self.b.T)
        seen = torch.stack(states, dim=2)
        return Imagined(torch.stack(actions, dim=2), seen, seen)

    def surprise(self, belief, actions, observation):
        return observation - self.ahead(belief, actions)[0][0, 0]

    def fork(self, members=None):
        return copy.copy(self)

    def predict(self, start, actions):
        """Return the states that actions ``(N, H, A)`` lead to, shape ``(1, N, H + 1, S)``."""
        states = [start.reshape(-1, len(self.a)).expand(len(actions), -1)]
        for k in range(actions.shape[1]):
            states.append(states[-1] @ self.a.T + actions[:, k] @ self.b.T)
        return torch.stack(states, dim=1)[None]
