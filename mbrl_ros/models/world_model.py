"""What every model is to those who plan, judge and control with it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from mbrl_ros.core.spaces import Space
from mbrl_ros.models.heads import Policy, Value
from mbrl_ros.models.imagined import Imagined
from mbrl_ros.models.inverses import Inverses
from mbrl_ros.models.reward_model import RewardModel

#: A summary of all that was observed: a named tuple of tensors ``(M or 1, B, ...)`` that only the
#: model's kind looks into.
Belief = tuple[Tensor, ...]
#: Images of one control step by camera: RGB, ``(side, side, 3)``, uint8.
Images = Mapping[str, Tensor]


class UnlearnedError(ValueError):
    """A model is asked for what it has not learned, or what its kind cannot do."""


@dataclass(frozen=True)
class Step:
    """What happened in one control step.

    Attributes:
        belief: before it, of a batch of one.
        action: that the plant says it applied, shape ``(A,)``, SI units.
        observation: after it, shape ``(O,)``, SI units.
    """

    belief: Belief
    action: Tensor
    observation: Tensor


class Correction(Protocol):
    """Corrects a model by what happens, between two models of the trainer."""

    @property
    def size(self) -> float:
        """How much it corrects, relative to what it corrects."""

    def observe(self, step: Step) -> None:
        """Take in what happened; what is not finite or absurd is left out."""


class Forecast(Protocol):
    """What a model expected of the newest steps, which follow one another."""

    def observe(self, step: Step) -> tuple[Tensor, Tensor | None]:
        """Take in what happened next.

        Returns:
            the z-scores of `WorldModel.surprise` for this step, and for its observation as seen
            from as many steps before as the forecast is long; None: there are not so many yet.
        """


class _Recalled:
    """A forecast that is made anew at each step, from the steps before."""

    def __init__(self, model: WorldModel, steps: int) -> None:
        self._model = model
        self._steps: deque[Step] = deque(maxlen=steps)

    def observe(self, step: Step) -> tuple[Tensor, Tensor | None]:
        """See `Forecast.observe`."""
        steps = self._steps
        steps.append(step)
        whole = self._surprise(tuple(steps)) if len(steps) == steps.maxlen else None
        return self._surprise((step,)), whole

    def _surprise(self, steps: Sequence[Step]) -> Tensor:
        actions = torch.stack([step.action for step in steps])
        return self._model.surprise(steps[0].belief, actions, steps[-1].observation)


class Linearization(Protocol):
    """The members' mean prediction with derivatives, for planners that follow them."""

    def mean_step(self, state: Tensor, action: Tensor) -> Tensor:
        """Predict states ``(B, S)`` from states ``(B, S)`` and actions ``(B, A)``."""

    def mean_jacobians(self, state: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Differentiate `mean_step`: by the state ``(B, S, S)``, by the action ``(B, S, A)``."""


class WorldModel(ABC):
    """``p(o', r, c | belief, a)``: what would happen, for M members at once.

    A belief summarises all observations and actions so far: a stack of observations, a recurrent
    state, the index of a table's row. Whoever carries one calls `observe` once for every control
    step, in order, and may then ask from there what would come of any actions.

    It is for one thread at a time; `fork` makes another one for another thread.

    Attributes:
        observation: the space of observations, O dimensions.
        action: the space of actions, A dimensions.
        members: M, how many of them predict.
        delay: control steps by which actions act later than the plant tells.
        context: observations from which a belief can be rebuilt.
        precise: whether it takes observations in float64, not float32.
        differentiable: whether it has `imagine_gradients` and `linearized`.
        device: where it computes.
        engine: one of its `engines`, which computes `imagine`.
        reward_model: learned rewards and ends of steps; None: none.
        inverses: what action leads from one observation to another; None: none.
        policy: what to do at a belief; None: none.
        value: what may be expected from a belief on; None: unknown.
    """

    observation: Space
    action: Space
    members: int
    delay: int = 0
    context: int = 1
    precise: ClassVar[bool] = False
    differentiable: bool = False
    device: torch.device = torch.device("cpu")
    engine: str = "float32"
    reward_model: RewardModel | None = None
    inverses: Inverses | None = None
    policy: Policy | None = None
    value: Value | None = None

    @abstractmethod
    def initial(self, batch: int) -> Belief:
        """Return the belief before anything was observed.

        Args:
            batch: B.
        """

    @abstractmethod
    def observe(
        self,
        belief: Belief | None,
        action: Tensor,
        observation: Tensor,
        is_first: bool,
        images: Images | None = None,
    ) -> Belief:
        """Take in one control step of one plant.

        Args:
            belief: before it, of a batch of one; None at the first.
            action: that the plant says it applied, shape ``(A,)``; at the first, what acts as the
                episode begins.
            observation: at the end of the step, shape ``(O,)``, SI units.
            is_first: whether an episode begins with it, so that the belief before does not count.
            images: of the same step, for kinds that see; None or empty: none came.
        """

    def filter(
        self,
        actions: Tensor,
        observations: Tensor,
        is_first: Sequence[bool],
        images: Sequence[Images] | None = None,
    ) -> list[Belief]:
        """Return the belief after each of T control steps, as repeated calls of `observe` would.

        What came before the first is unknown.

        Args:
            actions: shape ``(T, A)``, T at least 1; see `observe`.
            observations: shape ``(T, O)``.
            is_first: whether an episode begins with each.
            images: of each; None: none came.
        """
        beliefs: list[Belief] = []
        shown = [{}] * len(actions) if images is None else images
        for action, observation, first, seen in zip(
            actions, observations, is_first, shown, strict=True
        ):
            before = beliefs[-1] if beliefs else None
            # Only kinds that see need to know of images.
            given = (seen,) if seen else ()
            beliefs.append(self.observe(before, action, observation, first, *given))
        return beliefs

    @abstractmethod
    def features(self, belief: Belief) -> Tensor:
        """Return what policies and values read of a belief, shape ``(M or 1, B, F)``."""

    @abstractmethod
    def ahead(self, belief: Belief, actions: Tensor) -> Belief:
        """Return each member's belief after actions whose outcome nobody has observed yet.

        Args:
            belief: of a batch of one.
            actions: as they will act, delays included; shape ``(H, A)``, H at least 1.
        """

    @abstractmethod
    def imagine(self, belief: Belief, actions: Tensor) -> Imagined:
        """Return the trajectories that sequences of actions lead to.

        Args:
            belief: of a batch of one, or of N.
            actions: as they act; shape ``(N, H, A)``.

        Returns:
            what the next call may overwrite.
        """

    @abstractmethod
    def imagine_policy(self, belief: Belief, policy: Policy, horizon: int) -> Imagined:
        """Return the trajectories that a policy leads to, in closed loop.

        Args:
            belief: of a batch of one, or of N.
            policy: chooses each action from the features.
            horizon: H.
        """

    def imagine_gradients(self, belief: Belief, actions: Tensor) -> Imagined:
        """Return the same as `imagine`, differentiable by the actions.

        Raises:
            UnlearnedError: if the kind has no derivatives.
        """
        raise UnlearnedError(f"{self.kind} has no derivatives")

    def linearized(self, belief: Belief) -> tuple[Tensor, Linearization]:
        """Return the mean state that a belief stands for, ``(S,)``, and how it moves.

        The state begins with the observation.

        Raises:
            UnlearnedError: if the kind has no derivatives.
        """
        raise UnlearnedError(f"{self.kind} has no derivatives")

    @abstractmethod
    def surprise(self, belief: Belief, actions: Tensor, observation: Tensor) -> Tensor:
        """Return how far an observation is from what was expected after some actions.

        Args:
            belief: before the actions, of a batch of one.
            actions: that the plant says it applied since, shape ``(H, A)``, H at least 1.
            observation: after them, shape ``(O,)``, SI units.

        Returns:
            z-scores, in the deviations that the model expects (1: as on its hold-out), shape
            ``(O,)``.
        """

    def forecast(self, steps: int) -> Forecast:
        """Return what tells at each step how far the model was right, over several steps too.

        Args:
            steps: of its longer predictions, at least 2.
        """
        return _Recalled(self, steps)

    def picture(self, belief: Belief) -> Images:
        """Return what the cameras see at a belief of a batch of one, as the model tells it.

        Raises:
            UnlearnedError: if it tells no images.
        """
        raise UnlearnedError(f"{self.kind} tells no images")

    @abstractmethod
    def fork(self, members: int | None = None) -> WorldModel:
        """Return the same model for another thread, or with fewer members.

        Args:
            members: how many of them predict, the first ones; None: all.
        """

    @property
    def engines(self) -> tuple[str, ...]:
        """Ways to compute `imagine` that there are on its device; the first is the reference."""
        return ("float32",)

    def with_engine(self, engine: str) -> WorldModel:
        """Return the same model, as a fork if another one of its engines is to compute it."""
        return self

    def correct(
        self, strength: float, memory: int, past: Sequence[Step]
    ) -> tuple[WorldModel, Correction | None]:
        """Return a model that follows what happens, and what has it do so; None: nothing can.

        This model stays as it is.

        Args:
            strength: how much a prediction is expected to change, in deviations of the targets.
            memory: control steps after which what was learned counts 1/e.
            past: the newest steps, oldest first, to begin with.
        """
        return self, None

    @property
    def kind(self) -> str:
        """The kind's name in messages."""
        return type(self).__name__
