"""Which engine computes a model's rollouts fastest on this machine, and is exact enough."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor

from mbrl_ros.control.turns import Turns
from mbrl_ros.core.spaces import Space
from mbrl_ros.models.world_model import WorldModel

# Rollouts that are timed for each engine, in turns, and their length: the cost is linear in it.
_ROLLOUTS = 12
_STEPS = 10
# An engine must be so much faster than the reference: a tie is decided for exactness.
_GAIN = 1.1
# Greatest root mean square deviation from the reference, as a share of what changes.
_DEVIATION = 0.02


@dataclass(frozen=True)
class EngineTrial:
    """How an engine did.

    Attributes:
        seconds: median computing time of a step of all candidates [s].
        deviation: root mean square of what it predicts less what the reference does, as a share
            of how far each dimension moves; inf if it is useless.
    """

    seconds: float
    deviation: float


@dataclass(frozen=True)
class EngineChoice:
    """What was chosen, and from what.

    Attributes:
        engine: chosen.
        candidates: predicted at once.
        trials: of all engines, the reference first.
    """

    engine: str
    candidates: int
    trials: dict[str, EngineTrial]

    def __str__(self) -> str:
        measured = ", ".join(
            f"{name} {1e6 * trial.seconds:.0f} us" + _off(trial.deviation)
            for name, trial in self.trials.items()
        )
        return f"{self.engine} ({measured} a step of {self.candidates} candidates)"


def choose_engine(
    model: WorldModel,
    action: Space,
    candidates: int,
    horizon: int,
    turns: Turns,
) -> EngineChoice:
    """Measure all engines of a model in turns.

    Args:
        model: with as many members as will be planned with.
        action: of the task.
        candidates: predicted at once.
        horizon: over which they may not deviate.
        turns: waited for before each rollout.

    Raises:
        TuningStoppedError: if it was stopped.
    """
    engines = {name: model.with_engine(name) for name in model.engines}
    reference, *others = engines
    if not others:
        return EngineChoice(reference, candidates, {})
    low, high = torch.tensor(action.low), torch.tensor(action.high)
    share = torch.rand(candidates, horizon, action.dim, generator=torch.Generator().manual_seed(0))
    actions = (low + share * (high - low)).float()
    found = {}
    for name, each in engines.items():
        turns.wait(0.0)  # nobody knows yet how long it takes
        found[name] = _observations(each, actions)
    deviations = {name: _deviation(seen, found[reference]) for name, seen in found.items()}
    times: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(_ROLLOUTS):
        for name, each in engines.items():
            turns.wait(times[name][-1] if times[name] else 0.0)
            began = time.thread_time()
            each.imagine(each.initial(1), actions[:, :_STEPS])
            times[name].append(time.thread_time() - began)
    steps = min(horizon, _STEPS)
    trials = {name: EngineTrial(median(times[name]) / steps, deviations[name]) for name in engines}
    exact_enough = [name for name in others if trials[name].deviation <= _DEVIATION]
    fastest = min(exact_enough, key=lambda name: trials[name].seconds, default=reference)
    gain = trials[reference].seconds / trials[fastest].seconds
    return EngineChoice(fastest if gain >= _GAIN else reference, candidates, trials)


def _observations(model: WorldModel, actions: Tensor) -> Tensor:
    features = model.imagine(model.initial(1), actions).features
    assert features is not None
    return features.clone()


def _deviation(found: Tensor, exact: Tensor) -> float:
    """See `EngineTrial.deviation`; features of shape ``(M, N, H + 1, F)``."""
    moved = (exact - exact[:, :, :1]).square().mean(dim=(0, 1, 2))
    off = (found - exact).square().mean(dim=(0, 1, 2))
    share = float((off / moved)[moved > 0].mean().sqrt())
    return share if math.isfinite(share) else math.inf


def _off(deviation: float) -> str:
    return f" (off by {100 * deviation:.2g} %)" if deviation else ""
