"""Settings of a graduation: what is varied, how much, and what must hold all the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mbrl_ros.core.parameter_files import matching, read_sections
from mbrl_ros.core.resources import resource_directory
from mbrl_ros.core.settings import SettingsError, build, flat, group, setting
from mbrl_ros.system.configuration import Configuration

#: The node in whose name a file has them.
NODE = "graduation"


@dataclass(frozen=True)
class RangeSettings:
    """From where to where each condition is varied; two equal numbers: it is not.

    They are parameters of ``robot_standin``: ``disturbance`` and ``physics``; and of time.
    """

    actuation_delay: list[float] = setting([0.0, 0.0], "of every command [s]", low=0.0)
    sensing_delay: list[float] = setting([0.0, 0.0], "of every reading [s]", low=0.0)
    delay_jitter: list[float] = setting([0.0, 0.0], "further delay of each, up to [s]", low=0.0)
    dropout: list[float] = setting([0.0, 0.0], "share of lost messages", low=0.0, high=1.0)
    stuck: list[float] = setting(
        [0.0, 0.0], "time in each second for which readings do not change [s]", low=0.0, high=1.0
    )
    noise: list[float] = setting(
        [0.0, 0.0], "standard deviation of readings, as a share of their own in an episode", low=0.0
    )
    bias: list[float] = setting([0.0, 0.0], "constant error of readings, as such a share", low=0.0)
    backlash: list[float] = setting(
        [0.0, 0.0], "play of each motor, as a share of its range", low=0.0, high=1.0
    )
    push: list[float] = setting(
        [0.0, 0.0], "sudden change of one joint's velocity [m/s, rad/s]", low=0.0
    )
    mass_scale: list[float] = setting([1.0, 1.0], "factor of mass and inertia", low=0.01)
    friction_scale: list[float] = setting([1.0, 1.0], "factor of damping and friction", low=0.01)
    gain_scale: list[float] = setting([1.0, 1.0], "factor of the motors' force", low=0.01)
    late: list[float] = setting(
        [0.0, 0.0], "share of answers that are not ready in time", low=0.0, high=1.0
    )
    rate_jitter: list[float] = setting(
        [0.0, 0.0], "unevenness of the control steps, as a share of the period", low=0.0, high=0.9
    )


@dataclass(frozen=True)
class ThresholdSettings:
    """What must hold.

    A share of the return is 0 where nobody commands, and 1 of the unperturbed episode.
    """

    unperturbed: float = setting(
        0.4,
        "least share of the unperturbed return where 1 is the best step of that episode, lasting",
        high=1.0,
    )
    share: float = setting(0.6, "least share of the return in a draw", high=1.0)
    violations: float = setting(0.0, "most share of the time beyond limits.*", low=0.0, high=1.0)
    interventions: float = setting(
        0.2, "most share of commands that the guard may change", low=0.0, high=1.0
    )
    fallback: float = setting(0.1, "most share of the time in the safe command", low=0.0, high=1.0)
    recovery: float = setting(
        4.0, "most time after a push until the reward is as good as it was [s]", low=0.0
    )
    pass_rate: float = setting(
        0.9, "least share of random draws in which all of this holds", low=0.0, high=1.0
    )
    worst_share: float = setting(
        0.0,
        "least share of the return in the worst case; what limits say must hold there, too",
        high=1.0,
    )
    deadline_misses: float = setting(
        0.02, "most share of late ticks in the processes", low=0.0, high=1.0
    )


@dataclass(frozen=True)
class GraduationSettings:
    """Parameters of ``mbrl-ros graduate``."""

    draws: int = setting(16, "random draws of the conditions", low=1, high=100_000)
    search: int = setting(
        16, "episodes of the search for the worst conditions", low=0, high=100_000
    )
    processes: int = setting(
        2, "episodes of the real processes: the unperturbed one, then random draws", low=0, high=100
    )
    cpu_load: int = setting(
        1, "processes that keep the machine busy in all of these but the first", low=0, high=64
    )
    tune: bool = setting(
        True,
        "plan as much as the controller would find it has the time for on this machine "
        "(autotune); false: as configured, so that results are the same on every machine",
    )
    episode: float = setting(
        10.0, "length of an episode, where the robot has no time_limit [s]", low=0.1, high=3600.0
    )
    seed: int = setting(0, "of the draws", low=0, high=2**31 - 1)
    ranges: RangeSettings = group(RangeSettings)
    thresholds: ThresholdSettings = group(ThresholdSettings)


def read_graduation(
    path: Path | None, configuration: Configuration | None = None
) -> GraduationSettings:
    """Return the settings of a file.

    Args:
        path: a ROS 2 parameter file for the node ``graduation``; None: the shipped one.
        configuration: whose parameter ``task`` says of what there may be a shipped one, wherever
            its own file is; None: that for all.

    Raises:
        SettingsError: naming what is wrong in it.
    """
    if path is None:
        folder = resource_directory("config") / "graduation"
        known = {each.stem: each for each in folder.glob("*.yaml")}
        task = None if configuration is None else configuration.shared.get("task")
        path = known.get(str(task), known["default"])
    try:
        values = matching(read_sections(path.read_text(encoding="utf-8")), f"/{NODE}")
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from None
    if not values:
        raise SettingsError(f"{path}: expected parameters of {NODE}, got none")
    made = build(GraduationSettings, values, str(path))
    for name, value in flat(made.ranges).items():
        if len(value) != 2 or not value[0] <= value[1]:
            raise SettingsError(
                f"{path}: ranges.{name}: expected two numbers, the smaller first, got {value}"
            )
    return made
