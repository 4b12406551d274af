import math

import numpy as np
import pytest
from support.waiting import PATIENCE

from mbrl_ros.core.settings import SettingsError
from mbrl_ros.core.spaces import Space
from mbrl_ros.core.task import ActionSettings, ObservationSettings, TaskSettings
from mbrl_ros.safety.safe_command import SafeCommand
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.rehearsal import task_of
from mbrl_ros.system.schema import checked_nodes

OBSERVATION = Space.of(["angle", "rate", "slide", "speed"])
ACTION = Space.of(["turn", "push"], [-2.0, -1.0], [2.0, 1.0])
BENT = Space.of(["elbow", "grip"], [-3.0, 0.0], [-0.2, 255.0])
SEEN = np.array([0.0, 0.5, 0.0, -4.0])


def test_zero_is_zero():
    safe = SafeCommand(OBSERVATION, ACTION)
    safe.held = np.array([1.0, 1.0])
    assert safe(SEEN).tolist() == safe.resting.tolist() == [0.0, 0.0]


def test_hold_repeats_what_the_plant_applied_last():
    safe = SafeCommand(OBSERVATION, BENT, "hold")
    # The plant has told nothing yet: what is nearest to zero.
    assert safe(SEEN).tolist() == [-0.2, 0.0]
    safe.held = np.array([-1.8, 191.0])
    assert safe(SEEN).tolist() == [-1.8, 191.0]
    assert SafeCommand(OBSERVATION, BENT, "hold", values=[-1.0, 9.0])(SEEN).tolist() == [-1.0, 9.0]


def test_damp_acts_against_the_velocities_within_the_limits():
    safe = SafeCommand(OBSERVATION, ACTION, "damp", velocities=["rate", "speed"], damping=0.5)
    assert safe(SEEN).tolist() == [-0.25, 1.0]


@pytest.mark.parametrize("seen", [[], [0.0], [0.0, math.nan, 0.0, math.inf], [[0.0] * 4]])
def test_damp_is_zero_where_the_velocity_is_not_known(seen):
    safe = SafeCommand(OBSERVATION, ACTION, "damp", velocities=["rate", "speed"])
    assert safe(np.array(seen)).tolist() == [0.0, 0.0]


def test_values_are_always_the_same():
    safe = SafeCommand(OBSERVATION, BENT, "values", values=[-1.8, 191])
    safe.held = np.array([-1.0, 0.0])
    assert safe(SEEN).tolist() == [-1.8, 191.0]


@pytest.mark.parametrize(
    ("action", "arguments", "message"),
    [
        (BENT, {}, "safe_command: zero is outside the limits of action 'elbow' [-3, -0.2]"),
        (BENT, {"mode": "values"}, "safe_values: expected 2 numbers (elbow, grip), got none"),
        (BENT, {"mode": "values", "values": [-1.0]}, "safe_values: expected 2 values"),
        (BENT, {"mode": "values", "values": [-1.0, math.nan]}, "safe_values: 'grip' is nan"),
        (
            BENT,
            {"mode": "hold", "values": [-1.0, 256.0]},
            "safe_values: 'grip': expected a number in [0, 255], got 256",
        ),
        (ACTION, {"values": [0.5, 0.5]}, "safe_values: expected none, since safe_command is zero"),
        (ACTION, {"mode": "damp"}, "safe_velocities: expected an observation dimension for each"),
        (
            ACTION,
            {"mode": "damp", "velocities": ["rate", "spede"]},
            "safe_velocities: unknown dimension 'spede'",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(action, arguments, message):
    with pytest.raises(ValueError, match="safe_") as error:
        SafeCommand(OBSERVATION, action, **arguments)
    assert message in str(error.value)


def test_a_task_says_which():
    task = TaskSettings(
        safe_command="values",
        safe_values=[0.5],
        observation=ObservationSettings(["x"]),
        action=ActionSettings(["u"], [-1.0], [1.0]),
    )
    assert SafeCommand.of(task)(np.zeros(1)).tolist() == [0.5]


LAW = """
import numpy as np
def brake(observation):
    observation += 0.0  # its own copy
    return [-0.5 * observation[1], -9.0]
def alone(observation):
    return -0.5 * observation[1]
def lost(observation):
    return [np.nan, 0.0]
def broken(observation):
    return 1 / 0
constant = 0.5
"""


@pytest.fixture
def lawful(tmp_path):
    """Return what makes the safe command of a law in a file."""
    file = tmp_path / "laws.py"
    file.write_text(LAW)

    def make(name, **more):
        task = TaskSettings(
            safe_command=f"{file}:{name}",
            observation=ObservationSettings(list(OBSERVATION.names)),
            action=ActionSettings(list(ACTION.names), list(ACTION.low), list(ACTION.high)),
            **more,
        )
        safe = SafeCommand.of(task)
        safe.patience = PATIENCE
        return safe

    return make


def test_a_law_of_ones_own_answers_within_the_limits(lawful):
    safe, seen = lawful("brake"), SEEN.copy()
    seen.flags.writeable = False
    assert safe(seen).tolist() == [-0.25, -1.0]
    assert safe.trouble == ""


@pytest.mark.parametrize(
    ("name", "seen", "why"),
    [
        ("broken", SEEN, "ZeroDivisionError: division by zero ("),
        ("lost", SEEN, "its answer: 'turn' is nan, expected a finite number"),
        ("alone", SEEN, "its answer: expected 2 values (turn, push), got shape ()"),
        ("brake", np.array([0.0, 0.5, math.nan, -4.0]), "observation: 'slide' is nan"),
        ("brake", np.zeros(0), "observation: expected 4 values"),
    ],
)
def test_where_a_law_fails_the_fallback_follows_and_it_is_told(lawful, name, seen, why):
    safe = lawful(name, safe_fallback="hold")
    safe.held = np.array([0.7, 0.1])
    assert safe(seen).tolist() == [0.7, 0.1]
    assert safe.trouble.startswith(f"safe_command: {why}")
    assert safe.trouble.endswith(": hold instead")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("constant", "expected a function of an observation"),
        ("nobody", "has no attribute 'nobody'"),
    ],
)
def test_what_is_no_law_is_refused(lawful, name, message):
    with pytest.raises(ValueError, match=message):
        lawful(name)
    with pytest.raises(ValueError, match="expected zero, hold, damp, values or module:attribute"):
        SafeCommand.of(
            TaskSettings(
                safe_command="brake",
                observation=ObservationSettings(["x"]),
                action=ActionSettings(["u"], [-1.0], [1.0]),
            )
        )


def test_a_law_lies_beside_its_parameter_file(tmp_path):
    (tmp_path / "fan_laws.py").write_text("def brake(seen):\n    return [-seen[0]]\n")
    file = tmp_path / "fan.yaml"
    file.write_text(
        "/**:\n  ros__parameters:\n    safe_command: fan_laws:brake\n"
        "    observation: {names: [x]}\n    action: {names: [u], low: [-1.0], high: [1.0]}\n"
    )
    task = task_of(read_task(str(file)))
    safe = SafeCommand.of(task)
    safe.patience = PATIENCE
    assert safe(np.array([0.25])).tolist() == [-0.25]


def test_a_parameter_file_is_refused_before_anything_starts():
    shared = {"action.names": ["u"], "action.low": [2.0], "action.high": [5.0]}
    shared["observation.names"] = ["x"]
    with pytest.raises(SettingsError, match=r"fan.yaml: safe_command: zero is outside the limits"):
        checked_nodes({"**": shared}, "fan.yaml")
    checked_nodes({"**": {**shared, "safe_command": "hold"}}, "fan.yaml")


def test_what_the_simulator_had_alone_is_said_to_be_the_tasks():
    shared = {"action.names": ["u"], "action.low": [2.0], "action.high": [5.0]}
    with pytest.raises(SettingsError, match="'safe_command' must be the same for all nodes"):
        checked_nodes({"**": shared, "mujoco_sim": {"safe_command": "hold"}}, "arm.yaml")
    for own, message in (
        ({"safe_command": "hold"}, "'safe_command' must be the same for all nodes: put it under"),
        ({"damping": 2.0}, r"unknown parameter 'damping': it is safe_damping, under /\*\*, now"),
    ):
        with pytest.raises(SettingsError, match=message):
            checked_nodes({"**": {}, "mujoco_sim": own}, "arm.yaml")
