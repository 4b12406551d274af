"""The kinds of systems that can be launched: their processes, arguments and defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mbrl_ros.core.settings import setting, specs
from mbrl_ros.core.task import TaskSettings

PLANT = "mujoco_sim"
BRIDGE = "robot_bridge"
GUARD = "safety_guard"
TRAINER = "model_trainer"
LOGGER = "data_logger"
TELEOP = "teleop"
CONTROLLER = "mpc_controller"
MONITOR = "run_monitor"
PAGE = "web_monitor"
MARKERS = "rviz_markers"

#: A node's exit code for an invalid configuration; a restart would not help.
REFUSED = 2


@dataclass(frozen=True)
class LaunchSettings:
    """A launch's own arguments; all others are parameters of the nodes."""

    task: str = setting(
        "cartpole_swingup",
        "a shipped task, an environment's id, an MJCF file, or a parameter file (.yaml)",
    )
    duration: float = setting(
        90.0, "wall time until everything is stopped [s]; 0: unlimited", low=0.0
    )
    run_dir: str = setting(
        "", "new or empty folder for all output; empty: runs/<task>-<date>-<time>"
    )
    namespace: str = setting(
        "",
        "namespace of all nodes; empty: the one in which the parameter file names them, else none",
    )
    guard: bool = setting(
        True, "whether a guard stands between controller and plant; false: they speak directly"
    )
    model: str = setting(
        "", "a checkpoint to act with; nothing is learned then, and no other model is taken"
    )
    require_graduation: str = setting(
        "", "graduation.json of a graduation that this model and configuration must have passed"
    )
    graduation_key: str = setting(
        "", "Ed25519 public key (PEM) that the graduation must be signed for; empty: a hash will do"
    )
    use_sim_time: bool = setting(False, "whether messages are stamped with the time on /clock")
    view: str = setting(
        "auto",
        "output: auto (a live view in a terminal, else occasional lines), page (besides, a page in "
        "the browser to watch and steer) or none",
        choices=("auto", "page", "none"),
    )
    rviz: bool = setting(
        False, "whether robot, plan and goals are drawn for RViz, which ros2 launch opens"
    )


@dataclass(frozen=True)
class Argument:
    """An argument of a launch.

    Attributes:
        name: as in ``name:=value``.
        default: as text; None: mandatory.
        description: unit and meaning.
    """

    name: str
    default: str | None
    description: str


@dataclass(frozen=True)
class LaunchKind:
    """A kind of system.

    Attributes:
        name: of its launch file, ``<name>.launch.py``.
        nodes: its processes, in the order of starting.
        stopping: the same in the order of stopping.
        arguments: besides parameters of the nodes.
        defaults: parameters of nodes, unless a file or the command line has others.
    """

    name: str
    nodes: tuple[str, ...]
    stopping: tuple[str, ...]
    arguments: tuple[Argument, ...]
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def without(self, node: str) -> LaunchKind:
        """Return the same without one of the nodes."""
        nodes, stopping = (
            tuple(each for each in names if each != node) for names in (self.nodes, self.stopping)
        )
        return replace(self, nodes=nodes, stopping=stopping)

    def with_plant(self, plant: str) -> LaunchKind:
        """Return the same with a plant, which stops after those that command it."""
        first = [name for name in self.stopping if name not in (TRAINER, LOGGER)]
        stopping = (*first, plant, *self.stopping[len(first) :])
        return replace(self, nodes=(*self.nodes, plant), stopping=stopping)

    def with_person(self, node: str) -> LaunchKind:
        """Return the same with a node for a person, which stops before all others."""
        return replace(self, nodes=(*self.nodes, node), stopping=(node, *self.stopping))


def _arguments(**defaults: str | None) -> tuple[Argument, ...]:
    described = {spec.name: spec.description for spec in specs(TaskSettings)}
    described["seed"] += "; empty: as in the parameter file, else 0"
    described["real_time_factor"] += "; empty: as in the parameter file, else 1"
    described |= {spec.name: spec.description for spec in specs(LaunchSettings)}
    described["use_sim_time"] += "; empty: as in the parameter file, else with a simulated plant"
    return tuple(Argument(name, default, described[name]) for name, default in defaults.items())


# Of every system that acts. The logger starts first and stops last, so that the bag is complete.
# The controller stops before the guard and the plant, which thus receive its last, safe command.
_NODES = (LOGGER, TRAINER, CONTROLLER, GUARD)
_STOPPING = (CONTROLLER, GUARD, TRAINER, LOGGER)
_ARGUMENTS = {
    "seed": "",
    "run_dir": "",
    "namespace": "",
    "guard": "true",
    "model": "",
    "require_graduation": "",
    "graduation_key": "",
    "use_sim_time": "",
    "view": "auto",
    "rviz": "false",
}

SIM = LaunchKind(
    "sim",
    _NODES,
    _STOPPING,
    _arguments(task="cartpole_swingup", duration="90", real_time_factor="", **_ARGUMENTS),
    {TELEOP: {"reset_service": f"{PLANT}/reset"}},
).with_plant(PLANT)
ROBOT = LaunchKind(
    "robot",
    _NODES,
    _STOPPING,
    _arguments(task=None, duration="0", **_ARGUMENTS),
    {
        CONTROLLER: {"after_crash": "hold", "needs_limits": True},
        GUARD: {"after_crash": "hold"},
    },
)
# For the robots of a fleet, which are systems of their own.
FLEET_TRAINER = LaunchKind(
    "trainer",
    (TRAINER,),
    (TRAINER,),
    _arguments(
        task="cartpole_swingup", duration="0", seed="", run_dir="", namespace="fleet", view="auto"
    ),
)
KINDS = {kind.name: kind for kind in (SIM, ROBOT, FLEET_TRAINER)}
