"""Learn a Gymnasium environment in a loop of your own: act, learn, publish, plan."""

import gymnasium
import numpy as np
import torch

from mbrl_ros.control.controller import Controller
from mbrl_ros.control.settings import ControllerSettings
from mbrl_ros.core.records import Observation, Transition
from mbrl_ros.core.spaces import Space
from mbrl_ros.learning.dynamics_learner import DynamicsLearner
from mbrl_ros.learning.settings import TrainerSettings
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.safety.safe_command import SafeCommand

torch.set_num_threads(1)
spaces = Space.of(["cosine", "sine", "rate"]), Space.of(["torque"], [-2.0], [2.0])
objective = Objective.from_parameters(
    {"terms": ["up", "slow"], "up.of": ["cosine"], "slow.of": ["rate"],
     "slow.type": "quadratic", "slow.weight": 0.02}, *spaces,
)  # fmt: skip
learner = DynamicsLearner(*spaces, TrainerSettings(), seed=0)
safe, settings = SafeCommand(*spaces), ControllerSettings()
controller = Controller(
    *spaces, objective, settings, period=0.05, lock_step=True, seed=0, safe=safe
)
environment = gymnasium.make("Pendulum-v1", max_episode_steps=-1)
seen, applied = environment.reset(seed=0)[0].astype(np.float64), np.zeros(1)
models, cosines = 0, []
for step in range(250):
    command = controller.tick(Observation(0, step, seen, applied))
    after = environment.step(command.values.astype(np.float32))[0].astype(np.float64)
    learner.append(Transition(seen, command.values, after, episode=0, step=step))
    seen, applied = after, command.values
    while learner.owed_updates >= 1:
        learner.update()
    if learner.is_due and (update := learner.judge().update) is not None:
        controller.models.offer(update, epoch=1, sequence=(models := models + 1))
    cosines.append(seen[0])
print(f"{models} models; cosine over the last 3 s: {np.mean(cosines[-60:]):.2f} (1 is upright)")
