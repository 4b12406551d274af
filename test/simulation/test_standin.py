"""A stand-in without a node: the robot's messages in and out of a MuJoCo model."""

import re
from pathlib import Path

import pytest

from mbrl_ros.core.parameter_files import matching, read_sections
from mbrl_ros.core.settings import build
from mbrl_ros.ros.interfaces import Float64MultiArray, interface
from mbrl_ros.simulation.standin import Standin, standin_settings

STANDINS = Path(__file__).parents[2] / "config" / "robots" / "standins"
RIG = STANDINS / "cartpole_rig.yaml"


def made(file=RIG, **changed):
    values = matching(read_sections(file.read_text()), "/robot_standin")
    values |= {"model": str(file.parent / values["model"]), **changed}
    return Standin(build(standin_settings(values), values), interface)


def test_a_force_moves_the_cart_until_it_is_too_old():
    rig = made(noise=0.0)
    before = rig.messages()["joints"]
    assert before.name == ["slider", "pole"]
    assert before.position.tolist() == pytest.approx([0.0, 3.14159])
    for k in range(20):
        now = 0.01 * k
        if k == 0:
            rig.listener.hear("effort", Float64MultiArray(data=[5.0]), now)
        rig.step(now)
        told = rig.messages()
        assert told["driver"].data.tolist() == [5.0 if now < 0.105 else 0.0]
    # The cart and the hanging pole, 1.1 kg, under 5 N for 0.11 s.
    assert told["joints"].velocity[0] == pytest.approx(5 * 0.11 / 1.1, rel=0.15)
    rig.reset()
    assert rig.messages()["joints"].velocity.tolist() == [0.0, 0.0]


def test_commands_from_before_a_reset_are_forgotten():
    rig = made()
    rig.listener.hear("effort", Float64MultiArray(data=[5.0]), 0.0)
    rig.reset()
    rig.step(0.01)
    assert rig.messages()["driver"].data.tolist() == [0.0]


def test_it_begins_elsewhere_each_time():
    rig = made(noise=0.1)
    places = set()
    for _ in range(3):
        rig.reset()
        places.add(rig.messages()["joints"].position[0])
    assert len(places) == 3


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"model": "none.xml"}, "model: expected an MJCF file, got 'none.xml'"),
        ({"model": str(RIG)}, f"model: {RIG}: "),
        ({"drive": []}, "drive: expected a line 'force = ...' too, got none"),
        ({"drive": ["motor = 1"]}, "expected one of force before '='"),
        ({"joints.send": ["position[a] = joints.position[a]"]}, "no 'a' in the message"),
        ({"joints.send": ["position[a] = sensors.gyro[0]"]}, "there is no field 'gyro'"),
        ({"driver.topic": ""}, "driver.topic: expected one"),
    ],
)
def test_what_does_not_fit_the_model_is_refused(changed, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        made(**changed)
