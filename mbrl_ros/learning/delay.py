"""How late actions act, found out with inverse models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.data.replay import Replay
from mbrl_ros.data.segments import Batch
from mbrl_ros.learning.kernel_ridge import unexplained
from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.encoding import Encoding

# Enough to tell, few enough for a second's work.
_MOST_ROWS = 600
# Another delay must leave less than this share unexplained of what the present one leaves.
_CLEARLY = 0.8
_LEAST_SHARE = 1e-9


@dataclass(frozen=True)
class Identification:
    """What the data says of the delay.

    Attributes:
        delay: the present one, or another one that explains clearly more [control steps].
        unexplained: for each delay from 0 on, the share of the actions' variance that an
            inverse model leaves unexplained, relative to what is unexplained without knowing
            what the plant did; shape ``(max_delay + 1,)``.
    """

    delay: int
    unexplained: FloatArray


def identify(model: DynamicsModel, replay: Replay) -> Identification:
    """Find which action of those sent before is the one that a change tells of.

    An inverse model tells the last actions, one for each delay that may be, from what a model is
    shown and the observation after it. A controller's own actions can be told from what it saw
    alone, as its answer to it, so a second one is not told the next observation: the delay is
    that at which knowing the change helps most.

    Args:
        model: with the present delay.
        replay: what happened; not empty.
    """
    rows = replay.spread(_MOST_ROWS)
    batch = replay.rows.batch(rows, 0)
    seen = _seen(model, batch)
    change = model.encoding.difference(
        batch.state[:, : model.observation.dim], batch.next_observation
    )
    # With a history the rows hold more actions, but those are for what came before the action.
    sent = replay.rows.commands(rows)[:, : model.settings.max_delay + 1].flatten(1)
    blocks = rows // replay.rows.segment
    known = unexplained(torch.cat([seen, change], dim=-1), sent, blocks)
    ratio = known.clamp_min(_LEAST_SHARE) / unexplained(seen, sent, blocks).clamp_min(_LEAST_SHARE)
    relative: FloatArray = ratio.reshape(-1, model.action.dim).mean(dim=1).numpy()
    likely = int(np.argmin(relative))
    clear = relative[likely] < _CLEARLY * relative[model.delay]
    return Identification(likely if clear else model.delay, relative)


def _seen(model: DynamicsModel, batch: Batch) -> Tensor:
    """Return the observations that a model is shown, without actions, shape ``(N, I)``."""
    encoding, o = Encoding(model.observation, model.action), model.observation.dim
    nothing = torch.zeros(len(batch.state), model.action.dim)
    return torch.cat(
        [
            encoding.encode(batch.state[:, i * o : (i + 1) * o], nothing)[:, : -model.action.dim]
            for i in range(model.encoding.history)
        ],
        dim=-1,
    )
