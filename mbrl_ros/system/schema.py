"""The settings of each node: the schema of a parameter file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mbrl_ros.control.settings import ControllerSettings
from mbrl_ros.core.kinds import find_kind
from mbrl_ros.core.settings import SettingsError, build, check, for_node, specs
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.data.settings import LoggerSettings
from mbrl_ros.learning.settings import trainer_settings
from mbrl_ros.objectives.parsing import parameters, parse_all
from mbrl_ros.objectives.term_settings import LEARNED
from mbrl_ros.robot.settings import bridge_settings, teleop_settings
from mbrl_ros.safety.guard import Guard
from mbrl_ros.safety.settings import GuardSettings
from mbrl_ros.scene.settings import RvizSettings, WebSettings
from mbrl_ros.simulation.settings import SimulatorSettings

NODES = (
    "mujoco_sim",
    "robot_bridge",
    "data_logger",
    "model_trainer",
    "mpc_controller",
    "safety_guard",
    "teleop",
    "rviz_markers",
    "web_monitor",
)
OBJECTIVE = "objective."
#: Name of the objective of an environment that pays nothing.
EXPLORE = "explore"


def node_settings(nodes: Mapping[str, Mapping[str, Any]]) -> dict[str, type]:
    """Return the settings of every node.

    Those of the trainer depend on the kind of model, those of bridge and teleop on topics.

    Args:
        nodes: node name, or ``**``, to flat parameters.

    Raises:
        SettingsError: if the kind of model is unknown, or a topic's name invalid.
    """
    learner = nodes.get("**", {}).get("learner", TaskSettings().learner)
    try:
        kind = find_kind(str(learner))
    except ValueError as error:
        raise SettingsError(str(error)) from None
    return {
        "mujoco_sim": SimulatorSettings,
        "robot_bridge": bridge_settings(nodes.get("robot_bridge", {})),
        "safety_guard": GuardSettings,
        "data_logger": LoggerSettings,
        "model_trainer": trainer_settings(kind),
        "mpc_controller": ControllerSettings,
        "teleop": teleop_settings(nodes.get("teleop", {})),
        "rviz_markers": RvizSettings,
        "web_monitor": WebSettings,
    }


def objective_parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of the objective, without their prefix."""
    return {n.removeprefix(OBJECTIVE): v for n, v in values.items() if n.startswith(OBJECTIVE)}


def checked_nodes(nodes: Mapping[str, Mapping[str, Any]], where: str) -> dict[str, dict[str, Any]]:
    """Return every node's parameters in the types that its settings declare.

    Args:
        nodes: node name, or ``**``, to flat parameters.
        where: prefix of error messages.

    Raises:
        SettingsError: for an unknown node or parameter, a wrong type or a value out of bounds.
    """
    shared = build(TaskSettings, nodes.get("**", {}), where)
    task = {spec.name for spec in specs(TaskSettings)}
    for node, values in nodes.items():
        for name in sorted(set(values) & task) if node in NODES else ():
            raise SettingsError(
                f"{where}: {node}: '{name}' must be the same for all nodes: put it under '/**'"
            )
    if shared.action.names:
        _check_safety(shared, where)
    try:
        settings = node_settings(nodes)
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}") from None
    checked: dict[str, dict[str, Any]] = {}
    for node, values in nodes.items():
        if node == "**":
            checked[node] = check(TaskSettings, values, where)
            continue
        if node not in NODES:
            raise SettingsError(f"{where}: unknown node '{node}': expected {', '.join(NODES)}")
        own, objective = dict(values), {}
        if node == "mpc_controller":
            try:
                objective = _checked_objective(objective_parameters(own))
            except SettingsError as error:
                raise SettingsError(f"{where}: {node}: {error}") from None
            own = {n: v for n, v in own.items() if not n.startswith(OBJECTIVE)}
        own = check(settings[node], own, f"{where}: {node}")
        every = {**own, **objective}
        checked[node] = {n: every[n] for n in values}
    return checked


def _checked_objective(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the given parameters of the objective, in the types of their terms' settings."""
    checked = {spec.name: value for spec, value in parameters(values, *parse_all(values))}
    for name, value in values.items():
        if isinstance(checked[name], list) and not isinstance(value, list):
            # One number for all dimensions; a variant may inherit it for more of them.
            checked[name] = float(value)
    return {OBJECTIVE + name: checked[name] for name in values}


def _check_safety(task: TaskSettings, where: str) -> None:
    try:
        Guard(task, GuardSettings())
    except ValueError as error:
        raise SettingsError(f"{where}: {error}") from None


def check_learned(nodes: Mapping[str, Mapping[str, Any]], where: str) -> None:
    """Check that the trainer learns what the controller uses.

    Args:
        nodes: as for `checked_nodes`, and checked by it.
        where: prefix of error messages.

    Raises:
        SettingsError: naming the trainer's parameter that is missing.
    """
    trainer, controller = for_node(nodes, "model_trainer"), for_node(nodes, "mpc_controller")
    objective = objective_parameters(controller)
    active, objectives = parse_all(objective) if objective else ("", {})
    terms = objectives[active][1].values() if active else ()
    for used, asked, parameter in (
        (f"objective '{active}'", any(t.type in LEARNED for t in terms), "model.reward_model"),
        (
            "planner.proposals: inverse_model",
            "inverse_model" in controller.get("planner.proposals", ()),
            "model.inverses",
        ),
    ):
        known = {spec.name for spec in specs(node_settings(nodes)["model_trainer"])}
        # Other kinds of models may always learn it.
        if asked and parameter in known and not trainer.get(parameter, False):
            raise SettingsError(
                f"{where}: {used}: expected {parameter} of model_trainer, got false"
            )
