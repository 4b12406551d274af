"""The dynamics model: encoding, normalisation and ensemble members."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from mbrl_ros.core.extensions import load
from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.models.encoding import Encoding
from mbrl_ros.models.inverses import Inverses
from mbrl_ros.models.mirror import Mirror
from mbrl_ros.models.normalizing import (
    LEAST_SHARE,
    constant,
    far_from_zero,
    take_inputs,
    take_targets,
    usual,
)
from mbrl_ros.models.predictor import Predictor
from mbrl_ros.models.prior import Prior
from mbrl_ros.models.reward_model import RewardModel
from mbrl_ros.models.settings import OneStepSettings

# Errors of a prior that are believed, in standard deviations of those in the data.
_REACH = 5.0


class DynamicsModel(nn.Module):
    """Predicts the next observation from a state and an action.

    The state is the observation, and with a history the previous observations and actions (see
    `Encoding`). Inputs are normalised; targets are normalised changes, or values where the settings
    ask for them.

    Observations are told from the model's own origin, in float32: a place in a map's coordinates
    has more digits than that. `Segments.batch` and `relative` take the differences in float64.

    Attributes:
        observation: the space of observations, O dimensions.
        action: the space of actions, A dimensions.
        settings: of the model.
        encoding: maps states and actions to network inputs, and outputs to next observations.
        mirror: the plant's mirror symmetry, for data augmentation.
        network: M ensemble members.
        reward_model: learned reward and termination; None: not learned.
        inverses: inverse and backward models; None: not learned.
        one_step_z: RMS one-step error on the hold-out, in predicted standard deviations, shape
            ``(O,)``.
        open_loop_z: the same over several steps.
        prior: predicts what targets are told from; None: they are told from the observation.
        delay: control steps between sending an action and its effect, beyond what the plant
            reports.
        origin: of the observations, shape ``(O,)``, float64; 0 where that is not far from the data.
    """

    input_mean: Tensor
    input_std: Tensor
    target_mean: Tensor
    target_std: Tensor
    observation_mean: Tensor
    observation_std: Tensor
    one_step_z: Tensor
    open_loop_z: Tensor
    low: Tensor
    high: Tensor
    origin: Tensor

    def __init__(
        self,
        observation: Space,
        action: Space,
        settings: OneStepSettings,
        generator: torch.Generator | None = None,
        prior: Prior | None = None,
    ) -> None:
        """Create a model with random weights.

        Args:
            observation: O dimensions.
            action: A dimensions.
            settings: of the model.
            generator: of the weights.
            prior: of the task, whose errors are learned; None: there is none.

        Raises:
            ValueError: if the settings name an unknown dimension, or one of the observation takes
                integers only, which no regression predicts.
        """
        super().__init__()
        if observation.discrete:
            raise ValueError(
                f"observation.discrete: learner {settings.kind} predicts no integers, as "
                f"'{observation.discrete[0]}' is one: expected a choice as one name for each of "
                "its alternatives, or learner tabular"
            )
        if prior is not None and settings.absolute:
            raise ValueError(
                "model.absolute: with prior.model, what is learned is what the prior leaves: "
                f"expected none, got {', '.join(settings.absolute)}"
            )
        self.observation = observation
        self.action = action
        self.settings = settings
        self.prior = prior
        self.delay = max(0, settings.delay)
        self.encoding = Encoding(
            observation, action, settings.history, settings.ignored, settings.absolute
        )
        self.mirror = Mirror(observation, action, settings.history, settings.mirrored)
        make_network = load(settings.network, "network")
        self.network: Predictor = make_network(self.encoding.input_dim, observation.dim, settings)
        self.network.initialize(generator)
        self.reward_model = (
            RewardModel(observation, action, settings.members, generator)
            if settings.reward_model
            else None
        )
        self.inverses = Inverses(observation, action, generator) if settings.inverses else None
        o, i = observation.dim, self.encoding.input_dim
        for name, size, value in (
            ("input_mean", i, 0.0),
            ("input_std", i, 1.0),
            ("target_mean", o, 0.0),
            ("target_std", o, 1.0),
            ("observation_mean", o, 0.0),
            ("observation_std", o, 1.0),
            ("one_step_z", o, 1.0),
            ("open_loop_z", o, 1.0),
            ("low", o, -torch.inf),
            ("high", o, torch.inf),
        ):
            self.register_buffer(name, torch.full((size,), value))
        self.register_buffer("origin", torch.zeros(o, dtype=torch.float64))

    @property
    def members(self) -> int:
        """Number of members M."""
        return self.network.members

    def make_room(self, state: Mapping[str, Tensor]) -> None:
        """Resize tensors of variable size to a state that is about to be loaded.

        Raises:
            ValueError: if they are larger than the settings allow.
        """
        prefix = "network."
        shapes = {n.removeprefix(prefix): t.shape for n, t in state.items() if n.startswith(prefix)}
        self.network.make_room(shapes)

    def check_spaces(self, observation: Space, action: Space) -> None:
        """Check that the model has these dimensions.

        Raises:
            ValueError: naming the model's own dimensions.
        """
        for what, expected, own in (
            ("observation", observation, self.observation),
            ("action", action, self.action),
        ):
            if expected.names != own.names:
                raise ValueError(
                    f"{what}: expected {', '.join(expected.names)}, got {', '.join(own.names)}"
                )

    @property
    def is_far(self) -> bool:
        """Whether the origin is another one than 0."""
        return bool(self.origin.any())

    def relative(self, observation: Tensor) -> Tensor:
        """Return observations told from the origin, float32; shape ``(..., O)``."""
        return (observation - self.origin.to(observation.device)).float()

    def tell_origin(self) -> None:
        """Let the heads judge observations in SI units; their training data are from the origin."""
        for head in (self.reward_model, self.inverses):
            if head is not None:
                head.origin = self.origin if self.is_far else None

    @torch.no_grad()
    def move_origin(self, observed: FloatArray) -> None:
        """Move the origin to the data in dimensions that are far from zero; predictions stay.

        Args:
            observed: shape ``(N, O)``, SI units.
        """
        far = torch.from_numpy(far_from_zero(observed)) & (self.origin == 0.0)
        far[self.encoding.angles] = False
        far[[self.observation.index(n) for n in self._mirrored_observations()]] = False
        shift = torch.where(far, torch.from_numpy(observed.mean(axis=0)), 0.0)
        if not far.any():
            return
        self.origin += shift
        rest = torch.zeros(self.encoding.state_dim)
        rest[: self.encoding.history * len(shift)] = shift.repeat(self.encoding.history).float()
        nothing = torch.zeros(self.encoding.action_dim)
        moved = self.encoding.encode(rest, nothing) - self.encoding.encode(0 * rest, nothing)
        self.input_mean -= moved
        for numbers in (self.observation_mean, self.low, self.high):
            numbers -= shift.float()
        self.target_mean[self.encoding.absolute] -= shift.float()[self.encoding.absolute]

    def _mirrored_observations(self) -> list[str]:
        return [n for n in self.settings.mirrored if n in self.observation.names]

    @torch.no_grad()
    def normalize_from(
        self,
        state: Tensor,
        action: Tensor,
        next_observation: Tensor,
        *,
        first: bool = False,
        foreseen: Tensor | None = None,
    ) -> None:
        """Set means, standard deviations and the range of the data from transitions.

        The network's inputs and outputs are rescaled so that predictions do not change: with
        growing data, a jump at every refresh would undo much of the training in between. Untrained
        weights are assumed to be for numbers of the size that is `usual`.

        Args:
            state: shape ``(N, S)``.
            action: shape ``(N, A)``.
            next_observation: shape ``(N, O)``.
            first: whether the network is still untrained.
            foreseen: as for `base`.
        """
        observation = state[..., : self.observation.dim]
        inputs = self.encoding.encode(state, action)
        base = self.base(state, action, foreseen)
        target = self.encoding.target(base, next_observation)
        normalisation = self.input_mean, self.input_std, self.target_mean, self.target_std
        before = [t.clone() for t in normalisation]
        take_inputs(self.input_mean, self.input_std, inputs)
        take_inputs(self.observation_mean, self.observation_std, observation)
        take_targets(self.target_mean, self.target_std, target, self.observation_std)
        if self.prior is not None:
            # What a good prior leaves are rounding errors, of which nothing is to be learned.
            self.target_std.copy_(self.target_std.maximum(LEAST_SHARE * self.observation_std))
        if first:
            before = [*usual(self.input_mean, self.input_std)]
            # Until it has learned, the prior is right.
            targets = self.target_mean, self.target_std
            before += usual(*targets) if self.prior is None else targets
        self._compensate(*before)
        low, high = next_observation.amin(dim=0), next_observation.amax(dim=0)
        # Long rollouts of an early model diverge; predictions far outside the data mean nothing.
        margin = high - low
        margin[constant(next_observation)] = torch.inf
        margin[self.encoding.angles] = torch.inf
        if self.prior is not None:
            # It knows places where nothing has been yet; `bounded` keeps in check what is learned.
            margin[:] = torch.inf
        self.low.copy_(low - margin)
        self.high.copy_(high + margin)

    def _compensate(
        self, input_mean: Tensor, input_std: Tensor, target_mean: Tensor, target_std: Tensor
    ) -> None:
        """Rescale the network from the given old normalisation to the present one."""
        self.network.change_inputs(
            (self.input_mean - input_mean) / input_std, self.input_std / input_std
        )
        self.network.rescale(
            (target_mean - self.target_mean) / self.target_std, target_std / self.target_std
        )

    def inputs(self, state: Tensor, action: Tensor) -> Tensor:
        """Return the network's normalised input.

        Args:
            state: shape ``(..., S)``.
            action: shape ``(..., A)``.

        Returns:
            shape ``(..., input_dim)``.
        """
        return (self.encoding.encode(state, action) - self.input_mean) / self.input_std

    def forward(self, state: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Predict normalised targets.

        Args:
            state: shape ``(M, B, S)``.
            action: shape ``(M, B, A)``.

        Returns:
            mean and log-variance, each ``(M, B, O)``, in units of ``target_std``.
        """
        mean, log_variance = self.network(self.inputs(state, action))
        return mean, log_variance

    def base(self, state: Tensor, action: Tensor, foreseen: Tensor | None = None) -> Tensor:
        """Return what targets are told from, shape ``(..., O)``: the prior's prediction, if any.

        Where the prior knows none, and without one, that is the observation. The prior predicts
        with each member's own states.

        Args:
            state: shape ``(..., S)``.
            action: in effect, shape ``(..., A)``.
            foreseen: the prior's prediction, from the origin; None: to be computed.
        """
        observation = state[..., : self.observation.dim]
        if self.prior is None:
            return observation
        if foreseen is None:
            absolute = observation + self.origin if self.is_far else observation
            foreseen = self.relative(self.prior.step(absolute, action.to(absolute)))
        moved = self.encoding.difference(observation, foreseen)  # an angle on the same turn
        return observation + torch.where(moved.isfinite(), moved, 0.0)

    def normalized_target(self, base: Tensor, next_observation: Tensor) -> Tensor:
        """Return the training target, shape ``(..., O)``, in units of ``target_std``.

        Args:
            base: as `base` returns it.
            next_observation: shape ``(..., O)``.
        """
        target = self.encoding.target(base, next_observation)
        return (target - self.target_mean) / self.target_std

    def next_observation(self, base: Tensor, mean: Tensor) -> Tensor:
        """Return the observation of a normalised prediction, shape ``(..., O)``.

        Args:
            base: as `base` returns it, shape ``(..., O)``.
            mean: as `forward` returns it, shape ``(..., O)``.
        """
        target = self.bounded(mean * self.target_std + self.target_mean)
        return self.encoding.next_observation(base, target).clamp(self.low, self.high)

    def prior_alone(self) -> DynamicsModel:
        """Return a copy that predicts what the prior does, as if nothing had been learned."""
        made = copy.deepcopy(self)
        for numbers in (made.target_mean, made.target_std):
            numbers.zero_()
        return made

    def bounded(self, target: Tensor) -> Tensor:
        """Return predicted targets in SI units, beside a prior no larger than those of the data.

        Args:
            target: shape ``(..., O)``.
        """
        if self.prior is None:
            return target
        reach = _REACH * self.target_std
        return target.clamp(self.target_mean - reach, self.target_mean + reach)

    def predict(self, state: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Predict the next observation.

        Args:
            state: shape ``(M, B, S)``, SI units.
            action: shape ``(M, B, A)``, SI units.

        Returns:
            mean and standard deviation, each ``(M, B, O)``, SI units.
        """
        predicted = Prediction(self, state, action, *self(state, action))
        return predicted.next_observation, predicted.std

    def unroll(self, state: Tensor, actions: Iterable[Tensor]) -> Iterator[Prediction]:
        """Predict step by step, each member from its own previous prediction.

        Args:
            state: shape ``(M, B, S)`` or ``(B, S)``, SI units.
            actions: of each step, shape ``(M, B, A)`` or ``(B, A)``, SI units.
        """
        state = state.expand(self.members, -1, -1)
        for action in actions:
            acted = action.expand(self.members, -1, -1)
            predicted = Prediction(self, state, acted, *self(state, acted))
            yield predicted
            state = self.encoding.advance(state, acted, predicted.next_observation)

    @torch.no_grad()
    def expected_error(self, state: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Predict the observation after actions, and the standard deviation of its error.

        The variance is that between the members after all steps, plus the sum of the noise
        variances predicted for each step.

        Args:
            state: shape ``(B, S)``.
            actions: shape ``(B, H, A)``, H at least 1.

        Returns:
            mean over the members and standard deviation, each ``(B, O)``, SI units.
        """
        noise = torch.zeros(())
        for predicted in self.unroll(state.to(self.low), actions.to(self.low).unbind(dim=1)):
            noise = noise + predicted.noise
        mean, apart = self.encoding.pooled(predicted.next_observation)
        return mean, (apart + noise).sqrt()

    @torch.no_grad()
    def surprise(self, state: Tensor, actions: Tensor, observation: Tensor) -> Tensor:
        """Return the z-scores of observations under the prediction; see `WorldModel.surprise`.

        Args:
            state: shape ``(B, S)``.
            actions: in effect, shape ``(B, H, A)``, H at least 1.
            observation: after them, shape ``(B, O)``.

        Returns:
            z-scores, shape ``(B, O)``.
        """
        mean, std = self.expected_error(state, actions)
        error = self.encoding.difference(mean, observation.to(mean))
        return error / (std * (self.one_step_z if actions.shape[1] == 1 else self.open_loop_z))


@dataclass(frozen=True)
class Prediction:
    """A model's prediction of one step.

    Attributes:
        model: predicts.
        state: before the step, shape ``(M, B, S)``, SI units.
        action: in effect, shape ``(M, B, A)``.
        mean: of the targets, shape ``(M, B, O)``, in units of ``target_std``.
        log_variance: the same.
    """

    model: DynamicsModel
    state: Tensor
    action: Tensor
    mean: Tensor
    log_variance: Tensor

    @cached_property
    def base(self) -> Tensor:
        """What the target is told from, shape ``(M, B, O)``, SI units."""
        return self.model.base(self.state, self.action)

    @cached_property
    def next_observation(self) -> Tensor:
        """Mean of the next observation, shape ``(M, B, O)``, SI units."""
        return self.model.next_observation(self.base, self.mean)

    @property
    def noise(self) -> Tensor:
        """Variance of the next observation, mean over the members, shape ``(B, O)``."""
        return self.std.square().mean(dim=0)

    @property
    def std(self) -> Tensor:
        """Standard deviation of the next observation, shape ``(M, B, O)``, SI units."""
        return torch.exp(0.5 * self.log_variance) * self.model.target_std
