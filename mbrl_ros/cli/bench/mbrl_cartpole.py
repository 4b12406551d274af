"""mbrl-lib's continuous cart-pole, and mbrl-lib learning it.

Importing this registers the environment, so that it is found by its id prefixed with
``mbrl_ros.cli.bench.mbrl_cartpole:``. The reward is 1 for each of at most 200 steps.
"""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium
import mbrl.env.cartpole_continuous as cartpole
import mbrl.env.reward_fns
import mbrl.env.termination_fns
import mbrl.models
import mbrl.planning
import mbrl.util.common
import numpy as np
import omegaconf
import torch

from mbrl_ros.cli.bench.kept import Curve, Measurement
from mbrl_ros.cli.bench.mbrl_planning import planning

TRIAL = 200
ENVIRONMENT = "MbrlLibCartPole-v0"
# Env steps, the return, and the planning time of each action [ms].
OnTrial = Callable[[int, float, list[float]], None]

# As mbrl/examples/conf/overrides/pets_cartpole.yaml.
_LEARNING = {
    "dynamics_model": {
        "_target_": "mbrl.models.GaussianMLP",
        "_recursive_": False,
        "device": "cpu",
        "num_layers": 4,
        "in_size": "???",
        "out_size": "???",
        "ensemble_size": 5,
        "hid_size": 200,
        "deterministic": False,
        "propagation_method": "random_model",
        "learn_logvar_bounds": False,
        "activation_fn_cfg": {"_target_": "torch.nn.SiLU"},
    },
    "algorithm": {
        "learned_rewards": False,
        "target_is_delta": True,
        "normalize": True,
        "normalize_double_precision": True,
    },
}


class CartPole(cartpole.CartPoleEnv):
    """The same with the current signature of reset, and without a renderer."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        """Start a trial."""
        return super().reset(seed=seed)


gymnasium.register(ENVIRONMENT, entry_point=CartPole, max_episode_steps=TRIAL)


@dataclass(frozen=True)
class MbrlLib(Measurement):
    """The returns of mbrl-lib's trials, as it learns.

    Attributes:
        steps: environment steps.
    """

    steps: int

    @property
    def method(self) -> str:
        """mbrl-lib and its version."""
        return f"mbrl-lib {importlib.metadata.version('mbrl')}"

    @property
    def label(self) -> str:
        """The library and the seed."""
        return f"mbrl_lib-{self.seed}"

    def measure(self, threads: int) -> Curve:
        """Learn, on one thread as the others do."""
        torch.set_num_threads(1)
        curve: Curve = []
        learn(self.seed, self.steps, lambda steps, total, _: curve.append((steps, [total])))
        return curve


def learn(seed: int, steps: int, on_trial: OnTrial) -> None:
    """Learn with mbrl-lib, as `mbrl.algorithms.pets` does.

    Args:
        seed: random seed.
        steps: environment steps, including 200 random ones at first; the last trial is finished.
        on_trial: called after every trial.
    """
    overrides = {"num_steps": steps, "trial_length": TRIAL}
    settings = omegaconf.OmegaConf.create({**_LEARNING, "overrides": overrides})
    torch.manual_seed(seed)
    environment = gymnasium.make(ENVIRONMENT, disable_env_checker=True)
    environment.action_space.seed(seed)
    environment.reset(seed=seed)
    common, double = mbrl.util.common, np.double
    model = common.create_one_dim_tr_model(settings, (4,), (1,))
    types = {"obs_type": double, "action_type": double, "reward_type": double}
    rng = np.random.default_rng(seed)
    buffer = common.create_replay_buffer(settings, (4,), (1,), rng=rng, **types)
    random_agent = mbrl.planning.RandomAgent(environment)
    common.rollout_agent_trajectories(environment, TRIAL, random_agent, {}, replay_buffer=buffer)
    judged = (mbrl.env.termination_fns.cartpole, mbrl.env.reward_fns.cartpole)
    generator = torch.Generator().manual_seed(seed)
    imagined = mbrl.models.ModelEnv(environment, model, *judged, generator=generator)
    trainer = mbrl.models.ModelTrainer(model, optim_lr=7.5e-4, weight_decay=3e-5)
    agent = mbrl.planning.create_trajectory_optim_agent_for_model(
        imagined, omegaconf.OmegaConf.create(planning(15, 5, 350)), num_particles=20
    )
    made = 0
    while TRIAL + made < steps:
        observation, _ = environment.reset()
        agent.reset()
        total, plan_ms, ended = 0.0, [], False
        while not ended:
            if made % 50 == 0:
                model.update_normalizer(buffer.get_all())
                data, _ = common.get_basic_buffer_iterators(
                    buffer, 256, 0, ensemble_size=5, shuffle_each_epoch=True
                )
                trainer.train(data, num_epochs=25, patience=25, silent=True)
            began = time.perf_counter()
            action = agent.act(observation)
            plan_ms.append(1e3 * (time.perf_counter() - began))
            following, reward, terminated, truncated, _ = environment.step(action)
            buffer.add(observation, action, following, reward, terminated, truncated)
            observation, ended = following, terminated or truncated
            total += float(reward)
            made += 1
        on_trial(TRIAL + made, total, plan_ms)
