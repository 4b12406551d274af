"""Conversion of recurrent state-space models to and from `ModelUpdate`."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import torch

from mbrl_ros.models.rssm.behaviour import Behaviour, BehaviourPolicy, BehaviourValue
from mbrl_ros.models.rssm.model import RssmModel
from mbrl_ros.models.rssm.network import Rssm
from mbrl_ros.models.rssm.settings import SIZES, RssmSettings
from mbrl_ros.models.update import (
    MODEL,
    CheckpointError,
    ModelPart,
    ModelUpdate,
    check_tensors,
    read_told,
)

#: The part of actor and critic.
BEHAVIOUR = "behaviour"


def pack(
    network: Rssm, kind: str = RssmSettings.kind, behaviour: Behaviour | None = None
) -> ModelUpdate:
    """Return a network as a `ModelUpdate`; a copy.

    Args:
        network: trained.
        kind: as the parameter ``learner`` names it.
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
    return ModelUpdate(kind, json.dumps(told), parts)


def unpack(update: ModelUpdate) -> Rssm:
    """Return the network, ready for prediction.

    Raises:
        CheckpointError: if a hash, the settings, shapes or values are invalid.
    """
    observation, action, settings = read_told(update, RssmSettings)
    state = update.parts[MODEL].state(MODEL)
    try:
        # Untrusted spaces may have any size.
        with torch.device("meta"):
            network = Rssm(observation, action, settings)
    except ValueError as error:
        raise CheckpointError(f"model settings: {error}") from None
    check_tensors(state, network.state_dict(), MODEL)
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)


def unpack_behaviour(update: ModelUpdate, network: Rssm) -> Behaviour | None:
    """Return an update's actor and critic; None: it has none.

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
            made = behaviour_of(network)
        objective = json.loads(update.settings)["objective"]
    except KeyError as error:
        raise CheckpointError(f"{BEHAVIOUR} settings: {error} is missing") from None
    except ValueError as error:
        raise CheckpointError(f"{BEHAVIOUR} settings: {error}") from None
    check_tensors(state, made.state_dict(), BEHAVIOUR)
    made.load_state_dict(state, assign=True)
    made.objective = str(objective)
    return made.eval().requires_grad_(False)


def behaviour_of(network: Rssm) -> Behaviour:
    """Return an actor and a critic for a network, not initialised yet.

    Raises:
        ValueError: if there is none for such actions.
    """
    return Behaviour(network.features, network.action, SIZES[network.settings.size].hidden)


def make_world_model(update: ModelUpdate, device: str = "cpu") -> RssmModel:
    """Return the world model of an update.

    Args:
        update: as received.
        device: of the computation.

    Raises:
        CheckpointError: as `unpack`.
    """
    network = unpack(update)
    model = RssmModel(network.to(device))
    behaviour = unpack_behaviour(update, network)
    if behaviour is not None:
        behaviour.to(device)
        model.policy, model.value = BehaviourPolicy(behaviour), BehaviourValue(behaviour)
    return model
