"""Which stand-in is in a robot's place on the command line."""

from __future__ import annotations

from typing import Any

from mbrl_ros.core.settings import SettingsError
from mbrl_ros.system.configuration import Configuration
from mbrl_ros.system.launch_kinds import BRIDGE
from mbrl_ros.system.rehearsed_plants import read_standin


def find_standin(configuration: Configuration, task: str, given: str | None) -> dict[str, Any]:
    """Return the flat parameters of a robot's stand-in; empty: there is no robot.

    Args:
        configuration: of the system.
        task: as given on the command line.
        given: --standin; None: that of the same name as the task.

    Raises:
        SettingsError: if it cannot be read, or there is no robot to stand in for.
    """
    if configuration.nodes.get(BRIDGE):
        try:
            return read_standin(given or str(configuration.shared.get("task")))
        except SettingsError as error:
            raise SettingsError(f"--standin: {error}") from None
    if given:
        raise SettingsError(f"--standin: {task} has no bridge to a robot")
    return {}
