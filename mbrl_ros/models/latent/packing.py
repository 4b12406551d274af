"""Conversion of models that imagine in a latent state to and from `ModelUpdate`."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, TypeVar

import torch

from mbrl_ros.models.latent.behaviour import LatentBehaviour
from mbrl_ros.models.latent.model import LatentModel
from mbrl_ros.models.latent.network import LatentNetwork
from mbrl_ros.models.update import (
    MODEL,
    CheckpointError,
    ModelPart,
    ModelUpdate,
    check_tensors,
    read_told,
)

#: The part of what was learned in imagination.
BEHAVIOUR = "behaviour"

Network = TypeVar("Network", bound=LatentNetwork)


def pack(
    network: LatentNetwork, kind: str = "", behaviour: LatentBehaviour | None = None
) -> ModelUpdate:
    """Return a network as a `ModelUpdate`; a copy.

    Args:
        network: trained.
        kind: as the parameter ``learner`` names it; empty: as its settings do.
        behaviour: learned with it; None: none.
    """
    told: dict[str, Any] = {
        "observation": dataclasses.asdict(network.observation),
        "action": dataclasses.asdict(network.action),
        "settings": dataclasses.asdict(network.settings),
    }
    parts = {MODEL: ModelPart.of(network.state_dict())}
    if behaviour is not None:
        told["objective"] = behaviour.objective
        parts[BEHAVIOUR] = ModelPart.of(behaviour.state_dict())
    return ModelUpdate(kind or network.settings.kind, json.dumps(told), parts)


def unpack(update: ModelUpdate, network_type: type[Network]) -> Network:
    """Return the network of a kind, ready for prediction.

    Raises:
        CheckpointError: if a hash, the settings, shapes or values are invalid.
    """
    observation, action, settings = read_told(update, network_type.settings_type)
    state = update.parts[MODEL].state(MODEL)
    try:
        # Untrusted spaces may have any size.
        with torch.device("meta"):
            network = network_type(observation, action, settings)
    except ValueError as error:
        raise CheckpointError(f"model settings: {error}") from None
    check_tensors(state, network.state_dict(), MODEL)
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)


def unpack_behaviour(update: ModelUpdate, network: LatentNetwork) -> LatentBehaviour | None:
    """Return what an update's model has learned of what to do; None: nothing.

    Args:
        update: as received.
        network: of the same update.

    Raises:
        CheckpointError: if they are damaged or do not fit.
    """
    if BEHAVIOUR not in update.parts:
        return None
    state = update.parts[BEHAVIOUR].state(BEHAVIOUR)
    try:
        with torch.device("meta"):
            made = network.behaviour()
        objective = json.loads(update.settings)["objective"]
    except KeyError as error:
        raise CheckpointError(f"{BEHAVIOUR} settings: {error} is missing") from None
    except ValueError as error:
        raise CheckpointError(f"{BEHAVIOUR} settings: {error}") from None
    check_tensors(state, made.state_dict(), BEHAVIOUR)
    made.load_state_dict(state, assign=True)
    made.objective = str(objective)
    return made.eval().requires_grad_(False)


def make_world_model(
    update: ModelUpdate, network_type: type[LatentNetwork], device: str = "cpu"
) -> LatentModel:
    """Return the world model of an update.

    Args:
        update: as received.
        network_type: of the kind.
        device: of the computation.

    Raises:
        CheckpointError: as `unpack`.
    """
    network = unpack(update, network_type)
    model = LatentModel(network.to(device))
    behaviour = unpack_behaviour(update, network)
    if behaviour is not None:
        behaviour.to(device)
        model.policy, model.value = behaviour.heads()
    return model
