"""The step logic of a simulated plant: episodes, commands, their age and application."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from mbrl_ros.core.numbers import shown
from mbrl_ros.core.records import Observation
from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.safety.actuation import Actuation
from mbrl_ros.safety.command_latch import ReceivedCommand
from mbrl_ros.safety.rules import AnswersObservation, NoOlderThan
from mbrl_ros.safety.safe_command import SafeCommand
from mbrl_ros.simulation.environments import make_plant
from mbrl_ros.simulation.fit import check_fit
from mbrl_ros.simulation.plant import Plant, PlantDivergedError
from mbrl_ros.simulation.settings import PhysicsSettings, SimulatorSettings

#: The physics of an episode, by its seed.
Vary = Callable[[int], PhysicsSettings]
# Tolerance for times that are sums and products of periods, and whole nanoseconds [s].
_EPSILON = 1e-8
# Diverged episodes in a row that are no accident any more.
_HANDFUL = 5


class Simulator:
    """A plant that takes commands and is advanced by control steps.

    In lock-step, a step applies the command that answers the current observation: the action that
    answers observation k is in effect from k to k + 1. In real time, a step applies the newest
    command received before it begins: the plant does not wait for the answer to the observation it
    has just published, so that action is in effect from k + 1 to k + 2.

    Without such a command, or with one older than ``command_timeout``, the safe command is
    applied; also where the controller sends its safe command, since only the plant knows what it
    applies now. In real time an episode begins with the plant's initial action, as if that had been
    commanded. An episode that has ended is followed by the next one at the next step. With an
    actuation delay, all of this acts so many steps later: told, as if the commands were so long
    under way; or not, as motors do that are slow themselves. With ``vary`` each episode has physics
    of its own.

    ``command`` and ``change_physics`` may be called from another thread; everything else from one.

    Attributes:
        plant: to simulate.
        period: control period [s].
        lock_step: see above.
        safe: what it applies when in doubt.
        observation: the newest one.
        diverged: number of episodes ended by a diverged simulation.
        divergence: what the plant said of the last of them; empty: there was none.
    """

    def __init__(
        self,
        plant: Plant,
        observation_space: Space,
        action_space: Space,
        *,
        period: float,
        lock_step: bool,
        safe: SafeCommand,
        command_timeout: float = 0.1,
        actuation_delay: int = 0,
        actuation_delay_told: bool = True,
        seed: int = 0,
        vary: Vary | None = None,
    ) -> None:
        """Check plant and spaces, and start the first episode.

        Raises:
            ValueError: naming the parameter that does not fit the environment.
        """
        check_fit(plant, observation_space, action_space, period)
        if not lock_step and command_timeout < period - _EPSILON:
            raise ValueError(
                f"command_timeout: expected at least the period of {shown(period)} s, since a "
                f"command waits that long for the next step, got {shown(command_timeout)}"
            )
        self.plant = plant
        self.period = period
        self.lock_step = lock_step
        self.safe = safe
        self.diverged = 0
        self.divergence = ""
        self._diverged_in_a_row = 0
        self._action_space = action_space
        fresh = AnswersObservation() if lock_step else NoOlderThan(command_timeout, period)
        self._actuation = Actuation(action_space, safe, fresh)
        self._transport_delay = actuation_delay if actuation_delay_told else 0
        self._motor_delay = 0 if actuation_delay_told else actuation_delay
        self._under_way: deque[ReceivedCommand | None] = deque()
        self._in_motors: deque[FloatArray] = deque()
        self._seed, self._vary = seed, vary
        self._resting = safe.resting
        self._cut = False
        self._next_seed: int | None = None
        # Time begins at one period: a ROS clock at zero counts as not running.
        self._observations = 0
        self.observation = self._start_episode(0, None)

    @property
    def env_steps(self) -> int:
        """The environment's own steps so far, action repeat included."""
        return self.plant.env_steps

    @property
    def answered(self) -> bool:
        """Whether the newest command answers the newest observation."""
        command, seen = self._actuation.newest, self.observation
        return command is not None and (command.episode, command.step) == (seen.episode, seen.step)

    @property
    def refused(self) -> int:
        """Commands that were malformed."""
        return self._actuation.refused

    @property
    def intervention(self) -> str:
        """Why something else acts than the newest command; empty if that does."""
        return self._actuation.intervention

    @property
    def restarting(self) -> bool:
        """Whether the next episode, after a cut one, is still to start."""
        return self._cut

    @property
    def unstable(self) -> str:
        """What to tell once a handful of episodes in a row have diverged; empty: nothing."""
        if self._diverged_in_a_row < _HANDFUL:
            return ""
        return (
            f"{self.divergence}, in each of the last {self._diverged_in_a_row} episodes: expected "
            "a smaller time step, narrower action limits or episodes that end before"
        )

    def go_on(self, episode: int, env_steps: int, stamp: int) -> Observation:
        """Start an episode where an earlier process ended.

        Args:
            episode: its number.
            env_steps: the environment's own steps until then.
            stamp: of the last observation [ns].
        """
        self.plant.env_steps = env_steps
        self._observations = round(1e-9 * stamp / self.period)
        self.observation = self._start_episode(episode, None)
        return self.observation

    def reset(self, seed: int | None = None) -> Observation:
        """Start the next episode at once.

        Args:
            seed: for its initial state; None: from the run's seed and the episode's number.
        """
        self.observation = self._start_episode(self.observation.episode + 1, seed)
        return self.observation

    def cut(self, seed: int | None = None) -> None:
        """Truncate the episode with the next step and start the next one with the step after."""
        self._cut = True
        self._next_seed = seed

    def change_physics(self, settings: PhysicsSettings) -> None:
        """Change the physics from the next control step on, also across resets.

        Raises:
            ValueError: naming the invalid parameter; nothing is changed then.
        """
        self.plant.change_physics(settings)

    def command(
        self, values: ArrayLike, episode: int, step: int, time: float, safe: bool = False
    ) -> bool:
        """Take a command; see `CommandLatch.take`."""
        return self._actuation.take(values, episode, step, time, self.observation, safe)

    def heed_safe_command(self) -> None:
        """Let the next step begin with the newest command already, if that is a safe one.

        For a plant in real time that stands still, so that its next step has not begun.
        """
        newest = self._actuation.newest
        if newest is not None and newest.safe:
            self._actuation.decide(self.observation, self.observation.time)

    def advance(self) -> Observation:
        """Take one control step, or start the next episode, and return the new observation."""
        if self.observation.ended:
            return self.reset(self._next_seed)
        before = self.observation
        if self.lock_step:
            self._actuation.decide(before, before.time)
        self._under_way.append(self._actuation.decided)
        command = self._under_way.popleft()
        action = self._actuation.act(command, before.values)
        self._in_motors.append(action)
        try:
            values, reward, terminated, truncated, _ = self.plant.step(self._in_motors.popleft())
        except PlantDivergedError as error:
            self.diverged += 1
            self._diverged_in_a_row += 1
            self.divergence = str(error)
            return self.reset(self._next_seed)
        self._observations += 1
        self.observation = Observation(
            before.episode,
            before.step + 1,
            values,
            action,
            -1 if command is None else command.step,
            reward,
            terminated,
            truncated or (self._cut and not terminated),
            self._stamp,
        )
        if self.observation.ended:
            self._diverged_in_a_row = 0
        if not self.lock_step:
            self._actuation.decide(self.observation, self.observation.time)
        return self.observation

    def close(self) -> None:
        """Free the plant."""
        self.plant.close()

    def _start_episode(self, episode: int, seed: int | None) -> Observation:
        if seed is None:
            # From the episode's number, so that an episode does not depend on previous ones.
            seed = int(np.random.SeedSequence([self._seed, episode]).generate_state(1)[0])
        if self._vary is not None:
            self.plant.change_physics(self._vary(seed))
        values, _ = self.plant.reset(seed=seed)
        initial = self.plant.initial_action
        resting = self._resting if initial is None else self._action_space.clip(initial)
        self._observations += 1
        seen = Observation(episode, 0, values, resting, stamp=self._stamp)
        begun = self._actuation.begin(resting, episode, seen.time)
        self._under_way = deque([begun] * self._transport_delay)
        self._in_motors = deque([resting] * self._motor_delay)
        self._cut = False
        self._next_seed = None
        return seen

    @property
    def _stamp(self) -> int:
        return round(1e9 * self._observations * self.period)


def make_simulator(
    task: TaskSettings,
    settings: SimulatorSettings,
    plant: Plant | None = None,
    vary: Vary | None = None,
) -> Simulator:
    """Create the simulator of the parameters.

    Args:
        task: spaces, timing and seed.
        settings: of the plant.
        plant: to simulate; None: that of the settings.
        vary: as for `Simulator`.

    Raises:
        ValueError: naming the invalid parameter.
    """
    observation_space, action_space = task.observation_space(), task.action_space()
    plant = plant or make_plant(settings, observation_space)
    try:
        plant.change_physics(settings.physics)
        return Simulator(
            plant,
            observation_space,
            action_space,
            period=task.period,
            lock_step=task.lock_step,
            safe=SafeCommand.of(task),
            command_timeout=settings.oldest_command(task.period),
            actuation_delay=settings.actuation_delay,
            actuation_delay_told=settings.actuation_delay_told,
            seed=task.seed,
            vary=vary,
        )
    except ValueError:
        plant.close()
        raise
