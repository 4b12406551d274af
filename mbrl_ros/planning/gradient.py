"""Gradient planning: gradient ascent on the return through the world model."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mbrl_ros.planning.noise import coloured_noise
from mbrl_ros.planning.planner import Planner, Search
from mbrl_ros.planning.problem import Problem, ranked
from mbrl_ros.planning.sampling import best

# Adam's usual decay of the gradient's mean, and a shorter one of its square, for few steps.
_BETAS = (0.9, 0.99)
# Against 0 / 0 only: whatever the unit of the return, a gradient counts.
_EPSILON = 1e-20


@dataclass(frozen=True)
class GradientSearch(Search):
    """Several sequences under gradient ascent.

    Attributes:
        climbing: shape ``(B, H, A)``; not evaluated yet.
        mean: of their gradients, same shape.
        square: mean of the gradients' squares, same shape.
    """

    climbing: Tensor
    mean: Tensor
    square: Tensor


class GradientPlanner(Planner):
    """Improves a few sequences by projected Adam (Kingma and Ba 2015); executes the best seen.

    The differentiated return is the evaluated one: of every member, with caution.
    """

    needs_derivatives = True

    def initial(self, warm_start: Search | None, elapsed: int = 1) -> GradientSearch:
        """Start from the rest of the last plan."""
        start = self.continued(warm_start, elapsed) if warm_start else self.resting()
        # Previous elites were evaluated from another state.
        nothing, climbing = start.elites[:0], self.clamp(start.actions)[None]
        zero = torch.zeros_like(climbing)
        return GradientSearch(climbing[0], nothing, start.returns[:0], 0, climbing, zero, zero)

    def improve(self, search: Search, problem: Problem, generator: torch.Generator) -> Search:
        """Evaluate all sequences and take one step with each."""
        assert isinstance(search, GradientSearch)
        climbing, mean, square = search.climbing, search.mean, search.square
        if search.iteration == 0:
            climbing = self._joined(climbing, problem, generator)
            mean = square = torch.zeros_like(climbing)
        returns, gradient = _ascent(problem, climbing)
        elites, theirs = best(
            torch.cat([search.elites, climbing]),
            torch.cat([search.returns, ranked(returns)]),
            self.settings.elites,
        )
        first, second = _BETAS
        steps = search.iteration + 1
        mean = first * mean + (1 - first) * gradient
        square = second * square + (1 - second) * gradient**2
        direction = mean / (1 - first**steps)
        size = torch.sqrt(square / (1 - second**steps)) + _EPSILON
        reach = self.settings.gradient.step_size * (self.high - self.low) / 2
        climbing = self.clamp(climbing + reach * direction / size)
        return GradientSearch(elites[0], elites, theirs, steps, climbing, mean, square)

    def _joined(self, plan: Tensor, problem: Problem, generator: torch.Generator) -> Tensor:
        """Return the plan, noisy ones around it, and the proposals."""
        s = self.settings
        shape = (s.gradient.starts - 1, len(self.low), s.horizon)
        noise = coloured_noise(shape, s.noise_beta, generator).transpose(1, 2)
        noisy = self.clamp(plan + s.noise_std * (self.high - self.low) / 2 * noise)
        others = [problem.proposals] if len(problem.proposals) else []
        return torch.cat([plan, noisy, *others])


def _ascent(problem: Problem, actions: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sequences' returns ``(B,)`` and gradients ``(B, H, A)``; zero where not finite."""
    with torch.enable_grad():
        x = actions.detach().clone().requires_grad_()
        returns = problem.score(problem.model.imagine_gradients(problem.belief, x))
        (gradient,) = torch.autograd.grad(returns.sum(), x)
    return returns.detach().cpu(), torch.nan_to_num(gradient, nan=0.0, posinf=0.0, neginf=0.0)
