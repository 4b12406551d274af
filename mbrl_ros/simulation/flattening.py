"""Conversion between Gymnasium's spaces and flat, named float64 vectors."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.simulation.answers import WrongAnswerError, read_numbers

# A dynamics model predicts every dimension; anything larger is an image.
MAX_DIMENSIONS = 1024

_SUPPORTED = (
    f"Box of at most {MAX_DIMENSIONS} values, Discrete, MultiDiscrete, MultiBinary, and Dict or "
    "Tuple of these"
)

_Leaf = spaces.Box | spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary


@dataclass(frozen=True)
class FlatObservation:
    """A space of observations as a vector; a choice is one-hot, or its index if so declared.

    Attributes:
        names: a suggestion, one per dimension.
        low: lower limits, shape ``(dim,)``.
        high: upper limits, shape ``(dim,)``.
        whole: whether each dimension takes integers only.
        choices: whether a choice is among them that is one-hot.
        encode: turns an observation of the environment into the vector.
    """

    names: tuple[str, ...]
    low: FloatArray
    high: FloatArray
    whole: tuple[bool, ...]
    choices: bool
    encode: Callable[[Any], FloatArray]


@dataclass(frozen=True)
class FlatAction:
    """A space of actions as a vector; a choice is one dimension 0 to n - 1, rounded.

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


def flatten_observation(
    space: gymnasium.Space[Any],
    environment: str,
    names: Sequence[str] = (),
    discrete: Collection[str] = (),
) -> FlatObservation:
    """Describe a space of observations as a vector.

    Args:
        space: of the environment.
        environment: its name, in messages.
        names: of the dimensions, as the task has them.
        discrete: those of them that take integers only: a choice whose turn it is there enters as
            its index, 0 to n - 1, elsewhere as n dimensions of 0 or 1.

    Raises:
        ValueError: if the space is not supported; names the environment and the space.
    """
    found: list[str] = []
    lows: list[FloatArray] = []
    highs: list[FloatArray] = []
    whole: list[bool] = []
    indexed: list[bool] = []

    def add(name: str, low: FloatArray, high: FloatArray, integers: bool) -> None:
        found.extend(_numbered(name, low.size))
        lows.append(low)
        highs.append(high)
        whole.extend([integers] * low.size)

    for name, leaf in _leaves(space, "observation", environment):
        sizes = _sizes(leaf)
        if sizes is None:
            add(name, *_limits(leaf), _is_whole(leaf))
            continue
        for choice, size in zip(_numbered(name, len(sizes)), sizes, strict=True):
            indexed.append(len(found) < len(names) and names[len(found)] in discrete)
            if indexed[-1]:
                add(choice, np.zeros(1), np.full(1, size - 1.0), True)
            else:
                add(choice, np.zeros(size), np.ones(size), True)
    _check_size(space, "observation", environment, len(found))

    def encode(observation: Any) -> FloatArray:
        what = f"observation of environment '{environment}'"
        return np.concatenate(list(_encoded(space, observation, what, iter(indexed))))

    return FlatObservation(
        tuple(found), np.concatenate(lows), np.concatenate(highs), tuple(whole),
        not all(indexed), encode,
    )  # fmt: skip


def flatten_action(space: gymnasium.Space[Any], environment: str) -> FlatAction:
    """Describe a space of actions as a vector.

    Raises:
        ValueError: if the space is not supported; names the environment and the space.
    """
    names: list[str] = []
    lows: list[FloatArray] = []
    highs: list[FloatArray] = []
    for name, leaf in _leaves(space, "action", environment):
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
) -> Iterator[tuple[str, _Leaf]]:
    if isinstance(space, spaces.Dict | spaces.Tuple):
        root = name in ("observation", "action")
        for key, part in _parts(space):
            yield from _leaves(part, str(key) if root else f"{name}_{key}", environment)
    elif isinstance(space, _Leaf):
        yield name, space
    else:
        raise ValueError(
            f"environment '{environment}': {name} space {_short(space)} is not supported; "
            f"expected {_SUPPORTED}"
        )


def _sizes(leaf: _Leaf) -> list[int] | None:
    """Return how many alternatives each choice of a space has; None: it is no choice."""
    if isinstance(leaf, spaces.Discrete):
        return [int(leaf.n)]
    if isinstance(leaf, spaces.MultiDiscrete):
        return [int(n) for n in leaf.nvec.ravel()]
    return None


def _is_whole(leaf: _Leaf) -> bool:
    return isinstance(leaf, spaces.MultiBinary) or np.issubdtype(leaf.dtype, np.integer)


def _keys(space: spaces.Dict | spaces.Tuple) -> list[Any]:
    return list(space.spaces) if isinstance(space, spaces.Dict) else [*range(len(space.spaces))]


def _parts(space: spaces.Dict | spaces.Tuple) -> list[tuple[Any, gymnasium.Space[Any]]]:
    return [(key, space[key]) for key in _keys(space)]


def _limits(leaf: _Leaf) -> tuple[FloatArray, FloatArray]:
    """Return the limits of a space's numbers; those of a choice count from 0."""
    if isinstance(leaf, spaces.Box):
        return leaf.low.astype(np.float64).ravel(), leaf.high.astype(np.float64).ravel()
    sizes = _sizes(leaf) or [2] * int(np.prod(leaf.shape or 1))
    return np.zeros(len(sizes)), np.array(sizes) - 1.0


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


def _encoded(
    space: gymnasium.Space[Any], value: Any, what: str, indexed: Iterator[bool]
) -> Iterator[FloatArray]:
    if isinstance(space, spaces.Dict | spaces.Tuple):
        for key, part in zip(_keys(space), _items(space, value, what), strict=True):
            yield from _encoded(space[key], part, f"{what}: {key}", indexed)
    elif isinstance(space, spaces.Discrete | spaces.MultiDiscrete):
        shape = () if isinstance(space, spaces.Discrete) else space.shape
        numbers = read_numbers(what, value, shape).ravel()
        starts = np.ravel(space.start)
        for number, first, size in zip(numbers, starts, _sizes(space) or (), strict=True):
            if not (first <= number < first + size and number.is_integer()):
                raise WrongAnswerError(
                    f"{what}: expected one of {first} to {first + size - 1}, got {number:g}"
                )
            index = int(number) - int(first)
            yield np.array([float(index)]) if next(indexed) else np.eye(size)[index]
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
        return int(space.start) + _chosen(next(values), int(space.n))
    if isinstance(space, spaces.MultiDiscrete):
        sizes = _sizes(space) or ()
        chosen = np.array([_chosen(next(values), size) for size in sizes])
        return (chosen.reshape(space.shape) + space.start).astype(space.dtype)
    assert isinstance(space, spaces.Box | spaces.MultiBinary)
    flat = np.array([next(values) for _ in range(int(np.prod(space.shape)))], dtype=np.float64)
    # Limits of a float32 space, rounded to float64 and back, must not be exceeded.
    flat = np.clip(flat, *_limits(space))
    if _is_whole(space):
        flat = np.rint(flat)
    return flat.reshape(space.shape).astype(space.dtype)


def _chosen(value: float, size: int) -> int:
    return int(np.clip(np.rint(value), 0, size - 1))
