"""Whole episodes with the model frozen: how good is what was learned?

Every seed has starts of its own, others than it learned from. Models, random actions and the true
dynamics are played from the same ones, by every command that judges them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from mbrl_ros.agents.planner_agent import PlannerAgent
from mbrl_ros.agents.random_agent import RandomAgent
from mbrl_ros.evaluation.interval import margin, with_margin
from mbrl_ros.evaluation.true_model import TrueModel
from mbrl_ros.models.update import ModelUpdate
from mbrl_ros.simulation.true_dynamics import NoTrueDynamicsError, true_dynamics
from mbrl_ros.system.configuration import Configuration
from mbrl_ros.system.episodes import check_ends, mean_return
from mbrl_ros.system.lock_step import LockStepSystem
from mbrl_ros.system.plants import MakePlant, simulated

# Far from those that are used for learning; as a parameter, a seed has 31 bits.
_SEED, _SEEDS = 1_000_003, 2**31


class ModelRefusedError(ValueError):
    """A model does not suit the task."""


@dataclass(frozen=True)
class Played:
    """Episodes that were played.

    Attributes:
        returns: of each; NaN: it diverged.
        notes: what went wrong in them, a line each.
    """

    returns: list[float]
    notes: tuple[str, ...] = ()

    @property
    def mean(self) -> float:
        """The mean of those returns that are known; NaN: none is."""
        return mean_return(self.returns)

    @property
    def margin(self) -> float:
        """Half the width of the mean's 95 % interval over starts; infinity: not known."""
        return margin(self._known)

    @property
    def _known(self) -> list[float]:
        return [value for value in self.returns if math.isfinite(value)]

    def __str__(self) -> str:
        """Return the mean, its 95 % interval and each return: ``850 ± 31 (10 episodes: …)``."""
        known = self._known
        each = ", ".join(f"{value:.5g}" if math.isfinite(value) else "-" for value in self.returns)
        many = f"{len(self.returns)} episodes" if len(self.returns) > 1 else "1 episode"
        return f"{with_margin(known) if known else '-'} ({many}: {each})"


class Evaluation:
    """Plays a task's episodes from the starts of its seed.

    Attributes:
        configuration: of the episodes.
        episodes: their number.
    """

    def __init__(
        self, configuration: Configuration, episodes: int, make: MakePlant = simulated
    ) -> None:
        """Check that there is an end to them.

        Args:
            configuration: of learning, with its seed.
            episodes: number of episodes.
            make: makes the plant.

        Raises:
            SettingsError: if the episodes never end.
        """
        settings = configuration.build("mujoco_sim")
        plant = {**configuration.nodes.get("mujoco_sim", {})}
        if settings.evaluation_time_limit >= 0.0:
            plant["time_limit"] = settings.evaluation_time_limit
        seed = (_SEED + int(configuration.shared.get("seed", 0))) % _SEEDS
        shared = {**configuration.shared, "seed": seed}
        nodes = {**configuration.nodes, "mujoco_sim": plant, "**": shared}
        self.configuration = replace(configuration, nodes=nodes)
        self.episodes, self._make = episodes, make
        check_ends(self.configuration.build("mujoco_sim"))

    def model(
        self,
        update: ModelUpdate | None,
        on_episode: Callable[[int], None] = lambda _: None,
        on_step: Callable[[], None] = lambda: None,
    ) -> Played:
        """Play with a learned model.

        Args:
            update: the model; None: there is none, and the controller explores.
            on_episode: called after every episode with the number so far.
            on_step: called after every control step.

        Raises:
            ModelRefusedError: if the model does not suit the configuration.
        """
        system = LockStepSystem(self.configuration, self._make)
        if update is not None:
            try:
                system.controller.models.offer(update, 1, 1)
            except ValueError as error:
                raise ModelRefusedError(str(error)) from None
        return self._played(system, on_episode, on_step)

    def random(self) -> Played:
        """Play with random actions."""
        system = LockStepSystem(self.configuration, self._make)
        seed = int(self.configuration.shared["seed"])
        system.controller.agent = RandomAgent(system.controller.action, seed)
        return self._played(system)

    def true_dynamics(
        self,
        threads: int = 1,
        on_episode: Callable[[int], None] = lambda _: None,
        on_step: Callable[[], None] = lambda: None,
    ) -> Played:
        """Play with the same planner on the plant's true dynamics.

        Args:
            threads: maximum number of computing threads.
            on_episode: as for a model.
            on_step: as for a model.

        Raises:
            NoTrueDynamicsError: if they cannot be planned with.
        """
        if self.configuration.own("mujoco_sim").get("actuation_delay"):
            raise NoTrueDynamicsError("actuation_delay: pending commands are not supported")
        system = LockStepSystem(self.configuration, self._make)
        controller = system.controller
        dynamics = true_dynamics(system.simulator.plant, threads)
        seed = int(self.configuration.shared["seed"])
        controller.agent = PlannerAgent(controller.action, controller.settings.planner, seed)
        model = TrueModel(controller.observation, controller.action, dynamics)
        try:
            controller.models.use(model, 1, 1)
        except ValueError as error:
            raise NoTrueDynamicsError(str(error)) from None
        return self._played(system, on_episode, on_step)

    def _played(
        self,
        system: LockStepSystem,
        on_episode: Callable[[int], None] = lambda _: None,
        on_step: Callable[[], None] = lambda: None,
    ) -> Played:
        returns = system.evaluate(self.episodes, on_episode, on_step)
        trouble = f"the safe command in place of a plan: {system.trouble}"
        notes = (system.unfinished, trouble if system.trouble else "")
        return Played(returns, tuple(note for note in notes if note))
