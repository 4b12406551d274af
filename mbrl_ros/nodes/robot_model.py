"""The model of a robot that others simulate or drive, for nodes that draw it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mbrl_ros.core.extensions import describe
from mbrl_ros.core.settings import build
from mbrl_ros.scene.settings import DrawnSettings
from mbrl_ros.simulation.settings import SimulatorSettings

if TYPE_CHECKING:
    from mbrl_ros.scene.posing import Poser

# What of the simulator's settings makes its model.
_PLANT = ("environment", "task_module", "time_step")


class RobotModel:
    """Loads a model once it is known which, on a thread of its own: it takes seconds."""

    def __init__(
        self,
        drawn: DrawnSettings,
        found: Callable[[Poser], None],
        failed: Callable[[str], None],
    ) -> None:
        """Load nothing yet.

        Args:
            drawn: which model it is.
            found: called with what poses it, on that thread.
            failed: called with why there is none, on that thread.
        """
        self._drawn, self._found, self._failed = drawn, found, failed
        self._thread: threading.Thread | None = None

    def look(self, plant: Mapping[str, Any], names: Sequence[str]) -> None:
        """Load it if that has not begun, and what is known is enough.

        Args:
            plant: parameters of ``mujoco_sim``; empty: not known.
            names: of the observation's dimensions; empty: not known.
        """
        if self._thread is None and (names if self._drawn.model else plant.get("environment")):
            self._thread = threading.Thread(target=self._load, args=(plant, names), daemon=True)
            self._thread.start()

    def _load(self, plant: Mapping[str, Any], names: Sequence[str]) -> None:
        from mbrl_ros.scene.posing import Poser

        try:
            if self._drawn.model:
                poser = Poser.of_file(self._drawn.model, names, self._drawn.joints)
            else:
                given = {name: plant[name] for name in _PLANT}
                poser = Poser.of_plant(build(SimulatorSettings, given))
            self._found(poser)
        except Exception as error:  # an environment's constructor may raise anything
            self._failed(str(error) if isinstance(error, ValueError) else describe(error))
