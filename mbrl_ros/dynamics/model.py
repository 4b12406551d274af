"""The dynamics model: encoding, normalisation and members as one."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mbrl_ros.dynamics.encoding import Encoding
from mbrl_ros.dynamics.inverses import Inverses
from mbrl_ros.dynamics.mirror import Mirror
from mbrl_ros.dynamics.networks import DeterministicEnsemble, GaussianEnsemble, Predictor
from mbrl_ros.dynamics.normalizing import constant, take_inputs, take_targets, usual
from mbrl_ros.dynamics.outcomes import Outcomes
from mbrl_ros.dynamics.process import GaussianProcess
from mbrl_ros.dynamics.settings import ModelSettings
from mbrl_ros.spaces import Space


class DynamicsModel(nn.Module):
    """Predicts the next observation from a state and an action.

    The state is the observation, and with a history what came before (see `Encoding`). Inputs
    are normalised; targets are normalised changes, or values where the settings say so.

    Attributes:
        observation: the space of observations, O dimensions.
        action: the space of actions, A dimensions.
        settings: what kind of model it is.
        encoding: what the network is told.
        mirror: which images of transitions tell as much as themselves.
        network: M members that predict, in whatever way.
        outcomes: learned rewards and ends of the task; None: they are not learned.
        inverses: the dynamics the other way round; None: they are not learned.
        one_step_z: RMS error on the hold-out in the deviations expected there, shape ``(O,)``.
        open_loop_z: the same over several steps.
        delay: control steps by which the actions it is given were sent before they act, beyond
            what the plant tells.
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

    def __init__(
        self,
        observation: Space,
        action: Space,
        settings: ModelSettings,
        generator: torch.Generator | None = None,
    ) -> None:
        """Make a model with random weights.

        Args:
            observation: O dimensions.
            action: A dimensions.
            settings: what kind of model.
            generator: of the weights.

        Raises:
            ValueError: if the settings name a dimension that is not there.
        """
        super().__init__()
        self.observation = observation
        self.action = action
        self.settings = settings
        self.delay = max(0, settings.delay)
        self.encoding = Encoding(
            observation, action, settings.history, settings.ignored, settings.absolute
        )
        self.mirror = Mirror(observation, action, settings.history, settings.mirrored)
        self.network = make_network(self.encoding.input_dim, observation.dim, settings)
        self.network.initialize(generator)
        self.outcomes = Outcomes(observation, action, generator) if settings.outcomes else None
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

    @property
    def members(self) -> int:
        """Number of members M."""
        return self.network.members

    def make_room(self, state: Mapping[str, Tensor]) -> None:
        """Take on the sizes of a state that is to be loaded, where they are not fixed.

        Raises:
            ValueError: if they are larger than the settings allow.
        """
        prefix = "network."
        shapes = {n.removeprefix(prefix): t.shape for n, t in state.items() if n.startswith(prefix)}
        self.network.make_room(shapes)

    def check_spaces(self, observation: Space, action: Space) -> None:
        """Check that the model is of these dimensions.

        Raises:
            ValueError: naming what it has instead.
        """
        for what, expected, own in (
            ("observation", observation, self.observation),
            ("action", action, self.action),
        ):
            if expected.names != own.names:
                raise ValueError(
                    f"{what}: expected {', '.join(expected.names)}, got {', '.join(own.names)}"
                )

    @torch.no_grad()
    def normalize_from(
        self, state: Tensor, action: Tensor, following: Tensor, *, first: bool = False
    ) -> None:
        """Take means, deviations and the range of the data from transitions.

        What the network takes and says is rescaled in turn, so that the model predicts what it
        did before: with data that keeps growing, a jump at every refresh would undo much
        of the training in between. Weights that were only drawn so far are taken to be for
        numbers of the size that is `usual`.

        Args:
            state: shape ``(N, S)``.
            action: shape ``(N, A)``.
            following: the observations after them, shape ``(N, O)``.
            first: whether nothing has been learned yet.
        """
        observation = state[..., : self.observation.dim]
        inputs = self.encoding.encode(state, action)
        target = self.encoding.target(observation, following)
        normalisation = self.input_mean, self.input_std, self.target_mean, self.target_std
        before = [t.clone() for t in normalisation]
        take_inputs(self.input_mean, self.input_std, inputs)
        take_targets(self.target_mean, self.target_std, target)
        take_targets(self.observation_mean, self.observation_std, observation)
        if first:
            before = [*usual(self.input_mean, self.input_std)]
            before += [*usual(self.target_mean, self.target_std)]
        self._compensate(*before)
        low, high = following.amin(dim=0), following.amax(dim=0)
        # Long rollouts of a young model run away; nothing is known far outside the data.
        margin = high - low
        margin[constant(following)] = torch.inf
        margin[self.encoding.angles] = torch.inf
        self.low.copy_(low - margin)
        self.high.copy_(high + margin)

    def _compensate(
        self, input_mean: Tensor, input_std: Tensor, target_mean: Tensor, target_std: Tensor
    ) -> None:
        """Rescale what goes in and comes out from the given old normalisation to the present."""
        self.network.change_inputs(
            (self.input_mean - input_mean) / input_std, self.input_std / input_std
        )
        self.network.rescale(
            (target_mean - self.target_mean) / self.target_std, target_std / self.target_std
        )

    def inputs(self, state: Tensor, action: Tensor) -> Tensor:
        """Return what the network is told, normalised.

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

    def normalized_target(self, observation: Tensor, following: Tensor) -> Tensor:
        """Return the training target, shape ``(..., O)``, in units of ``target_std``."""
        target = self.encoding.target(observation, following)
        return (target - self.target_mean) / self.target_std

    def following(self, state: Tensor, mean: Tensor) -> Tensor:
        """Return the observation that a normalised prediction means, shape ``(..., O)``.

        Args:
            state: shape ``(..., S)``.
            mean: as `forward` returns it, shape ``(..., O)``.
        """
        observation = state[..., : self.observation.dim]
        target = mean * self.target_std + self.target_mean
        return self.encoding.following(observation, target).clamp(self.low, self.high)

    def predict(self, state: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Predict the next observation.

        Args:
            state: shape ``(M, B, S)``, SI units.
            action: shape ``(M, B, A)``, SI units.

        Returns:
            mean and standard deviation, each ``(M, B, O)``, SI units.
        """
        mean, log_variance = self(state, action)
        return self.following(state, mean), torch.exp(0.5 * log_variance) * self.target_std


def make_network(input_dim: int, output_dim: int, settings: ModelSettings) -> Predictor:
    """Return what settings ask for to predict with, not initialised yet."""
    members, hidden = settings.members, settings.hidden
    if settings.type == "gaussian_process":
        return GaussianProcess(input_dim, output_dim, members, settings.gaussian_process)
    if settings.type == "deterministic":
        return DeterministicEnsemble(input_dim, output_dim, members, hidden)
    bounds = (settings.log_variance_low, settings.log_variance_high)
    return GaussianEnsemble(input_dim, output_dim, members, hidden, bounds, settings.beta)
