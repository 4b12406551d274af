"""Settings of learning."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from mbrl_ros.core.extensions import load
from mbrl_ros.core.kinds import Kind
from mbrl_ros.core.settings import group, setting
from mbrl_ros.data.settings import ReplaySettings
from mbrl_ros.learning.policy.settings import PolicySettings
from mbrl_ros.models.ensemble.settings import EnsembleSettings
from mbrl_ros.models.settings import OptimizerSettings


@dataclass(frozen=True)
class GateSettings:
    """When a model may be published."""

    holdout_fraction: float = setting(0.1, "share of the data in the hold-out", low=0.01, high=0.5)
    segment: int = setting(10, "consecutive steps per hold-out segment", low=2, high=1000)
    horizon: int = setting(
        8, "open-loop steps on the hold-out", low=1, high=1000, at_most="segment"
    )
    first_transitions: int = setting(100, "transitions before the first model", low=1)
    first_error: float = setting(
        0.7, "maximum open-loop error of the first model, in standard deviations", low=0.0
    )
    good_error: float = setting(
        0.15, "open-loop error that always passes, in standard deviations", low=0.0
    )
    factor: float = setting(
        1.3, "maximum open-loop error, relative to the best model's on the same data", low=1.0
    )
    interval: int = setting(25, "transitions between two gate decisions", low=1)


@dataclass(frozen=True)
class TrainerSettings:
    """The trainer's parameters, for an ensemble; other kinds have other model settings."""

    model: EnsembleSettings = group(EnsembleSettings)
    optimizer: OptimizerSettings = group(OptimizerSettings)
    replay: ReplaySettings = group(ReplaySettings)
    gate: GateSettings = group(GateSettings)
    policy: PolicySettings = group(PolicySettings)
    demonstrations: list[str] = setting(
        [],
        "bags whose transitions are learned from first, as if they had been of this run, such as "
        "those in which a person has commanded",
    )
    robots: list[str] = setting(
        [],
        "namespaces of the robots of a fleet, such as /left, from all of which one model is "
        "learned; empty: that of the trainer's own namespace",
    )
    signing_key: str = setting(
        "", "file of the Ed25519 private key (PEM) that models are signed with; empty: none are"
    )
    checkpoints: int = setting(
        5, "newest models kept on disk; to replay a run, all are needed", low=1, high=1_000_000
    )


# One class per kind, created once: results derived from a class are cached with it.
_MADE: dict[type[Any], type[TrainerSettings]] = {EnsembleSettings: TrainerSettings}


def trainer_settings(kind: Kind) -> type[TrainerSettings]:
    """Return the trainer's settings for a kind of model."""
    if kind.settings not in _MADE:
        others = {name: load(own, "learner") for name, own in kind.groups.items()}
        groups = {"model": kind.settings, **others}
        _MADE[kind.settings] = dataclasses.make_dataclass(
            "TrainerSettings",
            [(name, own, group(own)) for name, own in groups.items()],
            bases=(TrainerSettings,),
            frozen=True,
        )
    return _MADE[kind.settings]
