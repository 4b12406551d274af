"""Settings of planning."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.core.settings import group, setting


@dataclass(frozen=True)
class ICEMSettings:
    """Parameters of iCEM beyond those of the cross-entropy method."""

    finest_scale: float = setting(
        0.1,
        "noise scale of the finest candidate, relative to the coarsest",
        low=1e-3,
        high=1.0,
        live=True,
    )
    decay: float = setting(
        1.25, "factor by which the population shrinks per iteration", low=1.0, high=100.0, live=True
    )


@dataclass(frozen=True)
class MPPISettings:
    """Parameters of MPPI."""

    effective_share: float = setting(
        0.1,
        "effective sample size that sets the temperature, as a share of the candidates; 0: fixed",
        low=0.0,
        high=1.0,
        live=True,
    )
    temperature: float = setting(
        0.2,
        "temperature if effective_share is 0, in standard deviations of the returns",
        low=1e-3,
        high=1e3,
        live=True,
    )
    smoothing: bool = setting(
        False, "smooth the plan together with the commands already sent", live=True
    )


@dataclass(frozen=True)
class GradientSettings:
    """Parameters of the gradient planner."""

    starts: int = setting(
        6,
        "sequences improved in parallel, including the rest of the last plan",
        low=1,
        high=1000,
        live=True,
    )
    step_size: float = setting(
        0.1,
        "step size of Adam, as a share of half the action range",
        low=1e-4,
        high=1.0,
        live=True,
    )


@dataclass(frozen=True)
class PlannerSettings:
    """Parameters of the planner and its loop; those of a single planner have its name."""

    type: str = setting(
        "icem",
        "random_shooting, cem, icem, mppi, categorical_cem (discrete actions), gradient, ilqr, "
        "or a class of your own as module:attribute",
        live=True,
    )
    horizon: int = setting(30, "actions planned ahead", low=1, high=1000, live=True)
    candidates: int = setting(
        64, "action sequences evaluated per iteration", low=2, high=100_000, live=True
    )
    iterations: int = setting(3, "iterations per plan", low=1, high=100, live=True)
    knots: int = setting(0, "knots of a candidate; 0: one per action", low=0, high=1000, live=True)
    interpolation: str = setting(
        "linear",
        "interpolation between the knots",
        choices=("zero", "linear", "cubic"),
        live=True,
    )
    members: int = setting(
        0, "ensemble members used for planning; 0: all", low=0, high=100, live=True
    )
    engine: str = setting(
        "float32",
        "how an ensemble's products are computed: float32; onednn (float32, by that library); "
        "bfloat16 (products between hidden layers). In real time it is measured which is fastest",
        choices=("float32", "onednn", "bfloat16"),
        live=True,
    )
    elites: int = setting(
        10, "best candidates, to which the next distribution is fitted", low=1, live=True
    )
    keep_elites: float = setting(
        0.3,
        "icem, categorical_cem: share of the elites that compete again",
        low=0,
        high=1,
        live=True,
    )
    momentum: float = setting(
        0.1, "share of the old distribution kept per iteration", low=0, high=1, live=True
    )
    noise_std: float = setting(
        0.5,
        "initial standard deviation of the noise, as a share of half the action range",
        low=0.01,
        live=True,
    )
    noise_beta: float = setting(
        1.5,
        "icem, mppi: exponent of coloured noise: 0 white, 2 random walk",
        low=0.0,
        high=5.0,
        live=True,
    )
    proposals: list[str] = setting(
        [],
        "extra candidates of each plan: previous_plan, inverse_model (leads back to where the last "
        "plan was going; needs model.inverses), or functions of your own as module:attribute",
        live=True,
    )
    icem: ICEMSettings = group(ICEMSettings)
    mppi: MPPISettings = group(MPPISettings)
    gradient: GradientSettings = group(GradientSettings)
