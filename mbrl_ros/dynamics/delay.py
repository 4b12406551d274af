"""How late actions act, found out with inverse models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mbrl_ros.dynamics.encoding import Encoding
from mbrl_ros.dynamics.holdout import Holdout
from mbrl_ros.dynamics.regression import Regression
from mbrl_ros.dynamics.replay import Replay
from mbrl_ros.dynamics.segments import Indices, Segments
from mbrl_ros.spaces import FloatArray, Space

_HIDDEN = [64, 64]
_STEPS = 400
_BATCH = 128
# Enough to tell, few enough for a second's work.
_MOST_ROWS = 5000


@dataclass(frozen=True)
class Identification:
    """What the data says of the delay.

    Attributes:
        delay: the most likely one [control steps].
        unexplained: for each delay from 0 on, the share of the actions' variance that an
            inverse model leaves unexplained, relative to what is unexplained without knowing
            what the plant did; shape ``(W,)``.
    """

    delay: int
    unexplained: FloatArray


def identify(
    observation: Space, action: Space, replay: Replay, holdout: Holdout, seed: int
) -> Identification | None:
    """Find which action of those sent before is the one that a change tells of.

    An inverse model learns to tell the last W actions from an observation and the next one. A
    controller's own actions can be told from the first observation alone, as its answer to it,
    so a second one is learned without the next observation: the delay is that at which knowing
    the change helps most.

    Args:
        observation: O dimensions.
        action: A dimensions.
        replay: to learn from.
        holdout: to judge by.
        seed: of weights and batches.

    Returns:
        what was found, or None if nothing is kept back yet.
    """
    kept = holdout.rows.ends(1)
    if not len(kept):
        return None
    encoding = Encoding(observation, action)
    known = _pairs(encoding, replay.rows, replay.spread(_MOST_ROWS))
    judged = _pairs(encoding, holdout.rows, kept[-_MOST_ROWS:])
    width = encoding.input_dim - action.dim
    with_change = _unexplained(known, judged, known[0].shape[-1], seed)
    without = _unexplained(known, judged, width, seed)
    ratio = (with_change / without).numpy()
    relative: FloatArray = ratio.reshape(-1, action.dim).mean(axis=1)
    return Identification(int(np.argmin(relative)), relative)


def _pairs(encoding: Encoding, rows: Segments, chosen: Indices) -> tuple[Tensor, Tensor]:
    """Return what an inverse model is told ``(N, I)`` and is to tell ``(N, W * A)``."""
    b = rows.batch(chosen, 0)
    seen = b.state[..., : encoding.observation_dim]
    nothing = torch.zeros(len(chosen), encoding.action_dim)
    told = encoding.encode(seen, nothing)[..., : -encoding.action_dim]
    change = encoding.difference(seen, b.following)
    return torch.cat([told, change], dim=-1), rows.commands(chosen).flatten(1)


def _unexplained(
    known: tuple[Tensor, Tensor], judged: tuple[Tensor, Tensor], inputs: int, seed: int
) -> Tensor:
    """Return the mean squared errors of a model that is told the first inputs only, ``(W * A,)``.

    Args:
        known: inputs and outputs to learn from.
        judged: inputs and outputs to judge by.
        inputs: how many it is told.
        seed: of weights and batches.
    """
    generator = torch.Generator().manual_seed(seed)
    told, said = known[0][:, :inputs], known[1]
    model = Regression(inputs, said.shape[-1], _HIDDEN, generator)
    model.normalize_from(told, said)
    optimizer = model.optimizer()
    for _ in range(_STEPS):
        rows = torch.randint(len(told), (_BATCH,), generator=generator)
        model.update(optimizer, told[rows], said[rows])
    with torch.no_grad():
        error = model(judged[0][:, :inputs]) - judged[1]
    return error.square().mean(dim=0).clamp_min(1e-9)
