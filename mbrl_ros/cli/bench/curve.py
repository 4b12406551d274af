"""One learning curve: what the model frozen after so many steps is good for."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

from mbrl_ros.cli.lock_step import LockStepSystem
from mbrl_ros.system.configuration import read_task

# Evaluations start from states of their own, the same for every point of every curve.
_EVALUATION_SEED = 1_000_003


@dataclass(frozen=True)
class Job:
    """A curve to be learned.

    Attributes:
        task: shipped, or the path of a parameter file.
        seed: of everything random.
        points: the environment's own steps after which it is evaluated, rising.
        episodes: of each evaluation.
        parameters: name to value, of learning and evaluation.
        evaluation: name to value, of the evaluation only.
    """

    task: str
    seed: int
    points: tuple[int, ...]
    episodes: int
    parameters: dict[str, object]
    evaluation: dict[str, object]

    def path(self, folder: Path) -> Path:
        """Return where its curve is kept; another one for other parameters."""
        digest = hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()
        return folder / f"{Path(self.task).stem}-{self.seed}-{digest[:8]}.json"


def learn(job: Job, folder: Path) -> Path:
    """Learn a curve, unless it is there already.

    Args:
        job: what to learn.
        folder: keeps the curves.

    Returns:
        the file with the curve: a list of (env steps, mean return).

    Raises:
        ValueError: naming the parameter that does not fit.
        OSError: if it cannot be written.
    """
    path = job.path(folder)
    if path.exists():
        return path
    system = LockStepSystem(read_task(job.task, {**job.parameters, "seed": job.seed}))
    system.check_ends()
    curve = []
    for point in job.points:
        system.run(point)
        curve.append((system.simulator.env_steps, evaluate(job, system)))
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(curve), encoding="utf-8")
    partial.replace(path)
    return path


def evaluate(job: Job, learned: LockStepSystem) -> float:
    """Return the mean return of whole episodes with the newest model that passed its gate.

    The plant that is learned on goes on as if nothing had happened.
    """
    overrides = {**job.parameters, **job.evaluation, "seed": _EVALUATION_SEED}
    judge = LockStepSystem(read_task(job.task, overrides))
    if learned.published is not None:
        judge.controller.offer_model(learned.published, 1, 1)
    return fmean(judge.evaluate(job.episodes))
