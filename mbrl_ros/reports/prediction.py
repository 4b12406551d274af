"""Predictions of the newest model against actual observations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from mbrl_ros.core.kinds import kind_of
from mbrl_ros.core.settings import for_node
from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.data.transitions import Transitions
from mbrl_ros.models import checkpoint
from mbrl_ros.models.prior import prior_of
from mbrl_ros.models.world_model import Belief, WorldModel
from mbrl_ros.planning.settings import PlannerSettings
from mbrl_ros.reports.history import History, checkpoints

# Length of the stretch shown, in horizons.
_STRETCH = 5


@dataclass(frozen=True)
class Prediction:
    """A stretch of an episode, and open-loop predictions that start within it.

    Attributes:
        episode: its number.
        first: step at which the stretch begins.
        horizon: steps of each prediction.
        actual: shape ``(T + 1, O)``, SI units.
        starts: start of each prediction, counted from ``first``; K values.
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
    """Predict the end of the last sufficiently long episode, piece by piece.

    Each piece starts from measured observations, and is rolled out with the applied actions. None
    without a model or such an episode.
    """
    table = history.transitions
    loaded = _newest_model(history)
    if table is None or loaded is None:
        return None
    name, model = loaded
    # More threads than free cores make this small computation a hundred times slower.
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
    # With the history that the model's belief needs.
    lead = min(starts[-1], model.context)
    stretch = table[starts[-1] - lead : starts[-1] + pieces * horizon]
    rows = table[starts[-1] : starts[-1] + pieces * horizon]
    beliefs = _beliefs(model, stretch)[lead:]
    applied = torch.from_numpy(stretch.action).float()
    means, stds = [], []
    for begin in range(0, len(rows), horizon):
        # With a delay, previous actions take effect first.
        acting = lead + begin - model.delay + np.arange(horizon)
        actions = applied[np.maximum(acting, 0)]
        imagined = model.imagine(beliefs[begin], actions[None]).observations
        if imagined is None:
            return None
        members = imagined[:, 0].double().numpy()
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
    """Return the dimensions to show: those in the objective, then the first ones."""
    names = history.task.observation.names
    spoken: list[str] = []
    for parameter, value in for_node(history.parameters, "mpc_controller").items():
        if parameter.startswith("objective.") and parameter.endswith(".of"):
            spoken += [name for name in value if name in names]
    return [names.index(name) for name in dict.fromkeys([*spoken, *names])][:count]


def _beliefs(model: WorldModel, rows: Transitions) -> list[Belief]:
    """Return the model's belief at the start of each row."""
    beliefs: list[Belief] = []
    for k, row in enumerate(rows):
        before = rows.action[k - 1] if k else row.previous_action
        acted = model.action.neutral if before is None else np.asarray(before)
        values = torch.from_numpy(np.asarray(row.observation)).float()
        is_first = k == 0 or not (rows.next_observation[k - 1] == row.observation).all()
        action = torch.from_numpy(acted).float()
        beliefs.append(model.observe(beliefs[-1] if beliefs else None, action, values, is_first))
    return beliefs


def _newest_model(history: History) -> tuple[str, WorldModel] | None:
    for path in reversed(checkpoints(history.run_dir)):
        try:
            update = checkpoint.load(path)
            kind = kind_of(update.kind, history.task.learner)
            model: WorldModel = kind.make_world_model(update, prior=prior_of(history.task))
        except ValueError as error:
            history.notes.append(f"{path.name}: {error}")
            continue
        if list(model.observation.names) == history.task.observation.names:
            return path.stem, model
    return None
