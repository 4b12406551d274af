"""Imagined steps, accessed by dimension names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.models.imagined import Imagined
from mbrl_ros.models.reward_model import RewardModel
from mbrl_ros.models.world_model import UnlearnedError

_TURN = 2 * torch.pi
# Below every relevant squared distance, above float32's smallest normal number.
_TINY = 1e-30


@dataclass(frozen=True)
class Dimension:
    """Where a dimension is found (actions or observations), and its limits."""

    acted: bool
    index: int
    angle: bool
    low: float
    high: float


@cache
def dimensions(observation: Space, action: Space) -> dict[str, Dimension]:
    """Return every dimension by name; of equal names, the observation's."""
    found: dict[str, Dimension] = {}
    for acted, space in ((False, observation), (True, action)):
        for i, name in enumerate(space.names):
            angle = name in space.angles
            found.setdefault(name, Dimension(acted, i, angle, space.low[i], space.high[i]))
    return found


class Columns(Mapping[str, Tensor]):
    """A tensor of shape ``(..., D)`` as a mapping of D names to tensors of shape ``(...)``."""

    def __init__(self, names: Sequence[str], values: Tensor) -> None:
        self._names, self._values = names, values

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._names:
            raise KeyError(name)
        return self._values[..., self._names.index(name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Batch:
    """Input of terms: H steps of any number of trajectories.

    Attributes:
        observed: name to the next observations, each ``(..., H)``.
        acted: name to the actions, each ``(..., H)``, broadcasting against the observations.
        times: of those observations since the references began, shape ``(H,)`` [s].
        goal: dimension to target.
        reward_model: learned reward and termination; None: not learned.
        imagined: the model's output for the steps; None: they were not imagined.
    """

    def __init__(
        self,
        observation: Space,
        action: Space,
        observations: Tensor | None,
        actions: Tensor,
        *,
        start: Tensor | None = None,
        previous_action: Sequence[float] | None = None,
        times: FloatArray | None = None,
        goal: Mapping[str, float] | None = None,
        reward_model: RewardModel | None = None,
        imagined: Imagined | None = None,
    ) -> None:
        """Wrap tensors without copying.

        Args:
            observation: O dimensions.
            action: A dimensions.
            observations: shape ``(..., H, O)``; None: named dimensions are not predicted.
            actions: shape ``(..., H, A)``.
            start: observation before the first, shape ``(..., 1, O)``; None: the first.
            previous_action: action before the first, A values; None: the first.
            times: see above; None: not needed.
            goal: see above.
            reward_model: see above.
            imagined: see above.
        """
        self.observed: Mapping[str, Tensor] = {}
        if observations is not None:
            self.observed = Columns(observation.names, observations)
        self.acted = Columns(action.names, actions)
        self.times = times
        self.goal = goal or {}
        self.reward_model, self.imagined = reward_model, imagined
        self._dimensions = dimensions(observation, action)
        self._observations, self._actions = observations, actions
        self._start, self._previous_action = start, previous_action

    def __getitem__(self, name: str) -> Tensor:
        """Return one dimension, shape ``(..., H)``."""
        where = self._dimensions[name]
        if where.acted:
            return self._actions[..., where.index]
        return self._named(name)[..., where.index]

    def change(self, name: str) -> Tensor:
        """Return the change of one dimension since the previous step, shape ``(..., H)``."""
        now, where = self[name], self._dimensions[name]
        before = now[..., :1]
        imagined = self.imagined
        if where.acted and imagined is not None and imagined.before is not None:
            before = imagined.before[..., where.index, None]
        elif where.acted and self._previous_action is not None:
            before = torch.full_like(before, self._previous_action[where.index])
        elif not where.acted and self._start is not None:
            before = self._start[..., where.index].expand_as(before)
        return torch.diff(now, prepend=before)

    @property
    def steps(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return observation, action and next observation of each step, ``(..., H, O or A)``."""
        after = self._named("learned reward")
        start = after[..., :1, :] if self._start is None else self._start
        before = torch.cat([start.expand_as(after[..., :1, :]), after[..., :-1, :]], dim=-2)
        return before, self._actions, after

    def _named(self, what: str) -> Tensor:
        """Return the observations, on behalf of ``what``."""
        if self._observations is None:
            raise UnlearnedError(f"'{what}': the model predicts no named dimensions")
        return self._observations

    def wraps(self, name: str) -> bool:
        """Return whether a dimension is an angle."""
        return self._dimensions[name].angle


def wrap(angle: Tensor) -> Tensor:
    """Return an angle [rad] in ``[-pi, pi]``."""
    return torch.sub(angle, torch.round(angle * (1 / _TURN)), alpha=_TURN)


def squared_norm(columns: Sequence[Tensor]) -> Tensor:
    """Return the sum of the squares."""
    total = columns[0] * columns[0]
    for column in columns[1:]:
        total = torch.addcmul(total, column, column)
    return total


def norm(columns: Sequence[Tensor]) -> Tensor:
    """Return the Euclidean norm of several columns; one alone keeps its sign."""
    return columns[0] if len(columns) == 1 else root(squared_norm(columns))


def root(x: Tensor) -> Tensor:
    """Return the square root, whose gradient is zero at zero."""
    return torch.sqrt(x.clamp_min(_TINY) if x.requires_grad else x)
