"""What a person wants, by joystick, Twist or leader, in times that the tests choose."""

import pytest

from mbrl_ros.core.settings import SettingsError, build
from mbrl_ros.core.task import ActionSettings, TaskSettings
from mbrl_ros.robot.settings import teleop_settings
from mbrl_ros.robot.teleoperation import Teleoperation
from mbrl_ros.ros.interfaces import Header, JointState, Time, Twist, interface

Joy = interface("sensor_msgs/msg/Joy")
TASK = TaskSettings(period=0.02, action=ActionSettings(["drive", "turn"], [-1.0] * 2, [1.0] * 2))
PAD = {
    "sources": ["pad"],
    "pad.topic": "joy",
    "pad.type": "sensor_msgs/msg/Joy",
    "pad.rate": 20.0,
    "actions": ["drive = 0.5 * pad.axes[1]", "turn = -pad.axes[0]"],
    "held": "pad.buttons[4]",
    "good": "pad.buttons[0]",
    "bad": "pad.buttons[1]",
    "reset": "pad.buttons[2]",
    "stop": "pad.axes[2] < -0.5",
}


class Desk:
    """A person at a joystick of 20 Hz."""

    def __init__(self, **changed):
        values = {**PAD, **{name.replace("__", "."): v for name, v in changed.items()}}
        values = {n: v for n, v in values.items() if v is not None}
        self.teleop = Teleoperation(TASK, build(teleop_settings(values), values), interface)
        self.now, self.count = 100.0, 0

    def pad(self, *pressed, axes=(0.2, 0.6, 0.0), after=0.05, stamp=None):
        self.now, self.count = self.now + after, self.count + 1
        buttons = [int(i in pressed) for i in range(6)]
        stamp = Time(sec=self.count if stamp is None else stamp)
        message = Joy(header=Header(stamp=stamp), axes=list(axes), buttons=buttons)
        return self.teleop.hear("pad", message, self.now)


def test_a_person_commands_while_a_button_is_held_and_hands_back_by_letting_go():
    desk = Desk()
    assert desk.pad().command is None
    wish = desk.pad(4)
    assert wish.command.tolist() == pytest.approx([0.3, -0.2])
    assert desk.teleop.commanding
    # Said more than once, since one may be lost, but not for ever: others may command, too.
    said = [desk.pad().command for _ in range(5)]
    assert [None if each is None else each.tolist() for each in said] == [[], [], [], None, None]
    assert not desk.teleop.commanding


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        ({"axes": (0.1,)}, "pad.axes[1]: there are 1 elements"),
        ({"axes": (0.1, float("nan"), 0.0)}, "0.5 * pad.axes[1] is nan"),
        ({"axes": (float("inf"), 0.0, 0.0)}, "-pad.axes[0] is -inf"),
        ({"stamp": 2, "after": 0.2}, "pad (joy): the same stamp for"),
    ],
)
def test_a_person_who_cannot_be_understood_is_silent(trouble, told):
    desk = Desk()
    desk.pad()
    assert desk.pad(4, stamp=2).command is not None
    assert desk.pad(4, **trouble).command is None
    assert desk.teleop.problem.startswith(told)
    assert not desk.teleop.commanding
    # And heard again once that is over, to hand back as well.
    assert desk.pad().command.tolist() == []
    assert desk.teleop.problem == ""


def test_buttons_count_once_as_they_are_pressed():
    desk = Desk()
    assert desk.pad(0, 2).reward == 0.0  # pressed from the start: nobody pressed it now
    desk.pad()
    rewards = [desk.pad(*pressed).reward for pressed in ((0,), (0,), (), (1,), (1,), (0, 1), ())]
    assert rewards == [1.0, 0.0, 0.0, -1.0, 0.0, 1.0, 0.0]
    assert [desk.pad(*pressed).reset for pressed in ((2,), (2,), (), (2,))] == [
        True, False, False, True,
    ]  # fmt: skip
    # A stop is said as long as it is pressed.
    stops = [desk.pad(axes=(0.0, 0.0, x)).stop for x in (-1.0, -1.0, 0.0)]
    assert stops == [True, True, False]


def test_a_leader_needs_the_pedal_that_is_another_topic():
    sources = {"sources": ["leader", "pedal"], "leader__topic": "leader/joint_states"}
    sources |= {"leader__type": "sensor_msgs/msg/JointState", "leader__rate": 50.0}
    sources |= {"pedal__topic": "pedal", "pedal__type": "std_msgs/msg/Bool", "pedal__rate": 10.0}
    actions = ["{joint} = leader.position[{joint}]"]
    buttons = dict.fromkeys(("good", "bad", "reset", "stop"), "")
    buttons |= dict.fromkeys(("pad__topic", "pad__type", "pad__rate"))
    desk = Desk(**sources, actions=actions, held="pedal.data", **buttons)
    places = JointState(name=["turn", "drive"], position=[0.1, 0.2])
    pressed = interface("std_msgs/msg/Bool")(data=True)
    assert desk.teleop.hear("leader", places, 1.0).command is None
    assert desk.teleop.problem == "pedal (pedal): nothing heard yet"
    desk.teleop.hear("pedal", pressed, 1.0)
    assert desk.teleop.hear("leader", places, 1.1).command.tolist() == [0.2, 0.1]
    # A pedal that has died is not held.
    assert desk.teleop.hear("leader", places, 1.5).command is None
    assert desk.teleop.problem == "pedal (pedal): nothing heard for 0.50 s"


def test_a_twist_commands_whenever_it_comes():
    desk = Desk(
        pad__type="geometry_msgs/msg/Twist", actions=["drive = pad.linear.x", "turn = 0"],
        held="1", good="", bad="", reset="", stop="",
    )  # fmt: skip
    twist = Twist()
    twist.linear.x = 0.4
    assert desk.teleop.hear("pad", twist, 1.0).command.tolist() == [0.4, 0.0]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"held": ""}, "held: expected a condition, such as pad.buttons"),
        ({"held": "pad.button[4]"}, "held: pad.button"),
        ({"good": "stick.buttons[0]"}, "good: 'stick.buttons"),
        ({"actions": ["drive = 1"]}, "actions: expected a line 'turn = ...' too, got none"),
        ({"actions": ["wheel = 1"]}, "actions: 'wheel = 1': expected one of drive, turn"),
        ({"pad__topic": ""}, "pad.topic: expected one"),
        ({"pad__type": "sensor_msgs/msg/Joystick"}, "pad.type: expected a message"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(changed, message):
    with pytest.raises((ValueError, SettingsError)) as caught:
        Desk(**changed)
    assert str(caught.value).startswith(message)
