"""Conversion of actor and critics to and from parts of a `ModelUpdate`."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace

import torch

from mbrl_ros.core.settings import build, flatten
from mbrl_ros.core.spaces import Space
from mbrl_ros.models.actor_critic.actor_critic import ActorCritic, LearnedPolicy, LearnedValue
from mbrl_ros.models.actor_critic.categorical import Categorical
from mbrl_ros.models.actor_critic.settings import ActorCriticSettings
from mbrl_ros.models.actor_critic.squashed_gaussian import SquashedGaussian
from mbrl_ros.models.update import CheckpointError, ModelPart, ModelUpdate, check_tensors
from mbrl_ros.models.world_model import WorldModel

#: Name of the part, and of its description in the update's settings.
ACTOR_CRITIC = "actor_critic"


def make_actor_critic(features: Space, action: Space, settings: ActorCriticSettings) -> ActorCritic:
    """Return the networks for a space of actions, not initialised yet.

    Raises:
        ValueError: if some of its dimensions are discrete and others are not.
    """
    if not action.discrete:
        return SquashedGaussian(features, action, settings)
    if len(action.discrete) < action.dim:
        raise ValueError(
            "policy: expected all actions discrete or none, got discrete "
            f"{', '.join(action.discrete)} of {', '.join(action.names)}"
        )
    return Categorical(features, action, settings)


def with_actor_critic(update: ModelUpdate, learned: ActorCritic) -> ModelUpdate:
    """Return the update with actor and critics instead of those it had; a copy."""
    described = json.loads(update.settings)
    described[ACTOR_CRITIC] = {
        "settings": dataclasses.asdict(learned.settings),
        "objective": learned.objective,
    }
    parts = {**update.parts, ACTOR_CRITIC: ModelPart.of(learned.state_dict())}
    return replace(update, settings=json.dumps(described), parts=parts)


def read_actor_critic(update: ModelUpdate, features: Space, action: Space) -> ActorCritic | None:
    """Return an update's actor and critics; None: it has none.

    Args:
        update: as received.
        features: the model's, F dimensions.
        action: A dimensions.

    Raises:
        CheckpointError: if they are damaged or do not fit.
    """
    if ACTOR_CRITIC not in update.parts:
        return None
    try:
        described = json.loads(update.settings)[ACTOR_CRITIC]
        settings = build(ActorCriticSettings, flatten(described["settings"]))
        objective = str(described["objective"])
        # Untrusted settings may ask for any size.
        with torch.device("meta"):
            made = make_actor_critic(features, action, settings)
    except KeyError as error:
        raise CheckpointError(f"{ACTOR_CRITIC} settings: {error} is missing") from None
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise CheckpointError(f"{ACTOR_CRITIC} settings: {error}") from None
    state = update.parts[ACTOR_CRITIC].state(ACTOR_CRITIC)
    check_tensors(state, made.state_dict(), ACTOR_CRITIC)
    made = make_actor_critic(features, action, settings)
    made.load_state_dict(state)
    made.objective = objective
    return made.eval().requires_grad_(False)


def attach(model: WorldModel, update: ModelUpdate, features: Space) -> None:
    """Give a model the policy and the value of its update, if there are any.

    Args:
        model: made of the update.
        update: as received.
        features: of the model.

    Raises:
        CheckpointError: if they are damaged or do not fit.
    """
    learned = read_actor_critic(update, features, model.action)
    if learned is not None:
        learned.to(model.device)
        model.policy, model.value = LearnedPolicy(learned), LearnedValue(learned)
