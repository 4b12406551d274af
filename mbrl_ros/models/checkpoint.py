"""Checkpoints of models and of a learner's state, as files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy
import safetensors.torch
from torch import Tensor

from mbrl_ros.core.whole_file import write_whole
from mbrl_ros.models.update import CheckpointError, ModelPart, ModelUpdate

# Before a part's name in the metadata, where its hash is.
_HASH = "sha256:"


def save(update: ModelUpdate, path: Path) -> None:
    """Write a checkpoint: one safetensors file whose metadata holds kind, settings and hashes.

    Each part is one array of bytes: safetensors again, as it travels.

    The write is atomic.

    Raises:
        OSError: if it cannot be written.
    """
    # The parts' own bytes, so that their hashes hold.
    parts = {name: np.frombuffer(part.weights, np.uint8) for name, part in update.parts.items()}
    hashes = {f"{_HASH}{name}": part.sha256 for name, part in update.parts.items()}
    metadata = {"kind": update.kind, "settings": update.settings, **hashes}
    write_whole(path, safetensors.numpy.save(parts, metadata=metadata))


def load(path: Path) -> ModelUpdate:
    """Read a checkpoint.

    Raises:
        CheckpointError: if the file is missing, is no checkpoint or is corrupt.
    """
    return load_expected(path, "")


def load_expected(path: Path, sha256: str) -> ModelUpdate:
    """Read a checkpoint that is known.

    Args:
        path: of the file.
        sha256: of the whole file, hexadecimal; empty: any.

    Raises:
        CheckpointError: if the file is missing, another one, no checkpoint or corrupt.
    """
    try:
        # Read once: safe_open opens the file twice, and it may be replaced in between.
        data = path.read_bytes()
        found = hashlib.sha256(data).hexdigest()
        if sha256 and found != sha256.lower():
            raise CheckpointError(
                f"{path}: expected SHA-256 {sha256[:12]}…, got {found[:12]}…: another model"
            )
        parts = safetensors.numpy.load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    except CheckpointError:
        raise
    except (OSError, KeyError, ValueError, RuntimeError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"{path}: not a checkpoint: {error}") from None
    metadata = header.get("__metadata__") or {}
    if "kind" not in metadata or "settings" not in metadata:
        raise CheckpointError(
            f"{path}: not a checkpoint: its metadata lacks the kind or settings of the model"
        )
    packed = {
        name: ModelPart(weights.tobytes(), metadata.get(f"{_HASH}{name}", ""))
        for name, weights in parts.items()
    }
    try:
        for name, whole in packed.items():
            whole.check(name)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    return ModelUpdate(metadata["kind"], metadata["settings"], packed)


def save_state(state: dict[str, Tensor], path: Path) -> None:
    """Write a learner's state, beside the model that it belongs to.

    Raises:
        OSError: if it cannot be written.
    """
    write_whole(path, safetensors.torch.save({name: t.contiguous() for name, t in state.items()}))


def load_state(path: Path) -> dict[str, Tensor]:
    """Read what `save_state` wrote.

    Raises:
        CheckpointError: if the file is missing or corrupt.
    """
    try:
        return safetensors.torch.load(path.read_bytes())
    except (OSError, KeyError, ValueError, RuntimeError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"{path}: not a learner's state: {error}") from None


def state_path(path: Path) -> Path:
    """Return where the learner's state of a checkpoint is."""
    return path.with_name(path.name.replace("model-", "learner-", 1))
