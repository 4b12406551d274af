"""Planning with other libraries, if they are installed (``make bench``)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from mbrl_ros.cli.bench.engines import (
    ACTION,
    MEMBERS,
    OBSERVATION,
    Plan,
    Setting,
    make_model,
    predict,
)
from mbrl_ros.cli.bench.mbrl_planning import planning


def mbrl_lib(setting: Setting) -> tuple[Plan, int]:
    """Return a function that plans once with mbrl-lib, and its model evaluations.

    It uses mbrl-lib's CEM, ModelEnv and ensemble of Gaussian networks, configured as in its PETS
    example (``mbrl/examples/conf/overrides/pets_cartpole.yaml``).

    Raises:
        ImportError: if it is not installed.
    """
    import gymnasium
    import mbrl.models
    import mbrl.planning
    import omegaconf

    class Spaces(gymnasium.Env[Any, Any]):
        observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (OBSERVATION.dim,), np.float32)
        action_space = gymnasium.spaces.Box(-1.0, 1.0, (ACTION.dim,), np.float32)

    network = mbrl.models.GaussianMLP(
        in_size=OBSERVATION.dim + ACTION.dim,
        out_size=OBSERVATION.dim,
        device="cpu",
        num_layers=len(setting.hidden),
        hid_size=setting.hidden[0],
        ensemble_size=MEMBERS,
        propagation_method="random_model",
        activation_fn_cfg={"_target_": "torch.nn.SiLU"},
    )
    model = mbrl.models.OneDTransitionRewardModel(
        network, target_is_delta=True, normalize=True, learned_rewards=False
    )
    environment = mbrl.models.ModelEnv(
        Spaces(), model, _never_ends, _reward, generator=torch.Generator().manual_seed(0)
    )
    agent = mbrl.planning.create_trajectory_optim_agent_for_model(
        environment,
        omegaconf.OmegaConf.create(
            planning(setting.horizon, setting.iterations, setting.candidates)
        ),
        num_particles=setting.particles,
    )
    observation = np.zeros(OBSERVATION.dim, dtype=np.float32)
    return lambda: agent.act(observation), setting.evaluations(setting.particles)


def pytorch_mppi(setting: Setting) -> tuple[Plan, int]:
    """Return a function that plans once with pytorch_mppi, and its model evaluations.

    It plans on the mean of our ensemble, evaluated in plain PyTorch.

    Raises:
        ImportError: if it is not installed.
    """
    from pytorch_mppi import MPPI

    model = make_model(setting)
    mppi = MPPI(
        lambda state, action: predict(model, state, action).mean(dim=0),
        lambda state, action: state[:, 0] ** 2 + action[:, 0] ** 2,
        OBSERVATION.dim,
        0.25 * torch.eye(ACTION.dim),
        num_samples=setting.candidates,
        horizon=setting.horizon,
        u_min=torch.tensor([-1.0]),
        u_max=torch.tensor([1.0]),
    )
    state = torch.zeros(OBSERVATION.dim)

    @torch.no_grad()
    def plan() -> object:
        return [mppi.command(state) for _ in range(setting.iterations)]

    return plan, setting.evaluations(MEMBERS)


def _never_ends(action: Tensor, following: Tensor) -> Tensor:
    return torch.zeros(len(following), 1, dtype=torch.bool)


def _reward(action: Tensor, following: Tensor) -> Tensor:
    return -(following[:, :1] ** 2) - action[:, :1] ** 2
