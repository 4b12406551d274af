"""Conversion of one-step dynamics to and from `ModelUpdate`."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import torch
from torch import Tensor

from mbrl_ros.core.extensions import load
from mbrl_ros.core.kinds import KINDS, find_kind
from mbrl_ros.core.settings import build, flatten
from mbrl_ros.models.actor_critic.packing import attach
from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.prior import Prior, check_prior
from mbrl_ros.models.settings import OneStepSettings
from mbrl_ros.models.update import (
    MODEL,
    CheckpointError,
    ModelPart,
    ModelUpdate,
    check_tensors,
    read_space,
)
from mbrl_ros.models.world_model import WorldModel

# Attributes of the dynamics that become separate parts.
_HEADS = ("reward_model", "inverses")


def pack(model: DynamicsModel) -> ModelUpdate:
    """Return a model as a `ModelUpdate`; a copy."""
    settings: dict[str, Any] = {
        "observation": dataclasses.asdict(model.observation),
        "action": dataclasses.asdict(model.action),
        # An estimated delay is sent as a known one.
        "settings": {**dataclasses.asdict(model.settings), "delay": model.delay},
    }
    if model.prior is not None:
        settings["prior"] = model.prior.name
    parts: dict[str, dict[str, Tensor]] = {MODEL: {}}
    for name, tensor in model.state_dict().items():
        head, _, rest = name.partition(".")
        part, key = (head, rest) if head in _HEADS else (MODEL, name)
        parts.setdefault(part, {})[key] = tensor
    packed = {part: ModelPart.of(state) for part, state in parts.items()}
    return ModelUpdate(model.settings.kind, json.dumps(settings), packed)


def unpack(
    update: ModelUpdate,
    settings: type[OneStepSettings] | None = None,
    prior: Prior | None = None,
) -> DynamicsModel:
    """Return the model, ready for prediction.

    Args:
        update: as received.
        settings: of its kind; None: looked up among the built-in kinds.
        prior: of the task; None: there is none.

    Raises:
        CheckpointError: if a hash, the settings, shapes or values are invalid, or it was learned
            with another prior.
    """
    state: dict[str, Tensor] = {}
    for name, part in update.parts.items():
        if name not in (MODEL, *_HEADS):
            continue
        prefix = "" if name == MODEL else f"{name}."
        state |= {f"{prefix}{key}": tensor for key, tensor in part.state(name).items()}
    model = _model_without_weights(update, settings, len(state), prior)
    # Models from before it had one.
    state.setdefault("origin", torch.zeros(model.observation.dim, dtype=torch.float64))
    _check_state(state, model)
    model.load_state_dict(state, assign=True)
    return model.eval().requires_grad_(False)


def make_world_model(
    update: ModelUpdate,
    device: str = "cpu",
    settings: type[OneStepSettings] | None = None,
    prior: Prior | None = None,
) -> WorldModel:
    """Return the world model of an update.

    Args:
        update: as received.
        device: of the computation.
        settings: of its kind; None: looked up among the built-in kinds.
        prior: of the task; None: there is none.

    Raises:
        CheckpointError: as `unpack`.
    """
    model = unpack(update, settings, prior).to(device)
    made: WorldModel = load(model.settings.world_model, "learner")(model)
    attach(made, update, model.observation)
    return made


def _model_without_weights(
    update: ModelUpdate, kind: type[OneStepSettings] | None, tensors: int, prior: Prior | None
) -> DynamicsModel:
    """Return a model on the meta device: untrusted settings may ask for any size.

    Args:
        update: as received.
        kind: its settings; None: looked up among the built-in kinds.
        tensors: number of tensors in the weights, which bounds the number of layers.
        prior: of the task; None: there is none.
    """
    try:
        if kind is None:
            kind = find_kind(update.kind).settings if update.kind in KINDS else None
        if kind is None or not issubclass(kind, OneStepSettings):
            raise ValueError(f"expected a kind of one-step model, got '{update.kind}'")
        read = json.loads(update.settings)
        settings = build(kind, flatten(read["settings"]))
        settings.check_size(tensors)
        check_prior(read.get("prior", ""), prior)
        with torch.device("meta"):
            return DynamicsModel(
                read_space(read["observation"]), read_space(read["action"]), settings, prior=prior
            )
    except KeyError as error:
        raise CheckpointError(f"model settings: {error} is missing") from None
    except (AttributeError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise CheckpointError(f"model settings: {error}") from None


def _check_state(state: dict[str, Tensor], model: DynamicsModel) -> None:
    """Refuse weights that do not fit the model, or that no prediction can be made with."""
    try:
        model.make_room(state)
    except ValueError as error:
        raise CheckpointError(f"model weights: {error}") from None
    # Limits may be infinite by design.
    check_tensors(state, model.state_dict(), MODEL, infinite=("low", "high"))
