"""What simulations do under coloured noise, as transitions and as bags."""

from dataclasses import replace

import numpy as np

from mbrl_ros.core.settings import build
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.data.pairing import TransitionPairer
from mbrl_ros.data.recorder import Recorder
from mbrl_ros.data.transitions import Transitions
from mbrl_ros.safety.safe_command import SafeCommand
from mbrl_ros.simulation.simulator import make_simulator
from mbrl_ros.system.configuration import parse_assignments, read_task
from support.messages import cdr, header, make, topic


def simulated(name, count, *words, seed=0, noise=0.0):
    """Return a task, and the transitions of its plant.

    Args:
        name: as for `read_task`.
        count: of the transitions.
        words: further parameters, name:=value.
        seed: of episodes, actions and noise.
        noise: standard deviation of each measured number.
    """
    overrides = {**parse_assignments(["lock_step:=true", *words]), "seed": seed}
    configuration = read_task(str(name), overrides)
    task = build(TaskSettings, configuration.shared)
    observation, action = task.observation_space(), task.action_space()
    simulator = make_simulator(task, configuration.build("mujoco_sim"))
    pairer = TransitionPairer(observation, action, SafeCommand.of(task).resting)
    log, rng = Transitions(observation, action), np.random.default_rng(seed)
    seen, push = simulator.observation, np.zeros(action.dim)
    pairer.feed(seen)
    while len(log) < count:
        if not seen.ended:
            push = np.clip(0.7 * push + 0.6 * rng.normal(size=action.dim), -1.0, 1.0)
            simulator.command(push * action.high, seen.episode, seen.step, seen.time)
        seen = simulator.advance()
        measured = seen.values + noise * rng.normal(size=observation.dim)
        transition = pairer.feed(replace(seen, values=measured))
        if transition is not None:
            log.append(transition)
    return task, log


def write_bag(folder, log):
    """Write transitions as a logger does."""
    transitions, recorder = topic("/transition", "mbrl_ros/msg/Transition"), Recorder(folder)
    for index, t in enumerate(log):
        message = make(
            transitions.type,
            header=header(),
            index=index,
            episode=t.episode,
            step=t.step,
            observation=t.observation,
            action=t.action,
            next_observation=t.next_observation,
            reward=0.0,
            terminated=False,
            truncated=False,
            previous_action=t.action if t.previous_action is None else t.previous_action,
            source=0,
        )
        recorder.write(transitions, cdr(message))
    assert recorder.close() == ""
