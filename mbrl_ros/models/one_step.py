"""World models that predict one step at a time, in named dimensions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor

from mbrl_ros.models.differentiable import DifferentiableModel
from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.forecast import CarriedForecast
from mbrl_ros.models.heads import Policy
from mbrl_ros.models.imagined import Imagined
from mbrl_ros.models.inference import Mean
from mbrl_ros.models.rollout import Rollout
from mbrl_ros.models.world_model import Belief, Images, UnlearnedError, WorldModel


class StackedBelief(NamedTuple):
    """Belief of a one-step model: the newest observations and actions.

    Attributes:
        state: see `Encoding`; shape ``(M or 1, B, S)``, SI units.
        pending: applied actions that have not taken effect yet, oldest first; shape
            ``(delay, A)``, SI units.
    """

    state: Tensor
    pending: Tensor


class OneStepModel(WorldModel):
    """Steps a `DynamicsModel`; features are its observations.

    Each member rolls out its own states, as a particle that keeps its member (PETS' TS-infinity);
    the predicted noise is omitted.

    Attributes:
        dynamics: must not change any more, except through a `Correction`.
        fast: its mean predictor.
    """

    precise = True

    def __init__(
        self, dynamics: DynamicsModel, members: int | None = None, engine: str = "float32"
    ) -> None:
        """Wrap trained dynamics.

        Args:
            dynamics: trained.
            members: number of members to use, the first ones; None: all.
            engine: one of its `engines`.
        """
        self.dynamics, self.engine = dynamics, engine
        self.observation, self.action = dynamics.observation, dynamics.action
        self.delay = dynamics.delay
        # Planners with derivatives work in float32 throughout.
        self._origin = dynamics.origin if dynamics.is_far else None
        prior = dynamics.prior
        self.differentiable = self._origin is None and (prior is None or prior.differentiable)
        self.context = dynamics.encoding.history + dynamics.delay
        self.reward_model, self.inverses = dynamics.reward_model, dynamics.inverses
        dynamics.tell_origin()
        self.fast = self.mean(members)
        self.members, self.device = self.fast.members, self.fast.device
        self._rollout = Rollout(self.fast, dynamics)

    @abstractmethod
    def mean(self, members: int | None) -> Mean:
        """Return a fast mean predictor with the present weights, on the engine in use.

        Args:
            members: number of members to use, the first ones; None: all.
        """

    @abstractmethod
    def mean_function(self) -> Callable[[Tensor], Tensor]:
        """Return the mean as a differentiable function, with the present weights.

        It maps inputs of `Encoding`, shape ``(M, B, input_dim)``, to targets in SI units, shape
        ``(M, B, O)``. It is cheap enough to be created for every plan.
        """

    def fork(self, members: int | None = None) -> OneStepModel:
        """See `WorldModel.fork`."""
        return self._again(members, self.engine)

    def with_engine(self, engine: str) -> OneStepModel:
        """See `WorldModel.with_engine`."""
        return self if engine == self.engine else self._again(self.members, engine)

    def _again(self, members: int | None, engine: str) -> OneStepModel:
        made = type(self)(self.dynamics, members, engine)
        made.policy, made.value = self.policy, self.value
        return made

    def initial(self, batch: int) -> StackedBelief:
        """See `WorldModel.initial`: the middle of the data, at the action nearest to zero."""
        mean, encoding = self.dynamics.observation_mean, self.dynamics.encoding
        rest = torch.from_numpy(self.action.neutral).to(mean)
        parts = [mean] * encoding.history + [rest] * (encoding.history - 1)
        state = torch.cat(parts).expand(1, batch, -1)
        return StackedBelief(state, rest.expand(self.delay, -1))

    def observe(
        self,
        belief: Belief | None,
        action: Tensor,
        observation: Tensor,
        is_first: bool,
        images: Images | None = None,
    ) -> StackedBelief:
        """See `WorldModel.observe`."""
        encoding, observation = self.dynamics.encoding, self.dynamics.relative(observation)
        if is_first or belief is None:
            # Before the episode, the plant is assumed to rest at its start, under the same action.
            past = [observation] * encoding.history + [action] * (encoding.history - 1)
            return StackedBelief(torch.cat(past)[None, None], action.expand(self.delay, -1))
        state, pending = cast(StackedBelief, belief)
        queue = torch.cat([pending, action[None]])
        advanced = encoding.advance(state, queue[:1][None], observation[None, None])
        return StackedBelief(advanced, queue[1:])

    def filter(
        self,
        actions: Tensor,
        observations: Tensor,
        is_first: Sequence[bool],
        images: Sequence[Images] | None = None,
    ) -> list[Belief]:
        """See `WorldModel.filter`; all steps at once."""
        history, delay = self.dynamics.encoding.history, self.delay
        observations = self.dynamics.relative(observations)
        # Before an episode's first step, observation and action are those of the first.
        now = torch.arange(len(actions))
        first = torch.where(torch.tensor(is_first), now, 0).cummax(dim=0).values

        def earlier(values: Tensor, lags: range) -> Tensor:
            """Return values so many steps earlier, shape ``(T, len(lags), ...)``."""
            return values[
                (now[:, None] - torch.tensor(lags, dtype=torch.long)).maximum(first[:, None])
            ]

        seen = earlier(observations, range(history))
        acted = earlier(actions, range(delay, delay + history - 1))
        state = torch.cat([seen.flatten(1), acted.flatten(1)], dim=1)[:, None, None]
        pending = earlier(actions, range(delay - 1, -1, -1))
        return [StackedBelief(*both) for both in zip(state.unbind(), pending.unbind(), strict=True)]

    def features(self, belief: Belief) -> Tensor:
        """See `WorldModel.features`: the observations."""
        return self._absolute(belief[0][..., : self.observation.dim])

    def ahead(self, belief: Belief, actions: Tensor) -> StackedBelief:
        """See `WorldModel.ahead`."""
        state, pending = cast(StackedBelief, belief)
        return StackedBelief(self._rollout.ahead(state, actions).cpu(), pending)

    def imagine(self, belief: Belief, actions: Tensor) -> Imagined:
        """See `WorldModel.imagine`."""
        observations = self._absolute(self._rollout(belief[0], actions))
        return self._imagined(actions.to(observations.device), observations)

    def imagine_policy(self, belief: Belief, policy: Policy, horizon: int) -> Imagined:
        """See `WorldModel.imagine_policy`."""
        actions, observations = self._rollout.follow(
            belief[0], lambda seen: policy(self._absolute(seen)), horizon
        )
        return self._imagined(actions, self._absolute(observations))

    def imagine_gradients(self, belief: Belief, actions: Tensor) -> Imagined:
        """See `WorldModel.imagine_gradients`."""
        observations = self._absolute(self._differentiable().rollout(belief[0], actions))
        return self._imagined(actions.to(observations.device), observations)

    def linearized(self, belief: Belief) -> tuple[Tensor, DifferentiableModel]:
        """See `WorldModel.linearized`."""
        state = belief[0].reshape(-1, belief[0].shape[-1]).mean(dim=0)
        return state, self._differentiable()

    def surprise(self, belief: Belief, actions: Tensor, observation: Tensor) -> Tensor:
        """See `WorldModel.surprise`."""
        state, pending = cast(StackedBelief, belief)
        acted = torch.cat([pending, actions])[: len(actions)]
        seen = self.dynamics.relative(observation)
        return self.dynamics.surprise(state[0], acted[None], seen[None])[0]

    def forecast(self, steps: int) -> CarriedForecast:
        """See `WorldModel.forecast`."""
        return CarriedForecast(self.dynamics, steps)

    def acting(self, belief: Belief, action: Tensor) -> Tensor:
        """Return the action ``(A,)`` that takes effect while ``action`` is applied."""
        return cast(StackedBelief, belief).pending[0] if self.delay else action

    def _imagined(self, actions: Tensor, observations: Tensor) -> Imagined:
        scale = self.dynamics.observation_std
        return Imagined(actions, observations, observations, scale=scale)

    def _absolute(self, observations: Tensor) -> Tensor:
        """Return imagined observations in SI units, in float64 where they are far from zero."""
        return observations if self._origin is None else observations + self._origin

    def _differentiable(self) -> DifferentiableModel:
        if not self.differentiable:
            raise UnlearnedError("this model has no derivatives, of its prior or so far from zero")
        return DifferentiableModel(self.dynamics, self.mean_function(), self.members)
