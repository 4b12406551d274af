"""What a page shows of a system: the newest of its messages."""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from mbrl_ros.core.settings import build, specs
from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.reports.metrics import RunMetrics
from mbrl_ros.scene.goals import windows_of

#: Seconds of the past that are shown.
PAST = 20.0
# Points of a curve over the past, at most; and of one over the whole run.
_POINTS, _LONG = 600, 2000
# Control steps for which a prediction waits for its observation.
_AWAITED = 200
_HEARD_INTERVENTIONS = 6
# More are not shown.
_CAMERAS = 16


@dataclass(frozen=True)
class Future:
    """A plan's predicted trajectory.

    Attributes:
        ahead: control steps from the observation planned from to the first row.
        mean: over the members, shape ``(H + 1, O)``.
        std: between the members, the same shape.
        candidates: means of the best of those that it was chosen from, shape ``(K, H + 1, O)``.
        expected_return: in the objective's unit.
        objective: name of what it was made for.
    """

    ahead: int
    mean: FloatArray
    std: FloatArray
    candidates: FloatArray
    expected_return: float
    objective: str = ""


class Watched:
    """Follows a system by its messages, for one thread.

    Attributes:
        metrics: returns, counts, who is alive.
        names: of the observation's dimensions; empty: not known yet.
        observation_space: None: not known.
        action_space: None: not known.
        period: of control, in wall time [s].
        observation: the newest; None: none yet.
        acting: the action that the plant applied last; None: not known.
        joints: positions by name, as published; newer than the observation or of its time.
        future: of the newest plan; None: none that anybody acts on.
        supposed: of the newest plan for another objective; None: as above, or nobody asks.
        controller: newest ``msg/ControllerStatus``; None: none yet.
        guard: newest ``msg/GuardStatus``; None: none yet.
        trainer: newest ``msg/TrainingStatus``; None: none yet.
        objective: newest ``msg/Objective``; None: none yet.
        frames: newest ``msg/Frame`` of each camera.
        reconstructions: newest image of each camera as the model tells it, a ``msg/Frame``.
        diagnostics: name to level, 0 to 3, message, and when it came.
        interventions: newest last, when and why.
        began: when the first message came [s].
        recorded: whether it is seen afterwards.
    """

    def __init__(self, recorded: bool = False) -> None:
        self.recorded = recorded
        self.metrics = RunMetrics()
        self.names: tuple[str, ...] = ()
        self.observation_space: Space | None = None
        self.action_space: Space | None = None
        self.period = 0.0
        self.observation: FloatArray | None = None
        self.acting: FloatArray | None = None
        self.joints: dict[str, float] = {}
        self.future: Future | None = None
        self.supposed: Future | None = None
        self.controller: Any = None
        self.guard: Any = None
        self.trainer: Any = None
        self.objective: Any = None
        self.frames: dict[str, Any] = {}
        self.reconstructions: dict[str, Any] = {}
        self.diagnostics: dict[str, tuple[int, str, float]] = {}
        self.interventions: deque[tuple[float, str]] = deque(maxlen=_HEARD_INTERVENTIONS)
        self.began = math.nan
        self._windows_of: Any = None
        self._known_windows: dict[str, tuple[float, float]] = {}
        self._place = (-1, -1)
        self._observed: deque[tuple[float, FloatArray, FloatArray]] = deque(maxlen=_POINTS)
        self._predicted: dict[tuple[int, int], FloatArray] = {}
        self._plans: deque[tuple[float, float]] = deque(maxlen=_POINTS)
        self._errors: deque[tuple[float, float, float]] = deque(maxlen=_LONG)
        self._trust: deque[tuple[float, float, float]] = deque(maxlen=_POINTS)
        self._guarded: deque[tuple[float, int, int]] = deque(maxlen=_POINTS)

    def feed(self, kind: str, message: Any, now: float) -> None:
        """Take in a message.

        Args:
            kind: its type's short name; others are ignored, and so are observations of another
                number of dimensions.
            message: with the fields of its definition.
            now: time of reception [s].
        """
        if math.isnan(self.began):
            self.began = now
        if kind == "Observation":
            size = len(message.values)
            if size == 0 or size != (len(self.names) or size):
                return
        self.metrics.feed(kind, message, now)
        if take := getattr(self, f"_on_{kind}", None):
            take(message, now)

    def tell(self, parameters: Mapping[str, Any]) -> None:
        """Take in the controller's parameters."""
        self._name(tuple(parameters.get("observation.names", self.names)))
        factor = float(parameters.get("real_time_factor", 1.0))
        self.period = float(parameters.get("period", 0.0)) / factor
        own = {spec.name for spec in specs(TaskSettings)}
        given = {n: v for n, v in parameters.items() if n in own and v is not None}
        self.observation_space = self.action_space = None
        with contextlib.suppress(ValueError):  # of another version
            task = build(TaskSettings, given)
            self.observation_space, self.action_space = (
                task.observation_space(),
                task.action_space(),
            )

    @property
    def targets(self) -> dict[str, float]:
        """Dimensions that the objective wants somewhere, to where."""
        return {name: target + middle for name, (target, middle) in self._windows().items()}

    def goal_for(self, targets: Mapping[str, float]) -> dict[str, float]:
        """Return the goal by which dimensions are wanted elsewhere."""
        windows = self._windows()
        return {n: value - windows.get(n, (0.0, 0.0))[1] for n, value in targets.items()}

    def _windows(self) -> dict[str, tuple[float, float]]:
        if self.objective is not self._windows_of:
            self._windows_of = self.objective
            told = windows_of(self.objective.content) if self.objective else {}
            self._known_windows = {name: w for name, w in told.items() if name in self.names}
        return self._known_windows

    def observed(self, dimension: int, now: float) -> list[FloatArray]:
        """Return time from now [s], a dimension as predicted one step before, and as observed."""
        recent = [each for each in self._observed if now - each[0] < PAST]
        return columns([(t - now, p[dimension], o[dimension]) for t, o, p in recent], 3)

    def planned(self, dimension: int) -> list[FloatArray]:
        """Return a dimension as planned, and as it would be for another objective.

        Returns:
            time from the observation [s], -2 std, +2 std, the mean for the other one, the mean.
        """
        future, other = self.future, self.supposed
        if future is None:
            return columns([], 5)
        mean, std = future.mean[:, dimension], future.std[:, dimension]
        supposed = np.full(len(mean), math.nan)
        if other is not None:
            known = min(len(mean), len(other.mean))
            supposed[:known] = other.mean[:known, dimension]
        time = (future.ahead + np.arange(len(mean))) * self.period
        return columns(
            list(zip(time, mean - 2 * std, mean + 2 * std, supposed, mean, strict=True)), 5
        )

    def returns(self) -> list[FloatArray]:
        """Return the number of each complete episode, and its return."""
        return columns([(i + 1.0, r) for i, r in enumerate(self.metrics.returns[-_LONG:])], 2)

    def errors(self) -> list[FloatArray]:
        """Return time since the first message [s], error of one step and hold-out error."""
        return columns([(t - self.began, *errors) for t, *errors in self._errors], 3)

    def planning(self, now: float) -> list[FloatArray]:
        """Return time from now [s], the budget and the time of each plan [ms]."""
        budget = self.metrics.budget_ms
        return columns([(t - now, budget, ms) for t, ms in self._plans if now - t < PAST], 3)

    def trust(self, now: float) -> list[FloatArray]:
        """Return time from now [s], open-loop and one-step error over those expected."""
        return columns([(t - now, *z) for t, *z in self._trust if now - t < 6 * PAST], 3)

    def guarded(self, now: float) -> list[FloatArray]:
        """Return time from now [s], and commands per second changed and replaced."""
        rows = []
        recent = [each for each in self._guarded if now - each[0] < 6 * PAST]
        for (t0, *before), (t1, *after) in pairwise(recent):
            # A guard that was restarted counts from zero.
            counts = [
                max(0, b - a) / max(t1 - t0, 1e-3) for a, b in zip(before, after, strict=True)
            ]
            rows.append((t1 - now, *counts))
        return columns(rows, 3)

    def _name(self, names: tuple[str, ...]) -> None:
        """Take in the dimensions' names; what was seen of others is none of theirs."""
        if names == self.names:
            return
        self.names, self.future, self.supposed, self._windows_of = names, None, None, None
        self._predicted.clear()
        if self.observation is not None and len(self.observation) != len(names):
            self.observation = None
        fitting = [each for each in self._observed if len(each[1]) == len(names)]
        self._observed = deque(fitting, maxlen=_POINTS)

    def _on_Observation(self, message: Any, now: float) -> None:  # noqa: N802
        place, values = (int(message.episode), int(message.step)), np.array(message.values)
        if place == self._place:
            return  # repeated, as in lock-step
        if place[0] != self._place[0]:
            self.future = self.supposed = None
        self._place, self.observation, self.acting = place, values, np.array(message.action)
        nothing = np.full(len(values), math.nan)
        self._observed.append((now, values, self._predicted.pop(place, nothing)))

    def _on_JointState(self, message: Any, now: float) -> None:  # noqa: N802
        self.joints = dict(zip(message.name, message.position, strict=False))

    def _on_Plan(self, message: Any, now: float) -> None:  # noqa: N802
        self._name(self.names or tuple(message.observation_names))
        future = self._future_of(message)
        if future is None:
            return
        self.future, mean, ahead = future, future.mean, future.ahead
        # The first of its rows that is still to come.
        next_row = 0 if ahead else 1
        step = int(message.step) + ahead + next_row
        if next_row < len(mean):
            self._predicted[int(message.episode), step] = mean[next_row]
        while len(self._predicted) > _AWAITED:
            del self._predicted[next(iter(self._predicted))]

    def _on_WhatIf(self, message: Any, now: float) -> None:  # noqa: N802
        self.supposed = self._future_of(message)

    def _future_of(self, message: Any) -> Future | None:
        """Return a plan; None: of another task, or of a model without named dimensions.

        Candidates of another number or size than it says are none.
        """
        names = tuple(message.observation_names)
        shape = (message.horizon + 1, len(names))
        sizes = {len(message.observations), len(message.observation_stds)}
        if names != self.names or sizes != {shape[0] * shape[1]}:
            return None
        ahead = int(self.controller.delay_steps) if self.controller is not None else 0
        mean = np.array(message.observations).reshape(shape)
        std = np.array(message.observation_stds).reshape(shape)
        others, count = np.array(message.candidate_observations), int(message.candidates)
        count = count if others.size == count * mean.size else 0
        candidates = others[: count * mean.size].reshape(count, *shape)
        return Future(
            ahead, mean, std, candidates, float(message.expected_return), message.objective
        )

    def _on_Action(self, message: Any, now: float) -> None:  # noqa: N802
        if message.plan_time > 0:
            self._plans.append((now, 1e3 * message.plan_time))

    def _on_ControllerStatus(self, message: Any, now: float) -> None:  # noqa: N802
        self.controller = message
        if message.estopped or message.state != "active":
            self.future = None  # nobody acts on it any more
        self._trust.append((now, message.open_loop_z, message.one_step_z))

    def _on_GuardStatus(self, message: Any, now: float) -> None:  # noqa: N802
        self.guard = message
        self._guarded.append((now, int(message.changed), int(message.replaced)))

    def _on_TrainingStatus(self, message: Any, now: float) -> None:  # noqa: N802
        self.trainer = message
        self._errors.append((now, message.one_step_error, message.holdout_error))

    def _on_Objective(self, message: Any, now: float) -> None:  # noqa: N802
        self.objective = message

    def _on_Frame(self, message: Any, now: float) -> None:  # noqa: N802
        if message.camera in self.frames or len(self.frames) < _CAMERAS:
            self.frames[message.camera] = message

    def _on_Reconstruction(self, message: Any, now: float) -> None:  # noqa: N802
        if message.camera in self.frames:
            self.reconstructions[message.camera] = message

    def _on_Intervention(self, message: Any, now: float) -> None:  # noqa: N802
        if not self.interventions or self.interventions[-1][1] != message.reason:
            self.interventions.append((now, message.reason))

    def _on_DiagnosticArray(self, message: Any, now: float) -> None:  # noqa: N802
        for entry in message.status:
            level = entry.level[0] if isinstance(entry.level, bytes) else int(entry.level)
            self.diagnostics[entry.name] = (level, entry.message, now)


def columns(rows: Sequence[Sequence[float]], count: int) -> list[FloatArray]:
    """Return rows as columns for uPlot, which draws nothing where there is a NaN anywhere.

    Rows without a finite last value are left out. What else is not finite becomes that value, and
    its curve goes below the last one, which is drawn last. Without rows there is one at 0, of NaN,
    so that nothing is drawn: a zero would be a dot, as of an episode that returned nothing.
    """
    table = np.array(rows, dtype=np.float64).reshape(-1, count)
    table = table[np.isfinite(table[:, -1])]
    table = np.where(np.isfinite(table), table, table[:, -1:])
    table = table if len(table) else np.array([[0.0] + [math.nan] * (count - 1)])
    return [np.ascontiguousarray(column) for column in table.T]
