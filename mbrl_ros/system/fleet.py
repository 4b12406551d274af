"""What each system of a fleet in simulation is started with, for `fleet.launch.py`."""

from __future__ import annotations

from collections.abc import Mapping

from mbrl_ros.core.settings import SettingsError
from mbrl_ros.system.configuration import parse_assignments
from mbrl_ros.system.task_file import absolute_namespace

#: The namespace of the trainer.
TRAINER = "fleet"


def robots_of(given: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the arguments of each robot's launch by its namespace.

    Each has a seed of its own, counted from the one that is given: robots that begin and explore
    alike would see the same.

    Args:
        given: arguments of the fleet's launch, as text.

    Raises:
        SettingsError: if ``robots`` are not names that differ, or the seed is no integer.
    """
    names = parse_assignments([f"robots:={given['robots']}"])["robots"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or not names:
        raise SettingsError(f"robots: expected names such as [left, right], got {given['robots']}")
    taken = [absolute_namespace(name, what="robots") for name in (TRAINER, *names)]
    if len({*taken}) < len(taken):
        raise SettingsError(f"robots: expected names that differ, none {TRAINER}, got {names}")
    seed = parse_assignments([f"seed:={given.get('seed') or 0}"])["seed"]
    if not isinstance(seed, int):
        raise SettingsError(f"seed: expected an integer, got {given['seed']}")
    return {
        name: {"trainer": f"/{TRAINER}", "seed": str(seed + number)}
        for number, name in enumerate(names)
    }
