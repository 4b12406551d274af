"""What the newest model predicts against what happened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from mbrl_ros.dynamics import checkpoint
from mbrl_ros.dynamics.checkpoint import CheckpointError
from mbrl_ros.dynamics.model import DynamicsModel
from mbrl_ros.dynamics.rollout import Rollout
from mbrl_ros.dynamics.segments import one_segment
from mbrl_ros.planning.settings import PlannerSettings
from mbrl_ros.reports.history import History, checkpoints
from mbrl_ros.settings import for_node
from mbrl_ros.spaces import FloatArray

# Stretches of this many horizons are shown.
_STRETCH = 5


@dataclass(frozen=True)
class Prediction:
    """A stretch of an episode, and open-loop predictions that begin within it.

    Attributes:
        episode: its number.
        first: step at which the stretch begins.
        horizon: steps that each prediction goes ahead.
        actual: shape ``(T + 1, O)``, SI units.
        starts: where each prediction begins, counted from ``first``; K values.
        means: of the ensemble, shape ``(K, H + 1, O)``.
        stds: between its members, shape ``(K, H + 1, O)``.
        model: name of the checkpoint.
    """

    episode: int
    first: int
    horizon: int
    actual: FloatArray
    starts: list[int]
    means: FloatArray
    stds: FloatArray
    model: str


def predict(history: History) -> Prediction | None:
    """Predict the end of the last episode that is long enough, piece by piece.

    Each piece starts from what was measured, and is then rolled out with the actions that
    were applied. None without a model or without such an episode.
    """
    table = history.transitions
    loaded = _newest_model(history)
    if table is None or loaded is None:
        return None
    name, model = loaded
    # More threads than free cores make this small work a hundred times slower.
    torch.set_num_threads(1)
    planner = for_node(history.parameters, "mpc_controller")
    horizon = int(planner.get("planner.horizon", PlannerSettings().horizon))
    starts: list[int] = []
    for pieces in range(_STRETCH, 0, -1):
        starts = table.windows(pieces * horizon).tolist()
        if starts:
            break
    else:
        return None
    # With what came before, as far as the model is told of it.
    told, delay = model.encoding.history, model.delay
    lead = min(starts[-1], told + delay)
    stretch = table[starts[-1] - lead : starts[-1] + pieces * horizon]
    stacked = one_segment(stretch, told, delay)
    rows = table[starts[-1] : starts[-1] + pieces * horizon]
    rollout = Rollout(model)
    means, stds = [], []
    for begin in range(0, len(rows), horizon):
        batch = stacked.batch(lead + begin + np.arange(horizon), delay)
        members = rollout(batch.state[0], batch.action[None])[:, 0].double().numpy()
        means.append(members.mean(axis=0))
        stds.append(members.std(axis=0))
    return Prediction(
        int(rows.episode[0]),
        int(rows.step[0]),
        horizon,
        np.concatenate([rows.observation, rows.next_observation[-1:]]),
        list(range(0, len(rows), horizon)),
        np.stack(means),
        np.stack(stds),
        name,
    )


def main_dimensions(history: History, count: int) -> list[int]:
    """Return the dimensions to show: those that the objective speaks of, then the first ones."""
    names = history.task.observation.names
    spoken: list[str] = []
    for parameter, value in for_node(history.parameters, "mpc_controller").items():
        if parameter.startswith("objective.") and parameter.endswith(".of"):
            spoken += [name for name in value if name in names]
    return [names.index(name) for name in dict.fromkeys([*spoken, *names])][:count]


def _newest_model(history: History) -> tuple[str, DynamicsModel] | None:
    for path in reversed(checkpoints(history.run_dir)):
        try:
            model = checkpoint.load(path)
        except CheckpointError as error:
            history.notes.append(str(error))
            continue
        if list(model.observation.names) == history.task.observation.names:
            return path.stem, model
    return None
