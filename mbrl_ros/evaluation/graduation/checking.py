"""What no controller can make up for, found before any episode: mappings, order, signs."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import numpy as np

from mbrl_ros.core.records import Transition
from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.data.transitions import Transitions
from mbrl_ros.evaluation.accuracy import measure
from mbrl_ros.evaluation.graduation.conditions import Conditions
from mbrl_ros.evaluation.graduation.stage import Stage
from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.packing import unpack
from mbrl_ros.models.update import CheckpointError
from mbrl_ros.robot.checking import Finding, Graph, RobotCheck
from mbrl_ros.robot.network import Endpoint
from mbrl_ros.robot.plant import RobotPlant
from mbrl_ros.simulation.standin import StandinSettings
from mbrl_ros.system.rehearsal import Record, Rehearsal, observed, task_of
from mbrl_ros.system.rehearsed_plants import RehearsedRobot

# Time to listen to the stand-in, as to a robot [s].
_LISTEN = 2.0
# A dimension's error in a step, as a share of how it changes, beyond which it is not predicted; and
# what is left of all errors where a mistake is found.
_UNPREDICTED, _EXPLAINED = 0.5, 0.4
# Control steps for which a random action lasts, long enough for a base to leave its line.
_HELD = 8
_ELEMENT = re.compile(r"\.data\[(\d+)\]")


def check_topics(stage: Stage) -> list[Finding]:
    """Return what `mbrl-ros robot check` would find with the stand-in in the robot's place.

    Args:
        stage: of a robot.

    Raises:
        ValueError: naming the parameter that does not fit.
    """
    task, settings = task_of(stage.configuration), stage.configuration.build("robot_bridge")
    plant = stage.plant(Conditions({}, 0))
    assert isinstance(plant, RehearsedRobot)
    check = RobotCheck(task, settings, RobotPlant(task, settings, stage.find))
    now = 0.0
    while now < _LISTEN:
        now += plant.standin.period
        for source, message in plant.listen(now):
            check.hear(source, message, now)
    return check.findings(_graph(settings, plant), now, now)


def _graph(settings: object, plant: RehearsedRobot) -> Graph:
    """Return who would publish and listen."""
    own: StandinSettings = plant.standin.settings
    node = "robot_standin"

    def topic(of: object, name: str) -> str:
        found: str = getattr(of, name).topic
        return f"/{found.lstrip('/')}"

    sends = {topic(own, n): Endpoint(node, getattr(own, n).type, True) for n in own.sends}
    hears = {topic(own, n): Endpoint(node, getattr(own, n).type, True) for n in own.hears}
    names = [*plant.bridge.listener.sources, *plant.bridge.writers]
    topics = {name: topic(settings, name) for name in names}
    joints = {}
    for name in plant.bridge.writers:
        for heard in own.hears:
            order = _order(own.drive, heard)
            if topic(own, heard) == topics[name] and order:
                joints[name] = order
    return Graph(
        topics,
        {name: [sends[t]] if t in sends else [] for name, t in topics.items()},
        {name: [hears[t]] if t in hears else [] for name, t in topics.items()},
        [*sends, *hears],
        joints,
    )


def _order(drive: list[str], heard: str) -> list[str]:
    """Return the actuators that the elements of an array drive, in its order."""
    found = {}
    for line in drive:
        actuator, _, formula = line.partition("=")
        for number in _ELEMENT.findall(formula) if f"{heard}." in formula else ():
            found[int(number)] = actuator.strip()
    return [found[i] for i in sorted(found)]


def check_model(stage: Stage) -> list[Finding]:
    """Compare the model with what random actions do to the unperturbed plant.

    Where a dimension is not predicted, exchanged dimensions and wrong signs are tried in turn: one
    that explains it is named.

    Args:
        stage: to play on. Kinds of models that do not predict named dimensions are not checked.

    Raises:
        ValueError: naming what does not fit.
    """
    model = unpack_any(stage)
    if model is None:
        return []
    record = _shaken(stage)
    observations, actions = record.observations, record.actions
    errors = _errors(model, observations, actions)
    bad = [name for name, error in zip(model.observation.names, errors, strict=True)
           if error > _UNPREDICTED]  # fmt: skip
    if not bad:
        return []
    told = f"the model does not predict {', '.join(bad)}: " + ", ".join(
        f"{name} {error:.2g}" for name, error in zip(model.observation.names, errors, strict=True)
    )
    best, hint = _EXPLAINED * float(errors.max()), ""
    for text, seen, done in _mistakes(model.observation, model.action, observations, actions):
        left = float(_errors(model, seen, done).max())
        if left < best:
            best, hint = left, text
    reason = f"{hint}: then it would" if hint else "is the model of this robot?"
    return [Finding(f"{told} (error of a step as a share of its change); {reason}")]


def unpack_any(stage: Stage) -> DynamicsModel | None:
    """Return the model, if it predicts named dimensions one step at a time.

    Raises:
        ValueError: if it does not fit the configuration.
    """
    try:
        model = unpack(stage.model)
    except CheckpointError:
        return None
    task = task_of(stage.configuration)
    model.check_spaces(task.observation_space(), task.action_space())
    return model


def _shaken(stage: Stage) -> Record:
    """Play random actions, each followed by its opposite: so nothing goes far.

    In the first half they last for a step; in the second for several, so that positions move, too.
    """
    conditions = Conditions({}, 0)
    rehearsal = Rehearsal(stage.configuration, stage.plant(conditions), None)
    action = rehearsal.task.action_space()
    rng, moves = np.random.default_rng(0), np.empty((0, action.dim))
    while len(moves) < stage.steps:
        drawn = rng.uniform(action.lower, action.upper)
        steps = _HELD if len(moves) > stage.steps // 2 else 1
        pair = [drawn, action.lower + action.upper - drawn]
        moves = np.vstack([moves, np.repeat(pair, steps, axis=0)])
    return observed(rehearsal.play(stage.steps, moves=action.clip(moves)))


def _errors(model: DynamicsModel, observations: FloatArray, actions: FloatArray) -> FloatArray:
    """Return each dimension's one-step error as a share of how it changes, shape ``(O,)``."""
    log = Transitions(model.observation, model.action)
    for step, action in enumerate(actions):
        log.append(Transition(observations[step], action, observations[step + 1], 0, step))
    accuracy = measure(model, log, 1)
    still = np.maximum(accuracy.unmoved[0], 1e-9)
    shares: FloatArray = accuracy.open_loop[0] / still
    # What does not move at all is predicted by anything.
    shares[accuracy.unmoved[0] < 1e-6] = 0.0
    return shares


def _mistakes(
    observation: Space, action: Space, observations: FloatArray, actions: FloatArray
) -> Iterator[tuple[str, FloatArray, FloatArray]]:
    """Yield what may be wrong, with the data as they would be if it were put right."""
    for space, which in ((observation, 0), (action, 1)):
        data = (observations, actions)[which]
        for text, changed in _of_one(space, data):
            yield (text, changed, actions) if which == 0 else (text, observations, changed)


def _of_one(space: Space, data: FloatArray) -> Iterator[tuple[str, FloatArray]]:
    for i, name in enumerate(space.names):
        turned = data.copy()
        turned[:, i] *= -1.0
        yield f"{name} has the other sign", turned
    for i, j in itertools.combinations(range(space.dim), 2):
        swapped = data.copy()
        swapped[:, [i, j]] = swapped[:, [j, i]]
        yield f"{space.names[i]} and {space.names[j]} are exchanged", swapped


def check_delay(stage: Stage, delay: int) -> list[str]:
    """Return that a delay is left out of planning, in words; empty: it is not.

    Args:
        stage: of the configuration.
        delay: measured, from an observation to its answer's effect [control steps].
    """
    if not delay or stage.configuration.build("mpc_controller").latency_compensation:
        return []
    return [
        f"latency_compensation: answers act {delay} control steps after what they are planned for, "
        "by measurement: expected true, got false"
    ]


def doubtful_settings(stage: Stage) -> list[str]:
    """Return what in a configuration trusts the model more than is usual, in words."""
    found = []
    if not stage.configuration.build("mpc_controller").trust.enabled:
        found.append("trust.enabled is false: a model that fails is followed all the same")
    caution = stage.configuration.node("mpc_controller").get("objective.caution", 0.0)
    if isinstance(caution, int | float) and caution < 0.0:
        found.append(f"objective.caution is {caution:g}: doubt is rewarded")
    limits = task_of(stage.configuration).limits
    if limits.of and not any(limits.margin):
        found.append("limits.margin is 0: nothing is kept free for what is not known")
    return found
