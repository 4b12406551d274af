"""What a model graduates on: the robot's stand-in, or the task's simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mbrl_ros.cli.standin import find_standin
from mbrl_ros.system.configuration import Configuration

if TYPE_CHECKING:
    from mbrl_ros.evaluation.graduation.settings import GraduationSettings
    from mbrl_ros.evaluation.graduation.stage import Stage
    from mbrl_ros.models.update import ModelUpdate


def make_stage(
    configuration: Configuration,
    task: str,
    model: ModelUpdate,
    settings: GraduationSettings,
    standin: str | None = None,
) -> Stage:
    """Return what episodes are played on, as long as the plant's own or the graduation's.

    Args:
        configuration: of the system.
        task: as given on the command line.
        model: to plan with.
        settings: of the graduation.
        standin: --standin; None: that of the same name as the task.

    Raises:
        ValueError: naming the parameter or the file that does not fit.
    """
    from mbrl_ros.evaluation.graduation.stage import Stage
    from mbrl_ros.ros import interfaces as ri
    from mbrl_ros.system.launch_kinds import BRIDGE, PLANT
    from mbrl_ros.system.rehearsal import task_of

    found = find_standin(configuration, task, standin) or None
    limit = configuration.build(BRIDGE if found else PLANT).time_limit
    seconds = limit if 0 < limit < float("inf") else settings.episode
    steps = round(seconds / task_of(configuration).period)
    return Stage(configuration, model, found, ri.interface, steps)
