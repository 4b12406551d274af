"""What predicts a step before anything is learned, so that a model learns only the rest."""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mbrl_ros.core.extensions import ExtensionError, describe, load
from mbrl_ros.core.kinds import PRIORS
from mbrl_ros.core.pending import calling
from mbrl_ros.core.prior import PriorSettings
from mbrl_ros.core.settings import flat
from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.models.function_model import FunctionModel


class Prior(ABC):
    """Predicts next observations; it does not change, and several threads may ask it.

    Attributes:
        name: what a model that was learned with it tells of it.
        differentiable: whether derivatives pass through a step.
    """

    name: str
    differentiable = False

    @abstractmethod
    def step(self, observation: Tensor, action: Tensor) -> Tensor:
        """Predict one control step.

        Args:
            observation: shape ``(..., O)``, SI units.
            action: in effect during the step, shape ``(..., A)``.

        Returns:
            the next observations, shape ``(..., O)``; not finite where it knows none.
        """

    def foresee(self, observations: FloatArray, actions: FloatArray) -> FloatArray:
        """Return the next observations ``(N, O)`` of N observations and actions."""
        seen, acted = (torch.from_numpy(values.astype(float)) for values in (observations, actions))
        with torch.no_grad():
            foreseen: FloatArray = self.step(seen, acted).double().numpy()
        return foreseen

    def __deepcopy__(self, memo: dict[int, Any]) -> Prior:
        """Return itself: copies of a model share it."""
        return self


class ArrayPrior(Prior):
    """A function of arrays that computes many steps at once, such as a simulation."""

    def __init__(self, function: Callable[[FloatArray, FloatArray], FloatArray]) -> None:
        """Wrap a function.

        Args:
            function: from observations ``(N, O)`` and actions ``(N, A)`` to the next observations
                ``(N, O)``, all float64.
        """
        self._function = function

    def step(self, observation: Tensor, action: Tensor) -> Tensor:
        """See `Prior.step`."""
        seen, acted = (
            values.detach().reshape(-1, values.shape[-1]).cpu().double().numpy()
            for values in (observation, action)
        )
        return torch.from_numpy(self._function(seen, acted)).to(observation).view_as(observation)


class FunctionPrior(Prior):
    """A user's function of observations and actions."""

    def __init__(
        self, function: Callable[[Tensor, Tensor], Any], who: str, observation: Space, action: Space
    ) -> None:
        """Try a function.

        Args:
            function: from observations ``(..., O)`` and actions ``(..., A)`` to the next
                observations, SI units; derivatives need torch's operations only.
            who: it is, in messages.
            observation: O dimensions.
            action: A dimensions.

        Raises:
            ExtensionError: if it fails, or answers another shape.
        """
        self._function, self._who = function, who
        seen = torch.from_numpy(observation.neutral).float().expand(3, 2, -1)
        acted = torch.from_numpy(action.neutral).float().expand(3, 2, -1)
        with torch.no_grad():
            self.step(seen, acted)
        try:
            self.differentiable = bool(function(seen.clone().requires_grad_(), acted).requires_grad)
        except Exception:
            self.differentiable = False  # such as one that computes with NumPy

    def step(self, observation: Tensor, action: Tensor) -> Tensor:
        """See `Prior.step`.

        Raises:
            ExtensionError: if the function fails, or answers another shape.
        """
        try:
            with calling(self._who):
                answer = torch.as_tensor(self._function(observation, action))
        except Exception as error:
            raise ExtensionError(f"{self._who}: {describe(error)}") from error
        if answer.shape != observation.shape:
            raise ExtensionError(
                f"{self._who}: expected next observations of shape {tuple(observation.shape)}, got "
                f"{tuple(answer.shape)}"
            )
        return answer.to(observation)


def make_prior(
    settings: PriorSettings, observation: Space, action: Space, period: float
) -> Prior | None:
    """Return the prior of the settings; None: there is none.

    Args:
        settings: name it.
        observation: O dimensions.
        action: A dimensions.
        period: of a control step [s].

    Raises:
        ValueError: in one line, naming the setting that is wrong.
    """
    default = flat(PriorSettings())
    told = {n: v for n, v in flat(settings).items() if v != default[n]}
    if not settings.model:
        if told:
            raise ValueError(f"prior.{next(iter(told))}: needs prior.model, which is empty")
        return None
    if settings.model in PRIORS:
        simulation = load(PRIORS[settings.model], "prior.model")
        made: Prior = ArrayPrior(simulation(settings, observation, action, period))
    elif ":" in settings.model:
        others = sorted(set(told) - {"model"})
        if others:
            raise ValueError(f"prior.{others[0]}: is not for prior.model '{settings.model}'")
        who = f"prior.model '{settings.model}'"
        function = load(settings.model, "prior.model")
        if not callable(function):
            raise ValueError(f"{who}: expected a function, it is a {type(function).__name__}")
        made = FunctionPrior(function, who, observation, action)
    else:
        raise ValueError(
            f"prior.model: expected one of {', '.join(PRIORS)} or module:attribute, got "
            f"'{settings.model}'"
        )
    # Neither how many threads compute it nor where its files lie changes what it predicts.
    named = {n: v for n, v in told.items() if n != "threads"}
    for name in named.keys() & {"model", "environment", "task_module"}:
        if ".py" in named[name] or named[name].endswith(".xml"):
            named[name] = Path(named[name]).name
    made.name = json.dumps(named, sort_keys=True)
    return made


def alone(prior: Prior, observation: Space, action: Space) -> FunctionModel:
    """Return a prior as a world model, which is trusted until one of its errors has come."""

    def step(seen: Tensor, acted: Tensor) -> Tensor:
        after = prior.step(seen, acted)
        return torch.where(after.isfinite(), after, seen)

    return FunctionModel(observation, action, step, math.inf, prior.differentiable)


def prior_of(task: TaskSettings) -> Prior | None:
    """Return the prior of a task; see `make_prior`."""
    return make_prior(task.prior, task.observation_space(), task.action_space(), task.period)


def check_prior(name: str, prior: Prior | None) -> None:
    """Check that a model from a file or a message was learned with the prior of this task.

    Args:
        name: as the file or message has it; empty: it was learned without one.
        prior: of this task.

    Raises:
        ValueError: if they differ.
    """
    own = prior.name if prior is not None else ""
    if name != own:
        raise ValueError(
            f"prior: expected {own or 'none'}, as prior.* says, got {name or 'a model without one'}"
        )
