"""Serialised models: settings as JSON, named parts as safetensors with their hashes.

Nothing is ever unpickled, so an untrusted file or message cannot run code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import safetensors
import safetensors.torch
from torch import Tensor

from mbrl_ros.core.settings import build, flatten
from mbrl_ros.core.spaces import Space

Settings = TypeVar("Settings")

#: The mandatory part.
MODEL = "model"


class CheckpointError(ValueError):
    """A model is corrupt or does not fit; the message is one line."""


@dataclass(frozen=True)
class ModelPart:
    """One part of a model.

    Attributes:
        weights: safetensors.
        sha256: of ``weights``, hexadecimal.
    """

    weights: bytes
    sha256: str

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> ModelPart:
        """Serialise tensors; a copy."""
        weights = safetensors.torch.save({n: tensor.contiguous() for n, tensor in state.items()})
        return cls(weights, hashlib.sha256(weights).hexdigest())

    def check(self, name: str) -> None:
        """Check the hash.

        Args:
            name: of the part, in messages.

        Raises:
            CheckpointError: if it does not match.
        """
        found = hashlib.sha256(self.weights).hexdigest()
        if found != self.sha256:
            raise CheckpointError(
                f"{name} weights: expected SHA-256 {self.sha256[:12] or '(none)'}…, "
                f"got {found[:12]}…"
            )

    def state(self, name: str) -> dict[str, Tensor]:
        """Return the tensors.

        Args:
            name: of the part, in messages.

        Raises:
            CheckpointError: if the hash does not match or it is not safetensors.
        """
        self.check(name)
        try:
            state = safetensors.torch.load(self.weights)
        except (safetensors.SafetensorError, KeyError, ValueError, RuntimeError) as error:
            raise CheckpointError(f"{name} weights: not safetensors: {error}") from None
        for key, tensor in state.items():
            if tensor.isnan().any():
                raise CheckpointError(f"{name} weights: '{key}' holds a number that is not finite")
        return state


@dataclass(frozen=True)
class ModelUpdate:
    """A serialised model; the fields of ``msg/ModelUpdate`` that define it.

    Attributes:
        kind: of the model; see the parameter ``learner``.
        settings: JSON with the spaces and the kind's settings.
        parts: by name: ``model``, and optional ones such as ``reward_model`` or ``policy``.
    """

    kind: str
    settings: str
    parts: Mapping[str, ModelPart]


def read_told(update: ModelUpdate, settings: type[Settings]) -> tuple[Space, Space, Settings]:
    """Return the spaces of observations and actions of an update, and its kind's settings.

    Args:
        update: as received.
        settings: of its kind.

    Raises:
        CheckpointError: naming what is wrong with them.
    """
    try:
        read = json.loads(update.settings)
        made = build(settings, flatten(read["settings"]))
        return read_space(read["observation"]), read_space(read["action"]), made
    except KeyError as error:
        raise CheckpointError(f"model settings: {error} is missing") from None
    except (AttributeError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise CheckpointError(f"model settings: {error}") from None


def read_space(read: Any) -> Space:
    """Return a space from a model's settings.

    Raises:
        ValueError: if it is none.
    """
    if (
        not isinstance(read, dict)
        or not _are_texts(read["names"])
        or not _are_texts(read["angles"])
        or not _are_texts(read.get("images", []))
    ):
        raise ValueError("expected spaces with lists of names")
    return Space.of(**read)


def _are_texts(read: Any) -> bool:
    return isinstance(read, list) and all(isinstance(element, str) for element in read)


def check_tensors(
    state: Mapping[str, Tensor],
    expected: Mapping[str, Tensor],
    part: str,
    infinite: Collection[str] = (),
) -> None:
    """Check that weights fit a module, and that predictions can be made with them.

    Args:
        state: the weights.
        expected: the module's state, of which shapes and types count.
        part: its name, in messages.
        infinite: names of tensors that may be infinite.

    Raises:
        CheckpointError: naming the tensor that does not fit.
    """
    if set(state) != set(expected):
        odd = sorted(set(state) ^ set(expected))[0]
        raise CheckpointError(f"{part} weights: tensor '{odd}' is missing or unknown")
    for name, tensor in state.items():
        if tensor.shape != expected[name].shape:
            raise CheckpointError(
                f"{part} weights: '{name}': expected shape {tuple(expected[name].shape)}, "
                f"got {tuple(tensor.shape)}"
            )
        if tensor.dtype != expected[name].dtype:
            raise CheckpointError(
                f"{part} weights: '{name}': expected {str(expected[name].dtype)[6:]}, "
                f"got {tensor.dtype}"
            )
        if tensor.isnan().any() or (name not in infinite and tensor.isinf().any()):
            raise CheckpointError(f"{part} weights: '{name}' holds a number that is not finite")
        if name.endswith("_std") and not (tensor > 0).all():
            raise CheckpointError(
                f"{part} weights: '{name}' holds a deviation that is not positive"
            )
