"""The kinds of faults: each does one harm to a running system, and returns when it is done."""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import resource
import signal
from collections.abc import Callable, Mapping
from typing import Any

from mbrl_ros.cli.faults.observer import STRANGE
from mbrl_ros.cli.faults.world import World
from mbrl_ros.ros import Parameter
from mbrl_ros.ros import interfaces as ri
from mbrl_ros.system.launch_kinds import SIM

#: Does the harm.
Fault = Callable[[World], None]

# Messages of one burst, and the pause between two [s].
_BURST, _PAUSE = 20, 0.01
_LARGEST = 2**63 - 1


def _kill(node: str) -> Fault:
    def fault(world: World) -> None:
        process = world.supervisor.processes[node]
        before = process.started
        process.send(signal.SIGKILL)
        world.until(lambda: process.started > before, 30.0)

    return fault


def _freeze(node: str) -> Fault:
    def fault(world: World) -> None:
        pid = world.supervisor.processes[node].pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            world.wait(float(world.rng.uniform(0.3, 3.0)))
        finally:
            os.kill(pid, signal.SIGCONT)

    return fault


def _bad_values(world: World, dim: int) -> list[float]:
    """Return what is no vector of ``dim`` finite numbers within any limits."""
    choices: tuple[list[float], ...] = (
        [math.nan] * dim, [math.inf] * dim, [-math.inf] * dim, [], [0.0] * (dim + 1),
        [1e300] * dim, [0.0] * 100_000,
    )  # fmt: skip
    return choices[int(world.rng.integers(len(choices)))]


def _place(world: World, shift: int) -> tuple[int, int]:
    """Return episode and step of the newest observation, some steps later."""
    newest = world.observer.judge.newest
    if newest is None:
        return 0, 0
    return int(newest.episode), max(int(newest.step) + shift, 0)


def _commands(topic: str) -> Fault:
    """Malformed commands on a topic, with the right episode and step."""

    def fault(world: World) -> None:
        for _ in range(_BURST):
            episode, step = _place(world, 0)
            values = _bad_values(world, world.task.action_space().dim)
            source = int(world.rng.integers(256)) if topic == "action_proposed" else 0
            if topic == "action" and values and max(map(abs, values)) == 1e300:
                continue  # finite, and so clipped by the plant: not to be told from its own
            world.publish(
                topic, episode=episode, step=step, values=values, source=source, plan_time=STRANGE
            )
            world.wait(_PAUSE)
        world.silence(topic)

    return fault


def _times(shift: tuple[int, int]) -> Fault:
    """Well-formed commands that answer observations of another time."""

    def fault(world: World) -> None:
        for _ in range(_BURST):
            episode, step = _place(world, int(world.rng.integers(*shift)))
            if world.rng.random() < 0.3:
                episode = int(world.rng.integers(_LARGEST)) if shift[0] > 0 else max(episode - 1, 0)
            high = [float(v) for v in world.task.action_space().upper]
            world.publish("action_proposed", episode=episode, step=step, values=high)
            world.wait(_PAUSE)
        world.silence("action_proposed")

    return fault


def _observations(world: World) -> None:
    dim, actions = world.task.observation_space().dim, world.task.action_space().dim
    for _ in range(_BURST):
        episode, step = _place(world, int(world.rng.integers(-50, 50)))
        well = world.rng.random() < 0.3
        world.publish(
            "observation",
            episode=episode if well else int(world.rng.integers(_LARGEST)),
            step=step,
            values=[0.0] * dim if well else _bad_values(world, dim),
            action=[0.0] * actions if well else _bad_values(world, actions),
            reward=STRANGE,
        )
        world.wait(_PAUSE)
    world.silence("observation")


def _model(change: Callable[[World, Any], dict[str, Any]]) -> Fault:
    """A model like the newest, but for some fields; as new as can be."""

    def fault(world: World) -> None:
        newest = world.model
        if newest is None:
            return
        fields = {
            "run": newest.run, "epoch": _LARGEST, "sequence": int(newest.sequence) + 1,
            "kind": newest.kind, "settings": newest.settings,
        }  # fmt: skip
        parts = {p.name: (bytes(p.weights), p.sha256) for p in newest.parts}
        fields |= change(world, parts)
        given = fields.pop("parts", parts)
        fields["parts"] = [
            ri.ModelPart(name=name, weights=list(weights), sha256=digest)
            for name, (weights, digest) in given.items()
        ]
        world.publish("model", **fields)
        world.wait(0.5)
        world.silence("model")

    return fault


def _corrupted(world: World, parts: dict[str, tuple[bytes, str]]) -> dict[str, Any]:
    weights, digest = parts["model"]
    at = int(world.rng.integers(len(weights)))
    flipped = weights[:at] + bytes([weights[at] ^ 0xFF]) + weights[at + 1 :]
    return {"parts": {**parts, "model": (flipped, digest)}}


def _signed(weights: bytes) -> tuple[bytes, str]:
    import hashlib

    return weights, hashlib.sha256(weights).hexdigest()


def _truncated(world: World, parts: dict[str, tuple[bytes, str]]) -> dict[str, Any]:
    weights, _ = parts["model"]
    return {"parts": {"model": _signed(weights[: int(world.rng.integers(len(weights)))])}}


def _shapes(world: World, parts: dict[str, tuple[bytes, str]]) -> dict[str, Any]:
    import torch
    from safetensors.torch import load, save

    tensors = {n: torch.zeros(3, 3) for n in load(parts["model"][0])}
    return {"parts": {"model": _signed(save(tensors))}}


def _not_finite(world: World, parts: dict[str, tuple[bytes, str]]) -> dict[str, Any]:
    import torch
    from safetensors.torch import load, save

    tensors = {
        n: torch.full_like(t, torch.nan) if t.is_floating_point() else t
        for n, t in load(parts["model"][0]).items()
    }
    return {"parts": {"model": _signed(save(tensors))}}


class _Trap:
    def __reduce__(self) -> Any:
        return os.abort, ()


def _pickled(world: World, parts: dict[str, tuple[bytes, str]]) -> dict[str, Any]:
    return {"parts": {"model": _signed(pickle.dumps(_Trap()))}}


def _other_kind(world: World, parts: dict[str, tuple[bytes, str]]) -> dict[str, Any]:
    return {"kind": "os:abort", "settings": "{" * 1000}


def _other_run(world: World, parts: dict[str, tuple[bytes, str]]) -> dict[str, Any]:
    return {"run": "somebody_elses"}


def _parameters(world: World) -> None:
    names = {
        "mpc_controller": ("planner.horizon", "planner.candidates", "planner.type", "seed"),
        "mujoco_sim": ("physics.mass_scale", "physics.bodies", "period"),
        "model_trainer": ("optimizer.learning_rate", "run_dir"),
        "safety_guard": ("command_timeout", "limits.rate", "takeover.timeout"),
    }
    values: tuple[Any, ...] = (-1, 0, 2**62, math.nan, -math.inf, "x" * 100_000, "__import__('os')",
                               [1.0] * 10_000, [], True, ["a", "b"])  # fmt: skip
    for node, own in names.items():
        for _ in range(3):
            name = own[int(world.rng.integers(len(own)))]
            value = values[int(world.rng.integers(len(values)))]
            if (name, value) == ("planner.horizon", True):
                continue
            request = ri.SetParameters.Request(
                parameters=[Parameter(name, value=value).to_parameter_msg()]
            )
            world.call(ri.SetParameters, f"{node}/set_parameters", request, 5.0)


def _shouting(world: World) -> None:
    """Nonsense of the right types on every topic, as fast as it goes."""
    for _ in range(10 * _BURST):
        number = int(world.rng.integers(_LARGEST))
        world.publish("transition", index=number, observation=[math.nan], reward=STRANGE)
        world.publish("goal", names=["no such thing"] * 50, values=[math.nan] * 49)
        world.publish("goal_sequence", goals=[])
        world.publish("action_override", data=[math.nan] * int(world.rng.integers(10)))
        world.publish("action_proposed", episode=number, step=number, values=[0.0] * 500)
    for topic in ("transition", "goal", "goal_sequence", "action_override", "action_proposed"):
        world.silence(topic)


def _estop(world: World) -> None:
    world.publish("estop", data=True)
    world.wait(float(world.rng.uniform(0.2, 1.0)))
    world.silence("estop")
    for node in ("mpc_controller", "safety_guard"):
        world.call(ri.Trigger, f"{node}/arm", ri.Trigger.Request())


def _replayed(world: World) -> None:
    """What was said before is said again, in another order and more than once."""
    for _ in range(2 * _BURST):
        for topic in ("action_proposed", "observation"):
            message = world.recent[topic][int(world.rng.integers(len(world.recent[topic])))]
            same = {name: getattr(message, name) for name in ("episode", "step", "values")}
            mark = "plan_time" if topic == "action_proposed" else "reward"
            world.publish(topic, **same, **{mark: STRANGE})
        world.wait(_PAUSE)
    for topic in ("action_proposed", "observation"):
        world.silence(topic)


def _same_version(world: World, parts: dict[str, tuple[bytes, str]]) -> dict[str, Any]:
    return {"epoch": world.model.epoch, "sequence": max(int(world.model.sequence) - 1, 1)}


def _no_more_memory(world: World) -> None:
    pid = world.supervisor.processes["model_trainer"].pid
    assert pid is not None
    before = resource.prlimit(pid, resource.RLIMIT_AS)
    resource.prlimit(pid, resource.RLIMIT_AS, (2**26, before[1]))
    world.wait(3.0)
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(pid, resource.RLIMIT_AS, before)


def _full_disk(world: World) -> None:
    """Fill the disk of the run, where it is a small one of its own."""
    folder = world.system.run_dir
    filler = folder / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            while True:
                file.write(b"\0" * 4096)
    except OSError:
        pass
    world.wait(3.0)
    filler.unlink(missing_ok=True)


FAULTS: Mapping[str, Fault] = {
    **{f"kill {node}": _kill(node) for node in SIM.nodes},
    **{f"freeze {node}": _freeze(node) for node in SIM.nodes},
    "malformed commands to the guard": _commands("action_proposed"),
    "malformed commands to the plant": _commands("action"),
    "commands of the past": _times((-200, -10)),
    "commands of the future": _times((10, 10_000)),
    "observations of a stranger": _observations,
    "model corrupted": _model(_corrupted),
    "model truncated": _model(_truncated),
    "model of wrong shapes": _model(_shapes),
    "model of NaN": _model(_not_finite),
    "model that is a pickle": _model(_pickled),
    "model of another kind": _model(_other_kind),
    "model of another run": _model(_other_run),
    "model said again": _model(_same_version),
    "no more memory for the trainer": _no_more_memory,
    "messages said again": _replayed,
    "hostile parameters": _parameters,
    "shouting on all topics": _shouting,
    "e-stop and arm": _estop,
}
#: Needs a small disk of its own.
FULL_DISK = "full disk"
DISK_FAULTS: Mapping[str, Fault] = {FULL_DISK: _full_disk}
