import math

import numpy as np
import pytest

from mbrl_ros.core.settings import SettingsError
from mbrl_ros.core.spaces import Space
from mbrl_ros.core.task import ActionSettings, ObservationSettings, TaskSettings
from mbrl_ros.safety.safe_command import SafeCommand
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
