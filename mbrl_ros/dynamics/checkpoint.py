"""Models as bytes: a JSON architecture, safetensors weights and their hash.

Nothing is ever unpickled, so a file or message from elsewhere cannot run code.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from mbrl_ros.dynamics.model import DynamicsModel
from mbrl_ros.dynamics.settings import ModelSettings
from mbrl_ros.settings import build, flatten
from mbrl_ros.spaces import Space


class CheckpointError(ValueError):
    """A packed model that is damaged or does not fit; one line that says how."""


@dataclass(frozen=True)
class PackedModel:
    """A model as it travels.

    Attributes:
        architecture: JSON with the spaces and the settings.
        weights: safetensors.
        sha256: of ``weights``, hexadecimal.
    """

    architecture: str
    weights: bytes
    sha256: str


def pack(model: DynamicsModel) -> PackedModel:
    """Return the model as bytes."""
    architecture = {
        "observation": dataclasses.asdict(model.observation),
        "action": dataclasses.asdict(model.action),
        # A delay that was found out travels as one that is known.
        "settings": {**dataclasses.asdict(model.settings), "delay": model.delay},
    }
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    weights = safetensors.torch.save(state)
    return PackedModel(json.dumps(architecture), weights, hashlib.sha256(weights).hexdigest())


def unpack(packed: PackedModel) -> DynamicsModel:
    """Return the model, ready for prediction.

    Raises:
        CheckpointError: if hash, architecture, shapes or values are not right.
    """
    found = hashlib.sha256(packed.weights).hexdigest()
    if found != packed.sha256:
        raise CheckpointError(
            f"model weights: expected SHA-256 {packed.sha256[:12] or '(none)'}…, got {found[:12]}…"
        )
    try:
        state = safetensors.torch.load(packed.weights)
    except (safetensors.SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"model weights: not safetensors: {error}") from None
    model = _model_without_weights(packed.architecture, len(state))
    _check_state(state, model)
    model.load_state_dict(state, assign=True)
    return model.eval().requires_grad_(False)


def _model_without_weights(architecture: str, tensors: int) -> DynamicsModel:
    """Return a model that takes no memory for its weights: the architecture may ask for any size.

    Args:
        architecture: JSON.
        tensors: how many the weights have, which bounds the number of layers.
    """
    try:
        read = json.loads(architecture)
        settings = build(ModelSettings, flatten(read["settings"]))
        if len(settings.hidden) > tensors:
            raise ValueError(f"{len(settings.hidden)} hidden layers, but only {tensors} tensors")
        with torch.device("meta"):
            return DynamicsModel(_space(read["observation"]), _space(read["action"]), settings)
    except KeyError as error:
        raise CheckpointError(f"model architecture: {error} is missing") from None
    except (AttributeError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise CheckpointError(f"model architecture: {error}") from None


def _space(read: Any) -> Space:
    if (
        not isinstance(read, dict)
        or not _are_texts(read["names"])
        or not _are_texts(read["angles"])
    ):
        raise ValueError("expected spaces with lists of names")
    return Space.of(**read)


def _are_texts(read: Any) -> bool:
    return isinstance(read, list) and all(isinstance(element, str) for element in read)


def _check_state(state: dict[str, Tensor], model: DynamicsModel) -> None:
    """Refuse weights that do not fit the model, or that no prediction can be made with."""
    try:
        model.make_room(state)
    except ValueError as error:
        raise CheckpointError(f"model weights: {error}") from None
    expected = model.state_dict()
    if set(state) != set(expected):
        odd = sorted(set(state) ^ set(expected))[0]
        raise CheckpointError(f"model weights: tensor '{odd}' is missing or unknown")
    for name, tensor in state.items():
        if tensor.shape != expected[name].shape:
            raise CheckpointError(
                f"model weights: '{name}': expected shape {tuple(expected[name].shape)}, "
                f"got {tuple(tensor.shape)}"
            )
        if tensor.dtype != torch.float32:
            raise CheckpointError(f"model weights: '{name}': expected float32, got {tensor.dtype}")
        # Limits may be infinite by design, but nothing may be NaN.
        if tensor.isnan().any() or (name not in ("low", "high") and tensor.isinf().any()):
            raise CheckpointError(f"model weights: '{name}' holds a number that is not finite")
        if name.endswith("_std") and not (tensor > 0).all():
            raise CheckpointError(f"model weights: '{name}' holds a deviation that is not positive")


def save(packed: PackedModel, path: Path) -> None:
    """Write a checkpoint: one safetensors file whose metadata holds architecture and hash.

    The file appears whole or not at all.

    Raises:
        OSError: if it cannot be written.
    """
    state = safetensors.torch.load(packed.weights)
    metadata = {"architecture": packed.architecture, "sha256": packed.sha256}
    write(safetensors.torch.save(state, metadata=metadata), path)


def save_state(state: dict[str, Tensor], path: Path) -> None:
    """Write what a learner needs to go on, beside the model that it belongs to.

    Raises:
        OSError: if it cannot be written.
    """
    write(safetensors.torch.save({name: t.contiguous() for name, t in state.items()}), path)


def load_state(path: Path) -> dict[str, Tensor]:
    """Read what `save_state` wrote.

    Raises:
        CheckpointError: if the file is not there or is damaged.
    """
    try:
        return safetensors.torch.load(path.read_bytes())
    except (OSError, KeyError, ValueError, RuntimeError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"{path}: not a learner's state: {error}") from None


def write(data: bytes, path: Path) -> None:
    """Write a file that appears whole or not at all.

    Raises:
        OSError: if it cannot be written.
    """
    partial = path.with_suffix(".partial")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError:
        # On a full disk, what is left over would only make things worse.
        partial.unlink(missing_ok=True)
        raise


def load(path: Path) -> DynamicsModel:
    """Read a checkpoint.

    Raises:
        CheckpointError: if the file is not there, damaged or does not fit.
    """
    try:
        # Read once: safe_open opens the file twice, and it may be replaced in between.
        data = path.read_bytes()
        state = safetensors.torch.load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        metadata = header.get("__metadata__") or {}
        # The same tensors give the same bytes, so the hash holds for what was packed.
        weights = safetensors.torch.save(state)
        return unpack(
            PackedModel(metadata.get("architecture", ""), weights, metadata.get("sha256", ""))
        )
    except (OSError, KeyError, RuntimeError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"{path}: not a checkpoint: {error}") from None
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
