"""Settings of planning."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.settings import setting


@dataclass(frozen=True)
class PlannerSettings:
    """iCEM and the loop around it."""

    horizon: int = setting(30, "actions planned ahead", low=1, high=1000, live=True)
    candidates: int = setting(
        64, "action sequences tried per iteration", low=2, high=100_000, live=True
    )
    iterations: int = setting(3, "iterations per plan", low=1, high=100, live=True)
    elites: int = setting(
        10, "best candidates the next distribution is fitted to", low=1, live=True
    )
    noise_beta: float = setting(
        1.5, "colour of the sampling noise: 0 white, 2 a random walk", low=0.0, high=5.0, live=True
    )
    initial_std: float = setting(
        0.5, "first standard deviation, as a share of half the action range", low=0.01, live=True
    )
    finest_scale: float = setting(
        0.1,
        "noise of the finest candidate, relative to the coarsest",
        low=1e-3,
        high=1.0,
        live=True,
    )
    momentum: float = setting(
        0.1, "share of the old mean and deviation kept", low=0, high=1, live=True
    )
    decay: float = setting(
        1.25, "the population shrinks by this per iteration", low=1.0, high=100.0, live=True
    )
    keep_elites: float = setting(
        0.3, "share of the elites that compete again", low=0, high=1, live=True
    )
