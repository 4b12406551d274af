"""What the diagnosis finds on the shipped tasks: as they are, and with faults.

    .venv/bin/python benchmarks/diagnosis.py [--steps 4000] [--learned 2000] [--seeds 11 12]

Each task is explored with the controller's noise, and learned. Faults of actuators are in the
plant, those of sensors are put into the log. A row per task, seed and fault says what was found;
at the end a row per fault says how often it was, and how often something else was.
"""

from __future__ import annotations

import argparse
import itertools
from collections import Counter
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
# A log, and the period that is declared for it.
Case = tuple[Transitions, float]


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


def dead(dimension: int) -> Fault:
    """Return the fault that a dimension of the action is zero whatever is told."""

    def fault(told: list[FloatArray]) -> FloatArray:
        acting = told[-1].copy()
        acting[dimension] = 0.0
        return acting

    return fault


def slow(share: float) -> Fault:
    """Return the fault of a motor that covers such a share of the way in a step."""

    def fault(told: list[FloatArray]) -> FloatArray:
        weights = share * (1 - share) ** np.arange(len(told), dtype=float)[::-1]
        return np.asarray(weights @ np.array(told), dtype=float)

    return fault


def late(steps: int) -> Fault:
    """Return the fault that actions come so many steps late."""
    return lambda told: told[-1 - steps] if len(told) > steps else 0 * told[-1]


def record(
    task: str, seed: int, steps: int, fault: Fault | None = None, learning: bool = False
) -> Case:
    """Return a log of exploration, or of learning."""
    system = LockStepSystem(read_task(task, {"seed": seed, "run_dir": ""}))
    system.learning = system.on_policy = learning
    if fault is not None:
        system.simulator.plant = Faulty(system.simulator.plant, fault)  # type: ignore[assignment]
    log = Transitions(system.transitions.observation_space, system.transitions.action_space)
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


def with_angles(log: Transitions) -> Transitions | None:
    """Return the log with angles for cosines and sines, undeclared and unbounded; None: no such."""
    names = log.observation_space.names
    found = [name.removesuffix("_cos") for name in names if name.endswith("_cos")]
    if not found:
        return None
    kept = [i for i, name in enumerate(names) if not name.endswith(("_cos", "_sin"))]
    pairs = [(names.index(f"{name}_cos"), names.index(f"{name}_sin")) for name in found]

    def angles(seen: FloatArray, before: FloatArray) -> FloatArray:
        now = np.array([np.arctan2(seen[sine], seen[cosine]) for cosine, sine in pairs])
        unwrapped: FloatArray = before + (now - before + np.pi) % (2 * np.pi) - np.pi
        return unwrapped

    space = Space.of([*found, *(names[i] for i in kept)])
    changed = Transitions(space, log.action_space)
    turned = np.zeros(len(pairs))
    for t in log:
        before, after = np.asarray(t.observation), np.asarray(t.next_observation)
        start = angles(before, np.zeros(len(pairs)) if t.step == 0 else turned)
        turned = angles(after, start)
        seen = {
            "observation": np.r_[start, before[kept]],
            "next_observation": np.r_[turned, after[kept]],
        }
        changed.append(type(t)(**{**vars(t), **seen}))
    return changed


def cases(task: str, seed: int, steps: int, learned: int) -> Iterator[tuple[str, str, Case]]:
    """Yield each fault with what should be found, and its log."""
    log, period = record(task, seed, steps)
    yield "none, exploring", "", (log, period)
    if learned:
        yield "none, learned", "", record(task, seed, learned, learning=True)
    yield "no velocities", "hidden state", (without_velocities(log), period)
    if (turning := with_angles(log)) is not None:
        yield "undeclared angle", "undeclared angle", (turning, period)
    yield "rate halved", "rate", (log, period / 2)
    for steps_late in (1, 2):
        case = record(task, seed, steps, late(steps_late))
        yield f"late by {steps_late}", "late action", case
    for dimension in range(log.action_space.dim):
        expected = f"dead actuator ({log.action_space.names[dimension]})"
        yield "dead actuator", expected, record(task, seed, steps, dead(dimension))
    if not log.action_space.discrete:
        for share in (0.3, 0.5):
            case = record(task, seed, steps, slow(share))
            yield f"actuator covers {share}", "hidden state", case
    middle = len(log) // 2
    log.next_observation[middle, -1] = log.observation[middle + 1, -1] = 1000.0
    yield (
        "one reading is 1000",
        f"absurd reading ({log.observation_space.names[-1]})",
        (log, period),
    )
    log.observation[:, 0] = log.next_observation[:, 0] = 0.7
    yield "constant reading", "constant", (log, period)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=4000, help="transitions of each log")
    parser.add_argument("--learned", type=int, default=2000, help="the same, of learning; 0: none")
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12])
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    arguments = parser.parse_args()
    counts: dict[str, Counter[str]] = {}
    for task, seed in itertools.product(arguments.tasks, arguments.seeds):
        for fault, expected, (log, period) in cases(task, seed, arguments.steps, arguments.learned):
            diagnosis = Diagnosis(log.observation_space, period)
            diagnosis.examine(log)
            found = [f"{f.kind} ({f.name})" for f in diagnosis.findings]
            print(f"| `{task}` | {seed} | {fault} | {', '.join(found) or '-'} |", flush=True)
            right = [text.startswith(expected) for text in found] if expected else []
            count = counts.setdefault(fault, Counter())
            count.update(logs=1, found=int(any(right)), other=int(len(found) > sum(right)))
    print("\n| fault | logs | found | something else found |\n|---|---|---|---|")
    for fault, count in counts.items():
        print(f"| {fault} | {count['logs']} | {count['found']} | {count['other']} |")


if __name__ == "__main__":
    main()
