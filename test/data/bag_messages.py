"""Messages for the tests: built and serialised without any ROS."""

import math

import numpy as np

from mbrl_ros.data.definitions import Topic, typestore
from mbrl_ros.spaces import Space

OBSERVATION_SPACE = Space.of(["x", "v"])
ACTION_SPACE = Space.of(["force"], [-1.0], [1.0])


def topic(name, type_name, latched=False):
    store = typestore()
    text, _ = store.generate_msgdef(type_name, ros_version=2)
    return Topic(name, type_name, text, store.hash_rihs01(type_name), latched)


TRANSITIONS = topic("/transition", "mbrl_ros/msg/Transition")
GOALS = topic("/goal", "mbrl_ros/msg/Goal", latched=True)


def make(type_name, **fields):
    return typestore().types[type_name](**fields)


def header(seconds=0.0):
    stamp = make(
        "builtin_interfaces/msg/Time",
        sec=int(seconds),
        nanosec=round(seconds % 1 * 1e9),
    )
    return make("std_msgs/msg/Header", stamp=stamp, frame_id="")


def transition(index):
    return make(
        TRANSITIONS.type,
        header=header(0.04 * (index + 1)),
        index=index,
        episode=index // 100,
        step=index % 100,
        observation=np.array([index, 0.5]),
        action=np.array([0.25]),
        next_observation=np.array([index + 1, 0.5]),
        reward=math.nan if index % 7 == 0 else float(index),
        terminated=False,
        truncated=index % 100 == 99,
        previous_action=np.array([0.25]),
    )


def goal(value):
    return make(GOALS.type, header=header(1.0), names=["x"], values=np.array([value]))


def cdr(message):
    return bytes(typestore().serialize_cdr(message, message.__msgtype__))
