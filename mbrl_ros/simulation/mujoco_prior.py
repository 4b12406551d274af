"""A MuJoCo simulation as the prior that a learned model corrects."""

from __future__ import annotations

from mbrl_ros.core.prior import PriorSettings
from mbrl_ros.core.spaces import Space
from mbrl_ros.simulation.mujoco_steps import MujocoSteps
from mbrl_ros.simulation.settings import PhysicsSettings, SimulatorSettings


class MujocoPrior(MujocoSteps):
    """The simulation of ``prior.*``."""

    def __init__(
        self, settings: PriorSettings, observation: Space, action: Space, period: float
    ) -> None:
        """Create it; arguments as for `MujocoSteps`.

        Raises:
            ValueError: naming the setting that is wrong.
        """
        try:
            if not settings.environment:
                raise ValueError("environment: expected a Gymnasium id or an MJCF file")
            super().__init__(
                SimulatorSettings(
                    environment=settings.environment, task_module=settings.task_module
                ),
                observation,
                action,
                period,
                time_steps=settings.time_steps,
                threads=settings.threads,
            )
            self.change(
                PhysicsSettings(
                    mass_scale=settings.mass_scale,
                    bodies=settings.bodies,
                    friction_scale=settings.friction_scale,
                    gain_scale=settings.gain_scale,
                )
            )
        except ValueError as error:
            text = str(error).removeprefix("physics.")
            ours = text.startswith(("environment", "task_module", "bodies", "gain_scale"))
            raise ValueError(f"prior.{text if ours else f'environment: {text}'}") from None
