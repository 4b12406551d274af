"""Conversion between Gymnasium's spaces and flat, named float64 vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.simulation.answers import WrongAnswerError, read_numbers

# A dynamics model predicts every dimension; anything larger is an image.
MAX_DIMENSIONS = 1024

_SUPPORTED = f"Box of at most {MAX_DIMENSIONS} values, Discrete, and Dict or Tuple of these"


@dataclass(frozen=True)
class FlatObservation:
    """A space of observations as a vector; a Discrete one is one-hot.

    Attributes:
        names: a suggestion, one per dimension.
        low: lower limits, shape ``(dim,)``.
        high: upper limits, shape ``(dim,)``.
        encode: turns an observation of the environment into the vector.
    """

    names: tuple[str, ...]
    low: FloatArray
    high: FloatArray
    encode: Callable[[Any], FloatArray]


@dataclass(frozen=True)
class FlatAction:
    """A space of actions as a vector; a Discrete one is one dimension 0 to n - 1, rounded.

    Attributes:
        names: a suggestion, one per dimension.
        low: lower limits, shape ``(dim,)``.
        high: upper limits, shape ``(dim,)``.
        decode: turns the vector into an action of the environment.
    """

    names: tuple[str, ...]
    low: FloatArray
    high: FloatArray
    decode: Callable[[FloatArray], Any]


def flatten_observation(space: gymnasium.Space[Any], environment: str) -> FlatObservation:
    """Describe a space of observations as a vector.

    Raises:
        ValueError: if the space is not supported; names the environment and the space.
    """
    names: list[str] = []
    lows: list[FloatArray] = []
    highs: list[FloatArray] = []
    for name, leaf in _leaves(space, "observation", environment):
        if isinstance(leaf, spaces.Discrete):
            size = int(leaf.n)
            low, high = np.zeros(size), np.ones(size)
        else:
            low, high = _limits(leaf)
        names += _numbered(name, low.size)
        lows.append(low)
        highs.append(high)
    _check_size(space, "observation", environment, len(names))

    def encode(observation: Any) -> FloatArray:
        what = f"observation of environment '{environment}'"
        return np.concatenate(list(_encoded(space, observation, what)))

    return FlatObservation(tuple(names), np.concatenate(lows), np.concatenate(highs), encode)


def flatten_action(space: gymnasium.Space[Any], environment: str) -> FlatAction:
    """Describe a space of actions as a vector.

    Raises:
        ValueError: if the space is not supported; names the environment and the space.
    """
    names: list[str] = []
    lows: list[FloatArray] = []
    highs: list[FloatArray] = []
    for name, leaf in _leaves(space, "action", environment):
        if isinstance(leaf, spaces.Discrete):
            low, high = np.zeros(1), np.full(1, float(leaf.n - 1))
        else:
            low, high = _limits(leaf)
        names += _numbered(name, low.size)
        lows.append(low)
        highs.append(high)
    _check_size(space, "action", environment, len(names))

    def decode(values: FloatArray) -> Any:
        return _decoded(space, iter(values))

    return FlatAction(tuple(names), np.concatenate(lows), np.concatenate(highs), decode)


def _leaves(
    space: gymnasium.Space[Any], name: str, environment: str
) -> Iterator[tuple[str, spaces.Box | spaces.Discrete]]:
    if isinstance(space, spaces.Dict | spaces.Tuple):
        root = name in ("observation", "action")
        for key, part in _parts(space):
            yield from _leaves(part, str(key) if root else f"{name}_{key}", environment)
    elif isinstance(space, spaces.Box | spaces.Discrete):
        yield name, space
    else:
        raise ValueError(
            f"environment '{environment}': {name} space {_short(space)} is not supported; "
            f"expected {_SUPPORTED}"
        )


def _keys(space: spaces.Dict | spaces.Tuple) -> list[Any]:
    return list(space.spaces) if isinstance(space, spaces.Dict) else [*range(len(space.spaces))]


def _parts(space: spaces.Dict | spaces.Tuple) -> list[tuple[Any, gymnasium.Space[Any]]]:
    return [(key, space[key]) for key in _keys(space)]


def _limits(box: spaces.Box) -> tuple[FloatArray, FloatArray]:
    return box.low.astype(np.float64).ravel(), box.high.astype(np.float64).ravel()


def _numbered(name: str, size: int) -> list[str]:
    return [name] if size == 1 else [f"{name}_{i}" for i in range(size)]


def _check_size(space: gymnasium.Space[Any], what: str, environment: str, size: int) -> None:
    if not 1 <= size <= MAX_DIMENSIONS:
        raise ValueError(
            f"environment '{environment}': {what} space {_short(space)} has {size} values; "
            f"expected {_SUPPORTED}"
        )


def _short(space: gymnasium.Space[Any]) -> str:
    if isinstance(space, spaces.Box):
        return f"Box of shape {space.shape}"
    text = " ".join(str(space).split())
    return text if len(text) <= 80 else text[:77] + "..."


def _encoded(space: gymnasium.Space[Any], value: Any, what: str) -> Iterator[FloatArray]:
    if isinstance(space, spaces.Dict | spaces.Tuple):
        for key, part in zip(_keys(space), _items(space, value, what), strict=True):
            yield from _encoded(space[key], part, f"{what}: {key}")
    elif isinstance(space, spaces.Discrete):
        number = read_numbers(what, value, ()).item()
        first, end = int(space.start), int(space.start + space.n)
        if number not in range(first, end):
            raise WrongAnswerError(f"{what}: expected one of {first} to {end - 1}, got {number:g}")
        one_hot = np.zeros(int(space.n))
        one_hot[int(number) - first] = 1.0
        yield one_hot
    else:
        yield read_numbers(what, value, space.shape).ravel()


def _items(space: spaces.Dict | spaces.Tuple, value: Any, what: str) -> list[Any]:
    """Return the parts of an observation in the order of its space's."""
    keys = _keys(space)
    if isinstance(space, spaces.Tuple):
        if not isinstance(value, tuple | list) or len(value) != len(keys):
            got = f"{len(value)}" if isinstance(value, tuple | list) else type(value).__name__
            raise WrongAnswerError(f"{what}: expected {len(keys)} parts, got {got}")
        return list(value)
    if not isinstance(value, Mapping) or set(value) != set(keys):
        got = ", ".join(map(str, value)) if isinstance(value, Mapping) else type(value).__name__
        raise WrongAnswerError(f"{what}: expected the keys {', '.join(map(str, keys))}, got {got}")
    return [value[key] for key in keys]


def _decoded(space: gymnasium.Space[Any], values: Iterator[float]) -> Any:
    if isinstance(space, spaces.Dict):
        return {key: _decoded(part, values) for key, part in _parts(space)}
    if isinstance(space, spaces.Tuple):
        return tuple(_decoded(part, values) for _, part in _parts(space))
    if isinstance(space, spaces.Discrete):
        index = int(np.clip(np.rint(next(values)), 0, int(space.n) - 1))
        return int(space.start) + index
    assert isinstance(space, spaces.Box)
    flat = np.array([next(values) for _ in range(int(np.prod(space.shape)))], dtype=np.float64)
    # Limits of a float32 space, rounded to float64 and back, must not be exceeded.
    flat = np.clip(flat, *_limits(space))
    if np.issubdtype(space.dtype, np.integer):
        flat = np.rint(flat)
    return flat.reshape(space.shape).astype(space.dtype)
