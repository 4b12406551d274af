"""Records as messages."""

from __future__ import annotations

import array

import numpy as np
from numpy.typing import ArrayLike

from mbrl_ros.core.limits import LIVE, LimitSettings
from mbrl_ros.core.records import Frame, Observation, Transition
from mbrl_ros.diagnosis.finding import Finding
from mbrl_ros.ros import interfaces as ri


def time_message(stamp: int) -> ri.Time:
    """Return nanoseconds as a ``builtin_interfaces/Time``."""
    seconds, rest = divmod(stamp, 10**9)
    return ri.Time(sec=seconds, nanosec=rest)


def observation_message(observation: Observation) -> ri.Observation:
    """Return an observation as a message."""
    return ri.Observation(
        header=ri.Header(stamp=time_message(observation.stamp)),
        episode=observation.episode,
        step=observation.step,
        values=_numbers(observation.values),
        action=_numbers(observation.action),
        action_step=observation.action_step,
        reward=observation.reward,
        terminated=observation.terminated,
        truncated=observation.truncated,
    )


def transition_message(transition: Transition, index: int) -> ri.Transition:
    """Return a transition as a message.

    Args:
        transition: the logged transition.
        index: its position in the log.
    """
    previous = transition.previous_action
    return ri.Transition(
        header=ri.Header(stamp=time_message(transition.stamp)),
        index=index,
        episode=transition.episode,
        step=transition.step,
        observation=_numbers(transition.observation),
        action=_numbers(transition.action),
        next_observation=_numbers(transition.next_observation),
        reward=transition.reward,
        terminated=transition.terminated,
        truncated=transition.truncated,
        previous_action=_numbers(() if previous is None else previous),
        source=int(transition.source),
    )


def limits_message(limits: LimitSettings, stamp: ri.Time) -> ri.Limits:
    """Return what may be changed of limits as a message."""
    return ri.Limits(
        header=ri.Header(stamp=stamp), **{name: list(getattr(limits, name)) for name in LIVE}
    )


def _numbers(values: ArrayLike) -> array.array[float]:
    """Return a vector as messages hold it; a list would be checked number by number."""
    return array.array("d", np.asarray(values, dtype=np.float64).tobytes())


def findings_message(name: str, findings: list[Finding], stamp: ri.Time) -> ri.DiagnosticArray:
    """Return what was found in the data as diagnostics.

    Args:
        name: of the entry.
        findings: each becomes a value; any is a warning.
        stamp: now.
    """
    level = ri.DiagnosticStatus.WARN if findings else ri.DiagnosticStatus.OK
    entry = ri.DiagnosticStatus(
        level=level,
        name=name,
        message="; ".join(finding.text for finding in findings) or "nothing found",
        hardware_id="",
        values=[ri.KeyValue(key=f"{f.kind}: {f.name}", value=f.text) for f in findings],
    )
    return ri.DiagnosticArray(header=ri.Header(stamp=stamp), status=[entry])


def frame_message(frame: Frame) -> ri.Frame:
    """Return a frame as a message."""
    return ri.Frame(
        header=ri.Header(stamp=time_message(frame.stamp)),
        episode=frame.episode,
        step=frame.step,
        camera=frame.camera,
        encoding=frame.encoding,
        width=frame.width,
        height=frame.height,
        data=array.array("B", frame.data),
    )
