"""What a model expects, and how wrong it expects to be."""

from __future__ import annotations

import torch
from torch import Tensor

from mbrl_ros.dynamics.model import DynamicsModel


@torch.no_grad()
def expected_error(model: DynamicsModel, state: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """Return where actions lead, and the standard deviation of the error to be expected.

    The variance is that between the members after all steps, and the noise that they predict for
    each step, as if it added up.

    Args:
        model: predicts.
        state: shape ``(B, S)``.
        actions: shape ``(B, H, A)``, H at least 1.

    Returns:
        mean of the members and standard deviation, each ``(B, O)``, SI units.
    """
    m = model.members
    states = state.to(model.low).expand(m, -1, -1)
    noise = torch.zeros(())
    for action in actions.to(model.low).unbind(dim=1):
        acted = action.expand(m, -1, -1)
        seen, std = model.predict(states, acted)
        noise = noise + std.square().mean(dim=0)
        states = model.encoding.advance(states, acted, seen)
    mean = seen.mean(dim=0)
    # Angles may lie on either side of the jump.
    apart = model.encoding.difference(mean.expand_as(seen), seen)
    return mean, (apart.square().mean(dim=0) + noise).sqrt()
