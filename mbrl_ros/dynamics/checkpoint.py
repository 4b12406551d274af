"""Models as bytes: a JSON architecture, safetensors weights and their hash.

Nothing is ever unpickled, so a file or message from elsewhere cannot run code.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from mbrl_ros.dynamics.model import EnsembleModel
from mbrl_ros.dynamics.settings import ModelSettings
from mbrl_ros.settings import SettingsError, build
from mbrl_ros.spaces import Space


class CheckpointError(ValueError):
    """A packed model that is damaged or does not fit; one line that says how."""


@dataclass(frozen=True)
class PackedModel:
    """A model as it travels.

    Attributes:
        architecture: JSON with the type, the spaces and the settings.
        weights: safetensors.
        sha256: of ``weights``, hexadecimal.
    """

    architecture: str
    weights: bytes
    sha256: str


def pack(model: EnsembleModel) -> PackedModel:
    """Return the model as bytes."""
    architecture = {
        "type": "ensemble",
        "observation": dataclasses.asdict(model.observation),
        "action": dataclasses.asdict(model.action),
        "settings": dataclasses.asdict(model.settings),
    }
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    weights = safetensors.torch.save(state)
    return PackedModel(
        json.dumps(architecture), weights, hashlib.sha256(weights).hexdigest()
    )


def unpack(packed: PackedModel) -> EnsembleModel:
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
        architecture = json.loads(packed.architecture)
        if architecture["type"] != "ensemble":
            raise CheckpointError(
                f"model architecture: type: expected 'ensemble', got {architecture['type']!r}"
            )
        settings = build(ModelSettings, architecture["settings"], "model architecture")
        model = EnsembleModel(
            Space.of(**architecture["observation"]), Space.of(**architecture["action"]), settings
        )
    except (KeyError, TypeError, json.JSONDecodeError, SettingsError) as error:
        raise CheckpointError(f"model architecture: {error!r}") from None
    try:
        state = safetensors.torch.load(packed.weights)
    except safetensors.SafetensorError as error:
        raise CheckpointError(f"model weights: not safetensors: {error}") from None
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
        # Limits may be infinite by design, but nothing may be NaN.
        if tensor.isnan().any() or (name not in ("low", "high") and tensor.isinf().any()):
            raise CheckpointError(f"model weights: '{name}' holds a number that is not finite")
    model.load_state_dict({name: t.to(torch.float32) for name, t in state.items()})
    return model.eval().requires_grad_(False)


def save(packed: PackedModel, path: Path) -> None:
    """Write a checkpoint: one safetensors file whose metadata holds the architecture.

    The file appears whole or not at all.

    Raises:
        OSError: if it cannot be written.
    """
    state = safetensors.torch.load(packed.weights)
    data = safetensors.torch.save(state, metadata={"architecture": packed.architecture})
    partial = path.with_suffix(".partial")
    partial.write_bytes(data)
    partial.replace(path)


def load(path: Path) -> EnsembleModel:
    """Read a checkpoint.

    Raises:
        CheckpointError: if the file is not there, damaged or does not fit.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            architecture = (file.metadata() or {}).get("architecture", "")
            weights = safetensors.torch.save({name: file.get_tensor(name) for name in file.keys()})
        return unpack(PackedModel(architecture, weights, hashlib.sha256(weights).hexdigest()))
    except (OSError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"{path}: not a checkpoint: {error}") from None
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
