"""A planner and a reward term of your own, by their names.

FILE=$PWD/examples/own_planner_and_term.py
mbrl-ros learn pendulum_swingup --steps 600 --out /tmp/own planner.type:=$FILE:Annealed \
    objective.variants.own.terms:="[height]" objective.active:=own \
    objective.variants.own.height.type:=$FILE:upright
"""

import torch

from mbrl_ros.planning.planner import Search
from mbrl_ros.planning.sampling import SamplingPlanner, best


def upright(observation, action):
    """Pay for height, and a little for being slow."""
    return observation["pole_cos"] - 0.01 * observation["pole_velocity"] ** 2


class Annealed(SamplingPlanner):
    """Noise around the best sequence so far, half as strong in each iteration."""

    def initial(self, warm_start, elapsed=1):
        return self.continued(warm_start, elapsed) if warm_start else self.resting()

    def sample(self, search, generator):
        shape = (self.settings.candidates, self.knots.count, len(self.low))
        scale = self.settings.noise_std * 0.5**search.iteration * (self.high - self.low)
        noise = self.knots.expand(scale * torch.randn(shape, generator=generator))
        return self.clamp(torch.cat([search.actions[None], search.actions + noise]))

    def update(self, search, candidates, returns):
        elites, theirs = best(candidates, returns, self.settings.elites)
        return Search(elites[0], elites, theirs, search.iteration + 1)
