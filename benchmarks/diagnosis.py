"""What the diagnosis finds on the shipped tasks: as they are, and with faults.

    .venv/bin/python benchmarks/diagnosis.py [--steps 4000] [--tasks cartpole_swingup ...]

Each task is explored with the controller's noise. Faults of actuators are in the plant, those of
sensors are put into the log. A row per task and fault says what was found.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.data.pairing import TransitionPairer
from mbrl_ros.data.transitions import Transitions
from mbrl_ros.diagnosis.diagnosis import Diagnosis
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.lock_step import LockStepSystem

TASKS = [
    "acrobot_swingup", "cartpole_swingup", "cartpole_v1", "cheetah_run", "half_cheetah",
    "inverted_pendulum", "pendulum_swingup", "reacher_easy",
]  # fmt: skip
Fault = Callable[[list[FloatArray]], FloatArray]


class Faulty:
    """A plant whose actuators do something else than they are told."""

    def __init__(self, plant: Any, fault: Fault) -> None:
        self._plant, self._fault = plant, fault
        self._told: list[FloatArray] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plant, name)

    def reset(self, **options: Any) -> Any:
        """Start an episode."""
        self._told = []
        return self._plant.reset(**options)

    def step(self, action: FloatArray) -> Any:
        """Take a control step."""
        self._told.append(action.copy())
        return self._plant.step(self._fault(self._told))


def dead(told: list[FloatArray]) -> FloatArray:
    """Return the newest action, but zero for the first dimension."""
    return np.array([0.0, *told[-1][1:]])


def slow(told: list[FloatArray]) -> FloatArray:
    """Return what a motor does that covers a third of the way in a step."""
    weights = 0.3 * 0.7 ** np.arange(len(told))[::-1]
    acting: FloatArray = weights @ np.array(told)
    return acting


def late(steps: int) -> Fault:
    """Return the fault that actions come so many steps late."""
    return lambda told: told[-1 - steps] if len(told) > steps else 0 * told[-1]


def explore(task: str, steps: int, fault: Fault | None) -> tuple[Transitions, float]:
    """Return a log of exploration, and the period."""
    system = LockStepSystem(read_task(task, {"seed": 1, "run_dir": ""}))
    system.learning = system.on_policy = False
    if fault is not None:
        system.simulator.plant = Faulty(system.simulator.plant, fault)  # type: ignore[assignment]
    log = system.transitions
    pairer = TransitionPairer(log.observation_space, log.action_space)
    pairer.feed(system.simulator.observation)
    while len(log) < steps:
        transition = pairer.feed(system.step()[1])
        if transition is not None:
            log.append(transition)
    return log, system.simulator.period


def without_velocities(log: Transitions) -> Transitions:
    """Return the log without what is a velocity."""
    space = log.observation_space
    kept = [i for i, name in enumerate(space.names) if "velocity" not in name]
    names = [space.names[i] for i in kept]
    angles = [name for name in space.angles if name in names]
    less = Transitions(Space.of(names, angles=angles), log.action_space)
    for t in log:
        before, after = np.asarray(t.observation)[kept], np.asarray(t.next_observation)[kept]
        less.append(type(t)(**{**vars(t), "observation": before, "next_observation": after}))
    return less


def cases(task: str, steps: int) -> Iterator[tuple[str, Transitions, float]]:
    """Yield each fault with its log and the period declared."""
    log, period = explore(task, steps, None)
    yield "none", log, period
    yield "no velocities", without_velocities(log), period
    yield "rate halved", log, period / 2
    frozen, _ = explore(task, steps, None)
    frozen.observation[:, 0] = frozen.next_observation[:, 0] = 0.7
    yield "constant reading", frozen, period
    yield "late by 1", *explore(task, steps, late(1))
    yield "late by 2", *explore(task, steps, late(2))
    yield "dead actuator", *explore(task, steps, dead)
    if not log.action_space.discrete:
        yield "slow actuator", *explore(task, steps, slow)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=4000, help="transitions of each log")
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    arguments = parser.parse_args()
    for task in arguments.tasks:
        for fault, log, period in cases(task, arguments.steps):
            diagnosis = Diagnosis(log.observation_space, period)
            diagnosis.examine(log)
            found = ", ".join(f"{f.kind} ({f.name})" for f in diagnosis.findings)
            print(f"| `{task}` | {fault} | {found or '-'} |", flush=True)


if __name__ == "__main__":
    main()
