"""What an environment or a task returns, checked once, where it enters."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from mbrl_ros.core.extensions import ExtensionError, describe
from mbrl_ros.core.pending import calling

_RESET = ("observation", "info")
_STEP = ("observation", "reward", "terminated", "truncated", "info")


class PlantError(ExtensionError):
    """The environment itself failed; the message is one line."""


class WrongAnswerError(PlantError):
    """Something that a user's code returns is not what it must return."""


def call(who: str, name: str, function: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Call a function of a user's.

    Args:
        who: whose it is, such as ``environment 'Pendulum-v1'``.
        name: of the function.
        function: to call.
        given: its arguments.
        named: its named arguments.

    Raises:
        PlantError: if it raises, with the place.
    """
    try:
        with calling(f"{who}: {name}"):
            return function(*given, **named)
    except PlantError:
        raise
    except Exception as error:
        raise PlantError(f"{who}: {name}: {describe(error)}") from error


def check_reset(who: str, reset: Callable[..., Any]) -> None:
    """Check that ``reset`` takes what it will be given.

    Raises:
        WrongAnswerError: if it does not.
    """
    try:
        inspect.signature(reset).bind(seed=0, options=None)
    except TypeError:
        expected = "reset(self, *, seed=None, options=None) (Gymnasium 0.26)"
        raise WrongAnswerError(
            f"reset of {who} takes other arguments: expected {expected}"
        ) from None
    except ValueError:  # written in C
        pass


def read_reset(who: str, answer: Any) -> tuple[Any, dict[str, Any]]:
    """Return what ``reset`` answers: an observation, not checked yet, and info.

    Raises:
        WrongAnswerError: if it has another form.
    """
    observation, info = _parts(who, "reset", answer, _RESET)
    if not isinstance(info, dict):
        raise WrongAnswerError(
            f"reset of {who} returned {_short(info)} as info, expected a dictionary"
        )
    return observation, info


def read_step(who: str, answer: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
    """Return what ``step`` answers: an observation, not checked yet, and the rest.

    Raises:
        WrongAnswerError: if it has another form, or the reward is no number.
    """
    observation, reward, terminated, truncated, info = _parts(who, "step", answer, _STEP)
    return (
        observation,
        read_reward(f"step of {who}", reward),
        read_flag(f"step of {who}", "terminated", terminated),
        read_flag(f"step of {who}", "truncated", truncated),
        info,
    )


def read_reward(what: str, reward: Any) -> float:
    """Return a reward, or NaN where it is None: a plant that pays nothing.

    Raises:
        WrongAnswerError: if it is no number and no array of one.
    """
    if reward is None:
        return float("nan")
    values = _array(reward)
    if values.size != 1 or values.dtype.kind not in "biuf":
        raise WrongAnswerError(f"{what} returned {_short(reward)} as reward, expected a number")
    return float(values.item())


def read_flag(what: str, name: str, flag: Any) -> bool:
    """Return whether something is so.

    Raises:
        WrongAnswerError: if it is neither true nor false, 1 nor 0, nor an array of one of them.
    """
    values = _array(flag)
    if values.size != 1 or values.dtype.kind not in "biuf" or values.item() not in (0, 1):
        raise WrongAnswerError(f"{what} returned {_short(flag)} as {name}, expected true or false")
    return bool(values.item())


def read_numbers(what: str, values: Any, shape: tuple[int, ...] | None = None) -> Any:
    """Return numbers as an array of float64.

    Args:
        what: what they are, in messages.
        values: as returned.
        shape: expected; dimensions of one do not count. None: any.

    Raises:
        WrongAnswerError: if they are no numbers, or of another shape.
    """
    found = _array(values)
    wrong = shape is not None and _without_ones(found.shape) != _without_ones(shape)
    if found.dtype.kind not in "biuf" or wrong:
        expected = "numbers" if shape is None else f"numbers of shape {shape}"
        raise WrongAnswerError(f"{what}: expected {expected}, got {_short(values)}")
    return found.astype(np.float64)


def _parts(who: str, function: str, answer: Any, expected: tuple[str, ...]) -> tuple[Any, ...]:
    form = f"expected {len(expected)} (Gymnasium 0.26: {', '.join(expected)})"
    if not isinstance(answer, tuple):
        raise WrongAnswerError(f"{function} of {who} returned {_short(answer)}, no tuple, {form}")
    if len(answer) != len(expected):
        raise WrongAnswerError(f"{function} of {who} returned {len(answer)} values, {form}")
    return answer


def _array(value: Any) -> np.ndarray[Any, Any]:
    if hasattr(value, "detach"):  # a tensor
        value = value.detach().cpu()
    try:
        return np.asarray(value)
    except Exception:  # ragged lists, and what cannot be an array
        return np.asarray(None)


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def _short(value: Any) -> str:
    """Return what a value is, in a few words."""
    if isinstance(value, np.ndarray) or hasattr(value, "detach"):
        return f"an array of shape {tuple(value.shape)} of {value.dtype}"
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."
