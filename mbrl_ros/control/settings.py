"""Settings of the controller."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.core.settings import group, setting
from mbrl_ros.planning.settings import PlannerSettings


@dataclass(frozen=True)
class ExplorationSettings:
    """Exploration: coloured noise, until a first model has passed its gate."""

    enabled: bool = setting(
        True, "false: without a model, as one of an earlier run, the safe command"
    )
    noise_beta: float = setting(1.0, "colour of the noise: 0 white, 2 a random walk", low=0, high=5)
    policy: bool = setting(
        True,
        "also later, draw the actions of agent policy at random, as learning requires; false: its "
        "best known actions",
    )
    std: float = setting(
        1.0, "standard deviation, as a share of half the action range", low=0.0, high=10.0
    )
    amplitude: float = setting(
        1.0, "most distance from the middle, as a share of half the action range", low=0.0, high=1.0
    )
    rate: float = setting(
        0.0,
        "most change per second, as a share of the action range, beside limits.rate; 0: any",
        low=0.0,
    )
    curiosity: float = setting(
        0.0,
        "also later, reward of an imagined step that the members disagree on, as a share of the "
        "range of the rewards so far, so that rare rewards are found; 0: none",
        low=0.0,
        high=1e6,
    )
    fading: int = setting(
        1000, "decisions after which curiosity is down to 0.7; eight times later to a third",
        low=1,
    )  # fmt: skip


@dataclass(frozen=True)
class AdaptationSettings:
    """Fast adaptation of the model's last layer, in the controller."""

    enabled: bool = setting(True, "correct the model by what happens, at every tick")
    strength: float = setting(
        0.3,
        "how much a prediction is expected to change, as a standard deviation, in units of the "
        "targets' standard deviations",
        low=1e-4,
        high=10.0,
    )
    memory: int = setting(
        1000, "control steps after which what was learned counts 1/e", low=2, high=10_000
    )


@dataclass(frozen=True)
class TrustSettings:
    """How far the model is trusted.

    Thresholds are recent median z-scores of predictions: 1 is what the model was on the hold-out.
    """

    enabled: bool = setting(True, "act on it; otherwise it is only told")
    steps: int = setting(8, "control steps of the open-loop predictions", low=2, high=100)
    memory: int = setting(25, "control steps over which the median is taken", low=1, high=10_000)
    cautious: float = setting(
        6.0,
        "beyond, plans are half as long, and caution is greater by 1",
        low=1.0,
        at_most="doubtful",
    )
    doubtful: float = setting(
        12.0,
        "beyond, plans are a quarter as long, and caution is greater by 2",
        low=1.0,
        at_most="fallback",
    )
    fallback: float = setting(24.0, "beyond, the safe command is sent", low=1.0)


@dataclass(frozen=True)
class ControllerSettings:
    """The controller's parameters."""

    agent: str = setting(
        "planner",
        "who decides: planner; policy (that of the model, without a search); planner+policy (the "
        "policy's actions compete with the planner's); planner_then_policy (the planner until "
        "there is a policy); random",
        choices=("planner", "policy", "planner+policy", "planner_then_policy", "random"),
    )
    autostart: bool = setting(
        True, "configure at start and activate with the first valid observation"
    )
    after_crash: str = setting(
        "resume",
        "what a controller does that ended uncleanly while active and is started again in its run: "
        "resume; hold (the safe command until ~/arm); inactive (nothing until it is activated)",
        choices=("resume", "hold", "inactive"),
    )
    model_key: str = setting(
        "",
        "file of the Ed25519 public key (PEM) that models must be signed for; empty: any of this "
        "run are used",
    )
    needs_limits: bool = setting(
        False,
        "whether it activates only with limits of states: limits.of, limits.forbidden or "
        "limits.model",
    )
    observation_timeout: float = setting(
        0.0,
        "without an observation for so long, the safe command [s]; 0: 5 periods, at least 0.2 s",
        low=0.0,
    )
    deadline_margin: float = setting(
        0.15, "share of the period kept free for transport between the nodes", low=0.0, high=0.9
    )
    latency_compensation: bool = setting(
        True, "plan from where the plant will be when the command acts, not from where it was seen"
    )
    autotune: bool = setting(
        True,
        "in real time, with the first model: measure which candidates, iterations, knots and "
        "members the machine has the time for; those that the configuration names stay as they are",
    )
    model_file: str = setting(
        "", "a checkpoint to act with, and with no other; empty: the models of the trainer"
    )
    model_sha256: str = setting("", "SHA-256 that this file must have, hexadecimal; empty: any")
    device: str = setting("cpu", "where plans are computed", choices=("cpu", "cuda"))
    planner: PlannerSettings = group(PlannerSettings)
    exploration: ExplorationSettings = group(ExplorationSettings)
    adaptation: AdaptationSettings = group(AdaptationSettings)
    trust: TrustSettings = group(TrustSettings)

    def longest_silence(self, period: float) -> float:
        """Return for how long plans go on without an observation, at a control period [s]."""
        return self.observation_timeout or max(0.2, 5 * period)
