"""A stand-in without a node: the robot's messages in and out of a MuJoCo model."""

import re
from pathlib import Path

import numpy as np
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


def driven(force=5.0, steps=60, **changed):
    """Positions and velocities told of the cart, under a force that is sent again and again."""
    rig = made(noise=0.0, **changed)
    told = []
    for k in range(steps):
        rig.hear("effort", Float64MultiArray(data=[force]), 0.01 * k)
        rig.step(0.01 * k)
        if joints := rig.messages().get("joints"):
            told.append((joints.position[0], joints.velocity[0]))
    return np.array(told)


def test_commands_and_readings_are_as_late_as_is_said():
    there, back, undisturbed = (
        driven(**{"disturbance.actuation_delay": 0.095}),
        driven(**{"disturbance.sensing_delay": 0.095}),
        driven(),
    )
    assert there[10:] == pytest.approx(undisturbed[:-10], abs=1e-6)
    assert back.tolist() == undisturbed[:-10].tolist()


def test_some_messages_are_lost_and_others_jitter():
    lossy = driven(**{"disturbance.dropout": 0.5})
    assert 15 < len(lossy) < 45
    assert np.array_equal(lossy, driven(**{"disturbance.dropout": 0.5}))
    other = driven(**{"disturbance.dropout": 0.5, "disturbance.seed": 1})
    assert not np.array_equal(lossy, other)
    late = driven(**{"disturbance.delay_jitter": 0.1})
    assert 20 < len(late) < 60  # of several that come at once, the newest is told
    assert (np.diff(late[:, 0]) >= 0).all()


def test_readings_are_biased_noisy_and_stuck_as_is_said():
    true = driven(steps=300, force=0.5)
    biased = driven(
        steps=300, force=0.5,
        **{"disturbance.bias": 0.1, "disturbance.scale": [1.0, 1.0, 2.0, 1.0]},
    )  # fmt: skip
    assert np.abs(biased - true).mean(axis=0) == pytest.approx([0.1, 0.2])
    noisy = driven(steps=300, force=0.5, **{"disturbance.noise": 0.1})
    assert (noisy - true).std(axis=0) == pytest.approx([0.1, 0.1], rel=0.2)
    stuck = driven(steps=300, force=0.5, **{"disturbance.stuck": 0.2})
    assert 50 <= (np.diff(stuck[:, 0]) == 0).sum() <= 62


def test_a_push_is_sudden_and_comes_once_in_an_episode():
    speeds = driven(force=0.0, **{"disturbance.push": 1.0, "disturbance.push_time": 0.3})[:, 1]
    assert np.abs(speeds[:29]).max() < 1e-3
    assert np.abs(speeds[31:]).max() > 0.01


def test_play_and_other_physics_change_what_a_force_does():
    end = driven()[-1, 1]
    assert driven(**{"disturbance.backlash": 0.1})[-1, 1] == pytest.approx(0.8 * end, rel=0.02)
    assert driven(**{"physics.gain_scale": 0.5})[-1, 1] == pytest.approx(0.5 * end, rel=0.02)
    assert driven(**{"physics.mass_scale": 2.0})[-1, 1] == pytest.approx(0.5 * end, rel=0.02)


def test_a_scale_of_other_readings_is_refused():
    with pytest.raises(ValueError, match=r"disturbance\.scale: expected 4 numbers, .*, got 2"):
        made(**{"disturbance.scale": [1.0, 1.0]})
    with pytest.raises(ValueError, match=r"physics\.bodies: .* has no body 'wheel'"):
        made(**{"physics.bodies": ["wheel"]})
