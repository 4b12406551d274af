"""The worst conditions within their ranges, by CMA-ES (Hansen 2016)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mbrl_ros.core.settings import SettingsError
from mbrl_ros.core.spaces import FloatArray

# Initial standard deviation, in the unit cube.
_SIGMA = 0.3


def worst(
    start: FloatArray,
    episodes: int,
    seed: int,
    slacks: Callable[[Sequence[FloatArray]], Iterator[float]],
) -> None:
    """Look for the place of the unit cube with the least slack.

    Args:
        start: where to begin, shape ``(D,)``.
        episodes: to play at most; whole generations are played.
        seed: of the search.
        slacks: plays at each of some places, and returns their slacks in turn.

    Raises:
        SettingsError: if the library is not installed.
    """
    try:
        from cmaes import CMA
    except ImportError:
        raise SettingsError(
            "search: needs the package cmaes (pip install mbrl_ros[graduation]); 0: no search"
        ) from None
    dim = len(start)
    if not dim or not episodes:
        return
    bounds = np.tile([0.0, 1.0], (dim, 1))
    search = CMA(mean=np.clip(start, 0.05, 0.95), sigma=_SIGMA, bounds=bounds, seed=seed)
    played = 0
    while played < episodes:
        many = min(search.population_size, episodes - played)
        places = [search.ask() for _ in range(many)]
        told = [*zip(places, slacks(places), strict=True)]
        played += many
        if many == search.population_size:
            search.tell(told)
