"""Conversion of recurrent state-space models to and from `ModelUpdate`."""

from __future__ import annotations

import dataclasses
import json

import torch

from mbrl_ros.models.rssm.model import RssmModel
from mbrl_ros.models.rssm.network import Rssm
from mbrl_ros.models.rssm.settings import RssmSettings
from mbrl_ros.models.update import (
    MODEL,
    CheckpointError,
    ModelPart,
    ModelUpdate,
    check_tensors,
    read_told,
)


def pack(network: Rssm, kind: str = RssmSettings.kind) -> ModelUpdate:
    """Return a network as a `ModelUpdate`; a copy.

    Args:
        network: trained.
        kind: as the parameter ``learner`` names it.
    """
    told = {
        "observation": dataclasses.asdict(network.observation),
        "action": dataclasses.asdict(network.action),
        "settings": dataclasses.asdict(network.settings),
    }
    return ModelUpdate(kind, json.dumps(told), {MODEL: ModelPart.of(network.state_dict())})


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


def make_world_model(update: ModelUpdate, device: str = "cpu") -> RssmModel:
    """Return the world model of an update.

    Args:
        update: as received.
        device: of the computation.

    Raises:
        CheckpointError: as `unpack`.
    """
    return RssmModel(unpack(update).to(device))
