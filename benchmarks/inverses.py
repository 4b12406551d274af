"""What an inverse and a backward model are good for.

    .venv/bin/python benchmarks/inverses.py [--task cartpole_swingup] [--steps 5000] [--seeds 0 1]
        [--episodes 3]

First, observations that were lost, told from those before (forward), from those after (backward)
and from both, beside a straight line between the two: RMS over the gap, in deviations of each
dimension, on another run's data. Second, which doubt tells the worst tenth of predictions there:
that the members differ, or that the backward model does not find back (area under the ROC curve).
Third, plans of few candidates with the inverse model's proposal and without: mean returns of frozen
models, and how long a plan takes.
"""

from __future__ import annotations

import argparse
from statistics import fmean, median

import numpy as np
import torch
from torch import Tensor

from mbrl_ros.data.segments import Segments, one_segment
from mbrl_ros.data.transitions import Transitions
from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.packing import unpack
from mbrl_ros.models.update import ModelUpdate
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.lock_step import LockStepSystem

GAPS = (1, 3, 5, 10, 15)
# Candidates, elites and iterations.
EFFORTS = ((8, 3, 2), (16, 4, 2), (32, 6, 3), (64, 10, 3))


def learn(task: str, seed: int, steps: int) -> tuple[ModelUpdate, Transitions]:
    """Return a model with its inverses, and what it was learned from."""
    system = LockStepSystem(read_task(task, {"seed": seed, "model.inverses": True}))
    system.run(steps)
    assert system.published is not None
    return system.published, system.transitions


@torch.no_grad()
def errors(model: DynamicsModel, rows: Segments, gap: int) -> list[float]:
    """Return the RMS errors of observations that were lost, told in each way.

    A gap of G observations leaves G + 1 steps between the two that were seen. What is told from
    both sides is weighted by how far either is.
    """
    steps, o = gap + 1, model.observation.dim
    starts = rows.ends(steps) - steps + 1
    batches = [rows.batch(starts + k, model.delay) for k in range(steps)]
    first, last = batches[0].state[..., :o], batches[-1].next_observation
    lost = torch.stack([b.next_observation for b in batches[:-1]])
    assert model.inverses is not None
    assert model.encoding.history == 1
    forward, backward, seen, later = [], [], first, last
    for k in range(gap):
        each = seen.expand(model.members, -1, -1)
        action = batches[k].action.expand(model.members, -1, -1)
        seen = model.predict(each, action)[0].mean(dim=0)
        forward.append(seen)
        later = model.inverses.before(batches[-1 - k].action, later).clamp(model.low, model.high)
        backward.append(later)
    ahead, back = torch.stack(forward), torch.stack(backward[::-1])
    share = (torch.arange(1, steps) / steps)[:, None, None]
    both = ahead + share * model.encoding.difference(ahead, back)
    line = first + share * model.encoding.difference(first, last)

    def rms(told: Tensor) -> float:
        off = model.encoding.difference(told, lost) / model.observation_std
        return float(off.square().mean().sqrt())

    return [rms(told) for told in (ahead, back, both, line)]


@torch.no_grad()
def doubts(model: DynamicsModel, rows: Segments) -> list[float]:
    """Return how well the members' spread and the way back tell the worst tenth of predictions."""
    b = rows.batch(np.arange(len(rows)), model.delay)
    shape = (model.members, -1, -1)
    each, _ = model.predict(b.state.expand(shape), b.action.expand(shape))
    told, seen = each.mean(dim=0), b.state[..., : model.observation.dim]
    assert model.inverses is not None
    back = model.inverses.before(b.action, told)

    def size(difference: Tensor) -> Tensor:
        return (difference / model.target_std).square().mean(dim=-1)

    error = size(model.encoding.difference(told, b.next_observation))
    worst = error > error.quantile(0.9)
    spread = size(each.std(dim=0, correction=0))
    way_back = size(model.encoding.difference(back, seen))
    return [area(doubt, worst) for doubt in (spread, way_back)]


def area(score: Tensor, positive: Tensor) -> float:
    """Return the area under the ROC curve: how often a positive one scores more than another."""
    ranks = score.argsort().argsort().double() + 1
    n, rest = int(positive.sum()), int((~positive).sum())
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * rest))


def play(
    task: str, model: ModelUpdate, effort: tuple[int, int, int], proposals: list[str], episodes: int
) -> tuple[float, float]:
    """Return the mean return of a frozen model, and the median time of a plan [s]."""
    names = ("planner.candidates", "planner.elites", "planner.iterations")
    parameters = {
        **dict(zip(names, effort, strict=True)),
        "planner.proposals": proposals,
        "model.inverses": True,
    }
    system = LockStepSystem(read_task(task, {**parameters, "seed": 1_000_003}))
    system.controller.models.offer(model, 1, 1)
    return fmean(system.evaluate(episodes)), median(system.controller.plan_times)


def main() -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", default="cartpole_swingup")
    parser.add_argument("--steps", type=int, default=5000, help="of the environment, to learn from")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1], help="at least two")
    parser.add_argument("--episodes", type=int, default=3, help="of each evaluation")
    a = parser.parse_args()
    torch.set_num_threads(1)
    learned = [learn(a.task, seed, a.steps) for seed in a.seeds]
    # Each model fills the gaps of the next one's run.
    others = [*learned[1:], learned[0]]
    print("lost   forward  backward      both      line")
    for gap in GAPS:
        found = [
            errors(model := unpack(packed), one_segment(log, 1, model.delay), gap)
            for (packed, _), (_, log) in zip(learned, others, strict=True)
        ]
        print(f"{gap:>4}" + "".join(f"{value:>10.4f}" for value in np.mean(found, axis=0)))
    found = [
        doubts(model := unpack(packed), one_segment(log, 1, model.delay))
        for (packed, _), (_, log) in zip(learned, others, strict=True)
    ]
    spread, way_back = np.mean(found, axis=0)
    print(f"\nworst tenth told by the spread {spread:.2f}, by the way back {way_back:.2f}")
    print("\ncandidates x iterations     return [plan]      with inverse_model")
    for effort in EFFORTS:
        cells = []
        for proposals in ([], ["inverse_model"]):
            played = [play(a.task, model, effort, proposals, a.episodes) for model, _ in learned]
            each = " ".join(f"{value:.0f}" for value, _ in played)
            cells.append(f"{each} [{1e3 * median(took for _, took in played):.1f} ms]")
        print(f"{effort[0]:>10} x {effort[2]}" + "".join(f"{cell:>24}" for cell in cells))


if __name__ == "__main__":
    main()
