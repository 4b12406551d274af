"""How long a large bag takes, and how much memory.

    python benchmarks/large_bag.py [--count 1000000] [--values 32]

Records what a controller sees and sends before it has a model, observations, actions and
transitions, as a logger does; then reads the bag in every way. Each is done by a process of its
own; the figures are printed as JSON. Ends with 1 if a decision is not made again as it was.
"""

# Each part imports what it needs itself: the memory of a process counts as that of those that it
# starts, too, so this one has to stay small.

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PERIOD, EPISODE = 0.02, 1000
COMMAND = [sys.executable, "-m", "mbrl_ros.cli"]


class Begun(Exception):  # noqa: N818  # it is no error
    """What was to be begun has begun."""


def record(folder: Path, arguments: argparse.Namespace) -> None:
    """Record a number of transitions, and what they came of, into the bag of a run's folder."""
    from dataclasses import replace

    import numpy as np
    import yaml

    from mbrl_ros.control.controller import Controller
    from mbrl_ros.core.records import Observation
    from mbrl_ros.core.settings import build
    from mbrl_ros.core.task import TaskSettings
    from mbrl_ros.data.definitions import Topic
    from mbrl_ros.data.pairing import TransitionPairer
    from mbrl_ros.data.recorder import Recorder
    from mbrl_ros.nodes.controller_messages import action_message
    from mbrl_ros.nodes.record_messages import (
        observation_message,
        time_message,
        transition_message,
    )
    from mbrl_ros.objectives.objective_set import ObjectiveSet
    from mbrl_ros.ros import interfaces as ri
    from mbrl_ros.ros import serialize_message
    from mbrl_ros.system.configuration import read_task
    from mbrl_ros.system.schema import objective_parameters

    shared = {
        "task": "large", "period": PERIOD,
        "observation": {"names": [f"x{i}" for i in range(arguments.values)]},
        "action": {"names": ["force"], "low": [-1.0], "high": [1.0]},
    }  # fmt: skip
    judged = {"terms": ["effort"], "effort": {"type": "quadratic", "of": ["force"]}}
    nodes = {"/**": shared, "mpc_controller": {"objective": judged}}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({n: {"ros__parameters": p} for n, p in nodes.items()}))
    configuration = read_task(str(path), {})
    task = build(TaskSettings, {**configuration.shared, "lock_step": True})
    spaces = task.observation_space(), task.action_space()
    objectives = ObjectiveSet.from_parameters(
        objective_parameters(configuration.node("mpc_controller")), *spaces, task.period
    )
    settings = configuration.build("mpc_controller")
    controller = Controller.of_task(task, objectives.objective, settings)
    recorder, pairer = (
        Recorder(folder / "bag", {path.name: path.read_text()}),
        TransitionPairer(*spaces),
    )

    def write(name: str, message: Any) -> None:
        kind = f"mbrl_ros/msg/{type(message).__name__}"
        topic = Topic(f"/{name}", kind, ri.definition(kind), ri.type_hash(kind))
        recorder.write(topic, serialize_message(message))

    rng = np.random.default_rng(0)
    values, action = rng.normal(size=spaces[0].dim), np.zeros(1)
    made = episode = step = stamp = 0
    while made < arguments.count:
        stamp += round(1e9 * PERIOD)
        seen = Observation(
            episode, step, values, action, step - 1, 1.0, truncated=step == EPISODE, stamp=stamp
        )
        write("observation", observation_message(seen))
        if paired := pairer.feed(seen):
            write("transition", transition_message(paired, made))
            made += 1
        command = controller.tick(replace(seen, received=time.monotonic()))
        write("action", action_message(command, time_message(stamp)))
        action = command.values
        values = 0.99 * values + 0.1 * action + 0.01 * rng.normal(size=values.shape)
        episode, step = (episode + 1, 0) if seen.ended else (episode, step + 1)
    if trouble := recorder.close():
        raise OSError(trouble)


def first_update(folder: Path, arguments: argparse.Namespace) -> None:
    """Do what `train` does until it has taken in all data, and begins to learn from it."""
    from mbrl_ros.core.settings import build
    from mbrl_ros.core.task import TaskSettings
    from mbrl_ros.learning.checked import make_learner
    from mbrl_ros.learning.demonstrations import show_bags
    from mbrl_ros.system.configuration import read_task

    configuration = read_task(str(folder / "config.yaml"), {})
    task = build(TaskSettings, configuration.shared)
    spaces = task.observation_space(), task.action_space()
    settings = configuration.build("model_trainer")
    learner = make_learner(task.learner, *spaces, settings, task.seed)
    show_bags(learner, [folder / "bag"], *spaces)
    learner.update()


def first_decision(folder: Path, arguments: argparse.Namespace) -> None:
    """Do what `replay` does until it would make its first decision again."""
    from mbrl_ros.system.configuration import read_task
    from mbrl_ros.system.decision_replay import DecisionReplay

    def begun() -> None:
        raise Begun

    configuration = read_task(str(folder / "config.yaml"), {})
    with contextlib.suppress(Begun):
        DecisionReplay(folder / "bag", configuration).run(begun)


PARTS = {"record": record, "first update": first_update, "first decision": first_decision}


def measured(words: list[str]) -> tuple[dict[str, Any], str]:
    """Run a process; return what it took and what it printed."""
    began = time.monotonic()
    child = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    said = child.stdout.read()
    _, _, usage = os.wait4(child.pid, 0)
    return {
        "wall [s]": round(time.monotonic() - began, 1),
        "CPU [s]": round(usage.ru_utime + usage.ru_stime, 1),
        "peak memory [MB]": round(usage.ru_maxrss / 1e3),
    }, said


def main() -> int:
    """Make a bag, read it, and print; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=1_000_000, help="of transitions")
    parser.add_argument("--values", type=int, default=32, help="of an observation")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        PARTS[arguments.part](arguments.folder, arguments)
        return 0
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        bag = str(Path(folder) / "bag")
        part = [sys.executable, *sys.argv, "--folder", folder, "--part"]
        for what, words in {
            "recorded": [*part, "record"],
            "bag info": [*COMMAND, "bag", "info", bag],
            "bag check": [*COMMAND, "bag", "check", bag],
            "train, until its first update": [*part, "first update"],
            "replay, until its first decision": [*part, "first decision"],
            "replay": [*COMMAND, "replay", bag, "--json"],
        }.items():
            figures[what], told = measured(words)
            print(f"{what}: {figures[what]}", file=sys.stderr, flush=True)
        figures["MB"] = round(sum(f.stat().st_size for f in Path(bag).iterdir()) / 1e6)
    figures["decisions"] = json.loads(told)
    print(json.dumps(figures, indent=2))
    return int(bool(figures["decisions"]["different"] or figures["decisions"]["passed_over"]))


if __name__ == "__main__":
    sys.exit(main())
