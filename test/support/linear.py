"""Linear systems, x' = A x + B u: models of them that are exact, without any learning."""

import numpy as np
import torch

from mbrl_ros.dynamics.model import DynamicsModel
from mbrl_ros.dynamics.settings import ModelSettings
from mbrl_ros.spaces import Space

OBSERVATION = Space.of(["position", "velocity"])


def exact_model(a, b, action, observation=OBSERVATION, **settings) -> DynamicsModel:
    """Return a model without hidden layers, which is a linear map, with the true weights."""
    model = DynamicsModel(observation, action, ModelSettings(hidden=[], **settings))
    # It predicts by how much the observation changes.
    weight = torch.from_numpy(np.concatenate([a - np.eye(len(a)), b], axis=1).T).float()
    with torch.no_grad():
        model.network.weights[0].zero_()
        model.network.weights[0][..., : len(a)] = weight
    return model
