"""States that no plan should lead to, whatever it is paid for: the limits that the guard keeps."""

from __future__ import annotations

import torch
from torch import Tensor

from mbrl_ros.core.formula import read_formula
from mbrl_ros.core.limits import LimitSettings
from mbrl_ros.core.spaces import Space
from mbrl_ros.models.imagined import Imagined
from mbrl_ros.objectives.batch import Columns
from mbrl_ros.objectives.expression import TENSORS
from mbrl_ros.objectives.kinematics import points_of


class Forbidden:
    """Judges imagined trajectories by their worst member."""

    def __init__(self, limits: LimitSettings, observation: Space) -> None:
        """Take limits over.

        Raises:
            ValueError: naming the parameter that does not fit.
        """
        robot = limits.kinematics(observation)
        self._robot = robot if robot is not None and robot.names else None
        self._names = (*observation.names, *(robot.names if robot is not None else ()))
        ranges = limits.ranges(observation)
        self._places = [place for _, place, _, _ in ranges]
        self._least = torch.tensor([least for _, _, least, _ in ranges])
        self._most = torch.tensor([most for _, _, _, most in ranges])
        self._formulas = [read_formula(text, TENSORS) for text in limits.forbidden]

    def __bool__(self) -> bool:
        """Whether anything is forbidden."""
        return bool(self._places or self._formulas)

    def beyond(self, imagined: Imagined) -> Tensor:
        """Return in how many steps each candidate is beyond, by its worst member.

        Args:
            imagined: M members, N candidates.

        Returns:
            shape ``(N,)``; a member whose state is not defined is beyond.
        """
        if imagined.observations is None or not self:
            return torch.zeros(imagined.actions.shape[0])
        after = imagined.observations[:, :, 1:]
        if self._robot is not None:
            after = torch.cat([after, points_of(self._robot, after)], dim=-1)
        within = torch.ones(after.shape[:-1], dtype=torch.bool, device=after.device)
        if self._places:
            seen = after[..., self._places]
            least, most = self._least.to(seen), self._most.to(seen)
            within &= ((seen >= least) & (seen <= most)).all(dim=-1)
        known = Columns(self._names, after)
        for formula in self._formulas:
            within &= formula.value(known) <= 0.0
        outside = 1.0 - within.to(after.dtype)
        return outside.sum(dim=-1).amax(dim=0)

    def rank(self, worth: Tensor, imagined: Imagined) -> Tensor:
        """Return values of candidates: each ranks below those that are beyond in fewer steps.

        Args:
            worth: what each is worth, shape ``(N,)``; kept where no member is beyond.
            imagined: M members, N candidates.
        """
        known = worth.detach()[worth.isfinite()]
        if not self or not len(known):
            return worth
        # A step costs as much as lies between the best and the worst, whatever the unit.
        return worth - self.beyond(imagined) * (known.max() - known.min())
