"""Identification of the action delay, by inverse models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.data.row_replay import RowReplay
from mbrl_ros.data.segments import Batch
from mbrl_ros.learning.kernel_ridge import unexplained
from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.encoding import Encoding

# Enough for a reliable result within a second.
_MOST_ROWS = 600
# A new delay must reduce the present one's unexplained variance to less than this share.
_CLEARLY = 0.8
_LEAST_SHARE = 1e-9


@dataclass(frozen=True)
class Identification:
    """The delay identified from data.

    Attributes:
        delay: the present one, or another one that explains clearly more variance [control steps].
        unexplained: for each delay from 0 on, the share of the actions' variance that an inverse
            model leaves unexplained, relative to a model without the next observation; shape
            ``(max_delay + 1,)``.
    """

    delay: int
    unexplained: FloatArray

    @property
    def told(self) -> str:
        """The delay in words, and how sure it is."""
        others = np.delete(self.unexplained, self.delay)
        ratio = float(others.min(initial=np.inf) / max(self.unexplained[self.delay], _LEAST_SHARE))
        what = "1 step" if self.delay == 1 else f"{self.delay} steps"
        sure = f"the next best delay leaves {ratio:.3g} times as much unexplained"
        if ratio * _CLEARLY <= 1.0:
            sure = "not told by these data"
        return f"actions act {what} late ({sure})"


def identify(model: DynamicsModel, replay: RowReplay) -> Identification:
    """Identify which previously sent action caused a change.

    An inverse model predicts the last actions, one per possible delay, from the model's input and
    the next observation. A controller's actions can be predicted from its observations alone, so a
    second inverse model does without the next observation: the delay is the one at which the next
    observation helps most.

    Args:
        model: with the present delay.
        replay: the data; not empty.
    """
    rows = replay.spread(_MOST_ROWS)
    batch = replay.rows.batch(rows, 0, model.origin)
    seen = _seen(model, batch)
    change = model.encoding.difference(
        batch.state[:, : model.observation.dim], batch.next_observation
    )
    # With a history the rows hold further actions, which belong to previous observations.
    sent = replay.rows.commands(rows)[:, : model.settings.max_delay + 1].flatten(1)
    blocks = rows // replay.rows.segment
    known = unexplained(torch.cat([seen, change], dim=-1), sent, blocks)
    ratio = known.clamp_min(_LEAST_SHARE) / unexplained(seen, sent, blocks).clamp_min(_LEAST_SHARE)
    relative: FloatArray = ratio.reshape(-1, model.action.dim).mean(dim=1).numpy()
    likely = int(np.argmin(relative))
    clear = relative[likely] < _CLEARLY * relative[model.delay]
    return Identification(likely if clear else model.delay, relative)


def _seen(model: DynamicsModel, batch: Batch) -> Tensor:
    """Return the observations in a model's input, without actions, shape ``(N, I)``."""
    encoding, o = Encoding(model.observation, model.action), model.observation.dim
    nothing = torch.zeros(len(batch.state), model.action.dim)
    return torch.cat(
        [
            encoding.encode(batch.state[:, i * o : (i + 1) * o], nothing)[:, : -model.action.dim]
            for i in range(model.encoding.history)
        ],
        dim=-1,
    )
