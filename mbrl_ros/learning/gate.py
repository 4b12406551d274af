"""The gate of models that are judged by a hold-out."""

from __future__ import annotations

import math

from mbrl_ros.learning.settings import GateSettings

# Errors below, in standard deviations, are as good as none.
_NONE = 0.02


def judged(
    error: float, of_best: float | None, gate: GateSettings, of_prior: float | None = None
) -> tuple[bool, str]:
    """Return whether a candidate may be published, and the reason.

    Compared with the last model instead of the best one, each could be slightly worse than its
    predecessor.

    Args:
        error: of the candidate on the hold-out.
        of_best: the best model's so far on the same data; None: there is none yet.
        gate: what is allowed.
        of_prior: that of the prior alone, with which plans are made until there is a better model;
            None: there is no prior.
    """
    if of_best is None:
        bound, against = gate.first_error, "allowed for the first model"
    else:
        # Small errors fluctuate on a small hold-out: below `good_error`, no model counts as worse.
        bound = max(gate.good_error, gate.factor * of_best)
        against = f"allowed (the best model's: {of_best:.3f})"
    if of_prior is not None and max(of_prior, _NONE) < bound:
        bound, against = max(of_prior, _NONE), f"allowed (the prior's: {of_prior:.3f})"
    passed = math.isfinite(error) and error <= bound
    told = "published" if passed else "held back"
    return passed, f"{told}: hold-out error {error:.3f}, at most {bound:.3f} {against}"
