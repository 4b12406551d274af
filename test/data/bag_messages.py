"""What a run of a mass under a force logs."""

import math

import numpy as np
from support.messages import header, make, topic

from mbrl_ros.core.spaces import Space

OBSERVATION_SPACE = Space.of(["x", "v"])
ACTION_SPACE = Space.of(["force"], [-1.0], [1.0])
TRANSITIONS = topic("/transition", "mbrl_ros/msg/Transition")
FRAMES = topic("/frame", "mbrl_ros/msg/Frame")
GOALS = topic("/goal", "mbrl_ros/msg/Goal", latched=True)


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
        source=1,
    )


def frame(record):
    return make(
        FRAMES.type,
        header=header(1e-9 * record.stamp),
        episode=record.episode,
        step=record.step,
        camera=record.camera,
        encoding=record.encoding,
        width=record.width,
        height=record.height,
        data=np.frombuffer(record.data, np.uint8),
    )


def goal(value):
    return make(GOALS.type, header=header(1.0), names=["x"], values=np.array([value]))
