"""What an update and a decision of models in a latent state cost, for each size, on one core.

    .venv/bin/python benchmarks/world_models.py [--kind vae_mdn_rnn] [--sizes nano] [--sides 0 32]

Of made-up data: five named dimensions, one action, and colour images of one camera where a side is
given. Prints the rows of the table in docs/experiments/world-models.md: median computing times of
the thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from mbrl_ros.core.kinds import find_kind
from mbrl_ros.core.settings import build
from mbrl_ros.core.spaces import IMAGE_SIZES, Space
from mbrl_ros.learning.latent.learner import LatentLearner
from mbrl_ros.learning.latent.training import LatentTrainer, Steps
from mbrl_ros.learning.rssm.learner import RssmLearner
from mbrl_ros.learning.settings import trainer_settings
from mbrl_ros.learning.vae_mdn_rnn.learner import VaeMdnRnnLearner
from mbrl_ros.models.latent.packing import make_world_model, pack
from mbrl_ros.models.latent.settings import LatentSettings
from mbrl_ros.models.rssm.settings import SIZES
from mbrl_ros.objectives.objective import Objective

OBSERVATION = Space.of(["cart", "cos", "sin", "speed", "turn"])
ACTION = Space.of(["motor"], [-1.0], [1.0])
CAMERA = "camera"
LEARNERS: dict[str, type[LatentLearner]] = {"rssm": RssmLearner, "vae_mdn_rnn": VaeMdnRnnLearner}
# Of a plan.
CANDIDATES, ITERATIONS, HORIZON = 96, 3, 25


def timed(work: Callable[[], object], times: int) -> float:
    """Return the median computing time of a call after the first [s]."""
    took = []
    for _ in range(times + 1):
        began = time.thread_time()
        work()
        took.append(time.thread_time() - began)
    return float(np.median(took[1:]))


def told(seconds: float) -> str:
    """Return a time as the table has it."""
    if seconds >= 0.2:
        return f"{seconds:.2f} s"
    return f"{1e3 * seconds:.0f} ms" if seconds >= 0.01 else f"{1e3 * seconds:.1f} ms"


def row(kind: str, size: str, side: int, times: int) -> str:
    """Measure a model of a size that sees images of a side, or none if it is 0."""
    observation = replace(OBSERVATION, images=(CAMERA,), image_size=side) if side else OBSERVATION
    made = build(trainer_settings(find_kind(kind)), {"model.size": size, "policy.learn": True})
    settings, optimizer, policy, learner = made.model, made.optimizer, made.policy, LEARNERS[kind]
    assert isinstance(settings, LatentSettings)
    length = settings.sequence
    batch = optimizer.batch_size // length
    drawn = torch.Generator().manual_seed(0)
    images = torch.rand(batch, length, 3, side, side, generator=drawn) - 0.5 if side else None
    steps = Steps(
        torch.randn(batch, length, observation.dim, generator=drawn),
        2 * torch.rand(batch, length, ACTION.dim, generator=drawn) - 1,
        torch.randn(batch, length, generator=drawn),
        torch.zeros(batch, length, dtype=torch.bool),
        torch.zeros(batch, length, dtype=torch.bool),
        images,
    )
    network = learner.network_type(observation, ACTION, settings)
    trainer = LatentTrainer(network, learner.loss, optimizer, 0)
    update = timed(lambda: trainer.update(steps), times)

    learned = network.behaviour()
    acting = learner.make_dreamer(learned, policy, 0)
    _, states = trainer.update(steps)
    h, z = (part.detach().flatten(0, 1)[: policy.batch_size] for part in (states.memory, states.z))
    seen = steps.observations.transpose(0, 1).flatten(0, 1)[: policy.batch_size]
    terms = {"terms": ["t"], "t.of": ["cart"], "t.type": "quadratic"}
    objective = Objective.from_parameters(terms, observation, ACTION)
    improve = timed(lambda: acting.update(network, h, z, seen, objective), times)

    packed = pack(network, behaviour=learned)
    megabytes = sum(len(part.weights) for part in packed.parts.values()) / 1e6
    model = make_world_model(packed, learner.network_type)
    shown = {CAMERA: torch.zeros(side, side, 3, dtype=torch.uint8)} if side else {}
    acted, reading = steps.actions[0, 0], steps.observations[0, 0]
    belief = model.observe(None, acted, reading, True, shown)
    observe = timed(lambda: model.observe(belief, acted, reading, False, shown), 20 * times)
    assert model.policy is not None
    acts = model.policy
    decide = timed(lambda: acts(model.features(belief)), 20 * times)
    candidates = 2 * torch.rand(CANDIDATES, HORIZON, ACTION.dim, generator=drawn) - 1
    plan = ITERATIONS * timed(lambda: model.imagine(belief, candidates), times)
    costs = " | ".join(told(each) for each in (update, improve, observe, decide, plan))
    return f"| {size} | {side or 'none'} | {megabytes:.1f} MB | {costs} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", choices=tuple(LEARNERS), default="rssm")
    parser.add_argument("--sizes", nargs="+", choices=tuple(SIZES), default=list(SIZES))
    sides = (0, *sorted(IMAGE_SIZES))
    parser.add_argument("--sides", nargs="+", type=int, choices=sides, default=[0, 32, 64])
    parser.add_argument("--times", type=int, default=7, help="updates of each")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print("| size | image | model | update | + policy | observe | policy's decision | plan |")
    print("|---|---|---|---|---|---|---|---|")
    for size in arguments.sizes:
        for side in arguments.sides:
            print(row(arguments.kind, size, side, arguments.times), flush=True)


if __name__ == "__main__":
    main()
