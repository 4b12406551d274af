"""Settings of a prior: what predicts a step before anything is learned."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.core.settings import setting


@dataclass(frozen=True)
class PriorSettings:
    """A simulation or formulas that the learned model corrects."""

    model: str = setting(
        "",
        "what predicts each step, so that only the rest is learned: mujoco, or a function of "
        "observations and actions as module:attribute; empty: everything is learned",
    )
    environment: str = setting(
        "", "for mujoco: the simulation, a Gymnasium id or an MJCF file as for mujoco_sim"
    )
    task_module: str = setting(
        "", "for an MJCF file: module:attribute or file.py:attribute with the task's functions"
    )
    time_steps: int = setting(
        0,
        "for mujoco: time steps in a control step, of which fewer are faster and less exact; "
        "0: as many as the environment makes",
        low=0,
        high=10000,
    )
    threads: int = setting(1, "for mujoco: threads that compute it", low=1, high=256)
    mass_scale: float = setting(
        1.0, "for mujoco: factor of mass and inertia of prior.bodies", low=0.01, high=100.0
    )
    bodies: list[str] = setting(
        [], "for mujoco: bodies of the model affected by prior.mass_scale; empty: all"
    )
    friction_scale: float = setting(
        1.0,
        "for mujoco: factor of damping and friction in the joints and of sliding friction in "
        "contacts",
        low=0.01,
        high=100.0,
    )
    gain_scale: float = setting(
        1.0,
        "for mujoco: factor of the force of every actuator for the same command",
        low=0.01,
        high=100.0,
    )
