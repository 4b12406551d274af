"""Metrics of a run, updated message by message; the same live and from a bag."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mbrl_ros.core.records import add_reward

#: Names of the sources in the order of ``msg/Action``'s constants.
SOURCES = ("PLANNED", "TRUNCATED", "REUSED", "EXPLORATION", "HOLD", "FALLBACK")

#: The node that each type of message proves alive, besides the plant.
NODES_OF = {
    "Transition": "data_logger",
    "TrainingStatus": "model_trainer",
    "ControllerStatus": "mpc_controller",
    "GuardStatus": "safety_guard",
}

# A node silent for longer is not alive [s]; the rarest message is sent once a second.
_ALIVE = 3.0
# If no messages at all arrived for this long, the listener itself was interrupted [s].
_AWAY = 1.0
# Stamps that differ more from the time of reception are from another clock [s].
_SAME_CLOCK = 60.0


@dataclass(frozen=True)
class EpisodeReturn:
    """A complete episode.

    Attributes:
        time: when it ended, since 1970 [s].
        env_steps: of the run until then.
        total_reward: sum of the finite rewards; NaN: none.
    """

    time: float
    env_steps: int
    total_reward: float


class Tally:
    """Sums counters that restart at zero when their process restarts."""

    def __init__(self, size: int) -> None:
        self._base = [0] * size
        self._last = [0] * size

    def update(self, values: Sequence[int]) -> None:
        """Update the values; a decrease of the first means that all have restarted."""
        if values[0] < self._last[0]:
            self._base = self.totals
        self._last = [int(value) for value in values]

    @property
    def totals(self) -> list[int]:
        """The counts over all processes."""
        return [base + last for base, last in zip(self._base, self._last, strict=True)]


class RunMetrics:
    """Follows a run by its messages, across restarts of its nodes.

    Attributes:
        episodes: the complete ones, all of whose steps were seen.
        env_steps: the environment's own steps, action repeat included.
        running_return: of the episode in progress; NaN: no reward yet.
        running_steps: control steps of the episode in progress.
        transitions: logged.
        trained: transitions received by the trainer.
        left_out: others that it does not learn from, since a reading is absurd.
        plant: the node that observations prove alive.
        moved_at: when the plant last told something new, not repeated itself [s]; NaN: never.
        longest_silence: between two actions of an active controller [s].
        plan_ms: median and 99th percentile of the newest planning times [ms].
        budget_ms: time budget of a plan [ms].
        model: epoch and sequence of the model in use.
        holdout_error: of the newest model judged [standard deviations].
        state: of the controller, its lifecycle's.
    """

    def __init__(
        self, action_repeat: int = 1, observation_dim: int = 0, plant: str = "mujoco_sim"
    ) -> None:
        """Start following a run.

        Args:
            action_repeat: the environment's own steps in one control step.
            observation_dim: observations of another size are ignored; 0: accept all.
            plant: the node that observations prove alive.
        """
        self.plant = plant
        self.episodes: list[EpisodeReturn] = []
        self.env_steps = 0
        self.running_return = math.nan
        self.running_steps = 0
        self.transitions = 0
        self.trained = self.left_out = 0
        self.longest_silence = 0.0
        self.plan_ms = (math.nan, math.nan)
        self.budget_ms = math.nan
        self.model = (0, 0)
        self.holdout_error = math.nan
        self.state = ""
        self._action_repeat = action_repeat
        self._observation_dim = observation_dim
        self._counts = Tally(2 + len(SOURCES))
        self._models: dict[int, int] = {}
        self._seen: dict[str, float] = {}
        self._newest = -math.inf
        self.moved_at = math.nan
        self._place = (-1, 0)
        self._whole = False
        self._last_action: float | None = None

    def feed(self, kind: str, message: Any, now: float) -> None:
        """Add a message.

        Args:
            kind: its type's short name; other types are ignored.
            message: with the fields of ``msg/<kind>.msg``.
            now: time of reception, since 1970 [s].
        """
        if now - self._newest > _AWAY:
            self._last_action = None
        self._newest = max(self._newest, now)
        if kind == "Observation" and self._observation_dim not in (0, len(message.values)):
            return
        if node := self.plant if kind == "Observation" else NODES_OF.get(kind):
            self._seen[node] = now
        if kind == "Observation":
            self._observation(message, now)
        elif kind == "Action":
            self._action(message, now)
        elif kind == "ControllerStatus":
            self._controller(message, now)
        elif kind == "TrainingStatus":
            self._trainer(message)
        elif kind == "Transition":
            self.transitions = int(message.index) + 1

    @property
    def ticks(self) -> int:
        """Commands that were due."""
        return self._counts.totals[0]

    @property
    def ticks_late(self) -> int:
        """Commands sent after their deadline or never."""
        return self._counts.totals[1]

    @property
    def sources(self) -> dict[str, int]:
        """Ticks per source."""
        return dict(zip(SOURCES, self._counts.totals[2:], strict=True))

    @property
    def models_published(self) -> int:
        """Models that passed their gate, over all trainers of the run."""
        return sum(self._models.values())

    @property
    def returns(self) -> list[float]:
        """Returns of the complete episodes, if the environment has rewards."""
        return [e.total_reward for e in self.episodes if math.isfinite(e.total_reward)]

    def count_models(self, epoch: int, sequence: int) -> None:
        """Record a trainer's number of models."""
        self._models[epoch] = max(sequence, self._models.get(epoch, 0))

    def follow_plant(self, node: str) -> None:
        """Take observations for another node's from now on."""
        self._seen.pop(self.plant, None)
        self.plant = node

    def ages(self, now: float) -> dict[str, float]:
        """Return the time since the last message of each node heard so far [s]."""
        return {node: now - seen for node, seen in self._seen.items()}

    def heard(self, node: str) -> bool:
        """Return whether a node has sent anything so far."""
        return node in self._seen

    def alive(self, now: float) -> dict[str, bool]:
        """Return whether each node heard so far is alive."""
        # The logger sends nothing while the plant tells nothing new.
        pause = 0.0 if math.isnan(self.moved_at) else now - self.moved_at
        return {
            node: age - (pause if node == "data_logger" else 0.0) < _ALIVE
            for node, age in self.ages(now).items()
        }

    def snapshot(self, now: float) -> dict[str, Any]:
        """Return the state as JSON-compatible values; None: unknown."""
        return {
            "time": round(now, 3),
            "env_steps": self.env_steps,
            "episodes": len(self.episodes),
            "last_return": finite(self.returns[-1] if self.returns else math.nan),
            "running_return": finite(self.running_return),
            "ticks": self.ticks,
            "ticks_late": self.ticks_late,
            "sources": self.sources,
            "plan_ms_p50": finite(self.plan_ms[0]),
            "plan_ms_p99": finite(self.plan_ms[1]),
            "budget_ms": finite(self.budget_ms),
            "longest_silence_s": round(self.longest_silence, 4),
            "model_epoch": self.model[0],
            "model_sequence": self.model[1],
            "models_published": self.models_published,
            "holdout_error": finite(self.holdout_error),
            "transitions_logged": self.transitions,
            "transitions_trained": self.trained,
            "transitions_left_out": self.left_out,
            "alive": self.alive(now),
        }

    def _observation(self, message: Any, now: float) -> None:
        episode, step = int(message.episode), int(message.step)
        before_episode, before_step = self._place
        if (episode, step) != self._place:
            self.moved_at = now
        if episode == before_episode and step <= before_step and step > 0:
            return  # repeated, as in lock-step
        follows = episode == before_episode and step > before_step
        self.env_steps += (step - before_step if follows else step) * self._action_repeat
        if not follows:
            self.running_return, self._whole = math.nan, step <= 1
        elif step != before_step + 1:
            self._whole = False
        self._place = (episode, step)
        self.running_steps = step
        if step > 0:
            self.running_return = add_reward(self.running_return, message.reward)
        if (message.terminated or message.truncated) and self._whole and step > 0:
            self.episodes.append(EpisodeReturn(now, self.env_steps, self.running_return))
            self._whole = False

    def _action(self, message: Any, now: float) -> None:
        stamp = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
        sent = stamp if abs(stamp - now) < _SAME_CLOCK else now
        if self._last_action is not None:
            self.longest_silence = max(self.longest_silence, sent - self._last_action)
        self._last_action = sent

    def _controller(self, message: Any, now: float) -> None:
        # That soon after an action, it was deactivated; later, it may have died.
        last = self._last_action
        if message.state != "active" and last is not None and now - last < _AWAY:
            self._last_action = None
        self._counts.update([message.ticks, message.ticks_late, *message.sources])
        self.plan_ms = (1e3 * message.plan_time_p50, 1e3 * message.plan_time_p99)
        self.budget_ms = 1e3 * message.budget
        self.model = (int(message.model_epoch), int(message.model_sequence))
        self.count_models(*self.model)
        self.state = message.state

    def _trainer(self, message: Any) -> None:
        self.trained = int(message.transitions)
        self.left_out = int(getattr(message, "left_out", 0))  # older bags have no such field
        self.holdout_error = float(message.holdout_error)
        self.count_models(int(message.epoch), int(message.sequence))


def finite(value: float, digits: int = 4) -> float | None:
    """Return a rounded number; None if not finite, for JSON."""
    return round(float(value), digits) if math.isfinite(value) else None
