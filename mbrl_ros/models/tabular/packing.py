"""Conversion of tables to and from `ModelUpdate`."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import torch
from torch import Tensor

from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.models.tabular.heads import TabularPolicy, TabularValue
from mbrl_ros.models.tabular.model import TabularModel
from mbrl_ros.models.tabular.numbering import Numbering
from mbrl_ros.models.tabular.process import Process
from mbrl_ros.models.tabular.settings import TabularSettings
from mbrl_ros.models.tabular.table import Table
from mbrl_ros.models.update import (
    MODEL,
    CheckpointError,
    ModelPart,
    ModelUpdate,
    read_told,
)

#: The most pairs of observation and action: arrays of this size travel with every model.
MOST_PAIRS = 2**20
POLICY = "policy"


def count_pairs(observation: Space, action: Space) -> tuple[int, int]:
    """Return the number of rows and of choices of a table.

    Raises:
        ValueError: if a dimension takes any number, or there are too many pairs.
    """
    rows = Numbering(observation, "observation").size
    choices = Numbering(action, "action").size
    if rows * choices > MOST_PAIRS:
        raise ValueError(
            f"observation: learner tabular takes at most {MOST_PAIRS} pairs of observation and "
            f"action, got {rows} x {choices}"
        )
    return rows, choices


def pack(
    kind: str,
    observation: Space,
    action: Space,
    settings: TabularSettings,
    table: Table,
    q: FloatArray,
    drawn_to: FloatArray,
) -> ModelUpdate:
    """Return a table and its solution as a `ModelUpdate`; a copy.

    Args:
        kind: as the parameter ``learner`` names it.
        observation: O dimensions.
        action: A dimensions.
        settings: of the learner.
        table: what was counted.
        q: expected return of each pair, shape ``(S, C)``.
        drawn_to: the same as exploration has it.
    """
    told = {
        "observation": dataclasses.asdict(observation),
        "action": dataclasses.asdict(action),
        "settings": dataclasses.asdict(settings),
    }
    process = table.process()
    model = {
        "pair": process.pair,
        "after": process.after,
        "chance": process.chance,
        "continues": process.continues,
        "reward": process.reward,
        "visits": process.visits,
        "paid": np.array(table.paid),
    }
    parts = {
        MODEL: ModelPart.of({name: torch.from_numpy(array) for name, array in model.items()}),
        POLICY: ModelPart.of(
            {"q": torch.from_numpy(q.copy()), "drawn_to": torch.from_numpy(drawn_to.copy())}
        ),
    }
    return ModelUpdate(kind, json.dumps(told), parts)


def read_q(update: ModelUpdate, shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return the expected return of each pair, and that of exploration, float64.

    Raises:
        CheckpointError: if it is damaged, missing or of another shape.
    """
    part = update.parts.get(POLICY)
    if part is None:
        raise CheckpointError("model weights: expected a part 'policy', got none")
    state = part.state(POLICY)
    for name in ("q", "drawn_to"):
        q = state.get(name)
        if q is None or q.shape != shape or q.dtype != torch.float64 or not q.isfinite().all():
            raise CheckpointError(
                f"policy weights: '{name}': expected finite numbers of shape {shape}"
            )
    return state["q"], state["drawn_to"]


def make_world_model(update: ModelUpdate, device: str = "cpu") -> TabularModel:
    """Return the world model of an update, with its policy and its value.

    Args:
        update: as received.
        device: is not used: a table computes on the CPU.

    Raises:
        CheckpointError: if a hash, the settings, shapes or values are invalid.
    """
    observation, action, settings = read_told(update, TabularSettings)
    try:
        rows, choices = count_pairs(observation, action)
    except ValueError as error:
        raise CheckpointError(f"model settings: {error}") from None
    state = update.parts[MODEL].state(MODEL)
    pairs = rows * choices
    outcomes = len(state.get("pair", ()))
    for name, dtype, size, most in (
        ("pair", torch.int64, outcomes, pairs - 1),
        ("after", torch.int64, outcomes, rows - 1),
        ("chance", torch.float64, outcomes, 1 + 1e-9),
        ("continues", torch.float64, outcomes, 1 + 1e-9),
        ("reward", torch.float64, pairs, None),
        ("visits", torch.float64, pairs, None),
    ):
        tensor = state.get(name)
        if tensor is None or tensor.dtype != dtype or tensor.shape != (size,):
            raise CheckpointError(f"model weights: '{name}': expected {size} of {str(dtype)[6:]}")
        if not tensor.isfinite().all() or (
            most is not None and size and not 0 <= tensor.min() <= tensor.max() <= most
        ):
            raise CheckpointError(f"model weights: '{name}' holds a number that is out of range")
    visits = state["visits"].numpy()
    if (visits[state["pair"].numpy()] <= 0).any() or bool(
        (np.bincount(state["pair"].numpy(), minlength=pairs) > 0).sum() != (visits > 0).sum()
    ):
        raise CheckpointError("model weights: 'visits' and 'pair' tell of other pairs")
    optimism = settings.optimism if settings.unvisited == "optimistic" else None
    names = ("pair", "after", "chance", "continues", "reward", "visits")
    arrays = {name: state[name].numpy() for name in names}
    process = Process(rows, choices, **arrays, least=settings.known, optimism=optimism)
    paid = bool(state.get("paid", torch.tensor(False)))
    model = TabularModel(observation, action, process, settings.members, paid)
    q, drawn_to = read_q(update, (rows, choices))
    actions = torch.from_numpy(Numbering(action, "action").values()).float()
    model.policy = TabularPolicy(q, drawn_to, actions, settings.epsilon)
    model.value = TabularValue(q)
    return model
