"""mbrl-lib's continuous cart-pole, learned by mbrl-lib and by this project, on one thread each.

    make .venv-bench/ready.stamp
    .venv-bench/bin/python benchmarks/mbrl_cartpole.py mbrl_ros --seeds 0 1 2 3 4
    .venv-bench/bin/python benchmarks/mbrl_cartpole.py mbrl-lib --seeds 0      # half an hour

The environment is mbrl-lib's own (200 steps a trial, 1 paid for each). mbrl-lib is configured
as its PETS example for it is (``mbrl/examples/conf/overrides/pets_cartpole.yaml``): ensemble of
5 networks of 4 x 200, CEM with 350 candidates x 5 iterations, horizon 15, 20 particles. Each
line is a trial: its return, and the median planning time of an action.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import median
from typing import Any

import gymnasium
import mbrl.env.cartpole_continuous as cartpole
import numpy as np
import torch

TRIAL = 200
ENVIRONMENT = "MbrlLibCartPole-v0"


class CartPole(cartpole.CartPoleEnv):
    """The same with today's signature of reset."""

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        """Start a trial."""
        return super().reset(seed=seed)


def report(trial: int, env_steps: int, total: float, plan_ms: list[float]) -> None:
    """Print one trial."""
    planning = f"{median(plan_ms):9.2f}" if plan_ms else "         "
    print(f"{trial:5}  {env_steps:9}  {total:6.1f}  {planning}", flush=True)


def learn_ours(seed: int, steps: int) -> None:
    """Learn with this project, in lock-step."""
    from mbrl_ros.cli.lock_step import Episode, LockStepSystem
    from mbrl_ros.system.configuration import read_task

    file = Path(__file__).with_name("mbrl_cartpole.yaml")
    system = LockStepSystem(read_task(str(file), {"seed": seed}))
    known = 0

    def on_episode(episode: Episode) -> None:
        nonlocal known
        report(episode.number, episode.env_steps, episode.total_reward, system.plan_ms[known:])
        known = len(system.plan_ms)

    system.run(steps, on_episode=on_episode)


def learn_mbrl_lib(seed: int, steps: int) -> None:
    """Learn with mbrl-lib, as `mbrl.algorithms.pets` does."""
    import mbrl.env.reward_fns
    import mbrl.env.termination_fns
    import mbrl.models
    import mbrl.planning
    import mbrl.util.common
    import omegaconf

    settings = omegaconf.OmegaConf.create(
        {
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
            "overrides": {"num_steps": steps, "trial_length": TRIAL},
        }
    )
    agent_settings = omegaconf.OmegaConf.create(
        {
            "_target_": "mbrl.planning.TrajectoryOptimizerAgent",
            "_recursive_": False,
            "action_lb": "???",
            "action_ub": "???",
            "planning_horizon": 15,
            "optimizer_cfg": {
                "_target_": "mbrl.planning.CEMOptimizer",
                "num_iterations": 5,
                "elite_ratio": 0.1,
                "population_size": 350,
                "alpha": 0.1,
                "device": "cpu",
                "lower_bound": "???",
                "upper_bound": "???",
                "return_mean_elites": True,
                "clipped_normal": False,
            },
        }
    )
    torch.manual_seed(seed)
    environment = gymnasium.make(ENVIRONMENT)
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
        imagined, agent_settings, num_particles=20
    )
    made = trial = 0
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
            total += reward
            made += 1
        report(trial, TRIAL + made, total, plan_ms)
        trial += 1


def main() -> None:
    """Learn with one of the two."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", choices=("mbrl_ros", "mbrl-lib"))
    parser.add_argument("--steps", type=int, default=1000, help="environment steps")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    gymnasium.register(ENVIRONMENT, entry_point=CartPole, max_episode_steps=TRIAL)
    for seed in arguments.seeds:
        print(f"{arguments.library}, seed {seed}\ntrial  env steps  return  plan [ms]")
        learn = learn_ours if arguments.library == "mbrl_ros" else learn_mbrl_lib
        learn(seed, arguments.steps)


if __name__ == "__main__":
    main()
