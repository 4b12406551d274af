"""Training of an ensemble."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mbrl_ros.data.segments import Indices, Segments
from mbrl_ros.models.ensemble.networks import Ensemble
from mbrl_ros.models.trainer import Trainer


class EnsembleTrainer(Trainer):
    """Trains networks, each on its own batch."""

    @property
    def shape(self) -> tuple[int, ...]:
        """See `Trainer.shape`: ``(M, B)``."""
        return self.model.members, self._settings.batch_size

    def _loss(self, data: Segments, rows: Indices) -> Tensor:
        """Return the loss over open-loop steps, each masked to unbroken data."""
        model, network, steps = self.model, self.model.network, self._settings.steps
        assert isinstance(network, Ensemble)
        last = len(data) - 1
        batches = [
            model.mirror.every_other(
                data.batch(np.minimum(rows + k, last), model.delay, model.origin)
            )
            for k in range(steps)
        ]
        predictions = model.unroll(batches[0].state, [b.action for b in batches])
        total, count = torch.zeros(()), 0.0
        for k, (b, predicted) in enumerate(zip(batches, predictions, strict=True)):
            known = None if k else b.foreseen
            base = predicted.base if known is None else model.base(b.state, b.action, known)
            target = model.normalized_target(base, b.next_observation)
            loss = network.loss(predicted.mean, predicted.log_variance, target)
            if k == 0:  # later errors accumulate, and some run into another episode
                network.note_errors(predicted.mean, target)
            if steps == 1:
                return loss.mean()
            unbroken = data.unbroken(rows, k)
            total = total + (loss * torch.from_numpy(unbroken)[..., None]).sum()
            count += float(unbroken.sum()) * loss.shape[-1]
        return total / count
