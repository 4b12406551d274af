"""TensorBoard curves of learning and control, with the same tags for every kind of run.

Units are those of the messages: ``msg/TrainingStatus`` and ``msg/ControllerStatus``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from mbrl_ros.reports.event_file import EventFile
from mbrl_ros.reports.metrics import SOURCES

#: The folder, within that of the run.
CURVES = "tensorboard"


class Curves:
    """Writes the figures by name; a full disk does no harm."""

    def __init__(self, run_dir: Path, complain: Callable[[str], object]) -> None:
        """Create an event file.

        Args:
            run_dir: the run's folder.
            complain: called with one line when writing starts to fail.

        Raises:
            OSError: if the file cannot be created.
        """
        self._file = EventFile(run_dir / CURVES)
        self._complain = complain
        self._troubled = False
        self._gate = ""

    def training(
        self,
        step: int,
        *,
        loss: float,
        updates: int,
        updates_per_second: float,
        open_loop_error: float,
        one_step_error: float,
        transitions: int,
        holdout: int,
        models: int,
        gate: str,
    ) -> None:
        """Add the state of learning.

        Args:
            step: of the curves.
            loss: mean since the last time [nats per dimension].
            updates: gradient steps so far.
            updates_per_second: gradient steps per second of wall time.
            open_loop_error: on the hold-out [standard deviations of each dimension].
            one_step_error: on the hold-out [standard deviations of each change].
            transitions: received, hold-out included.
            holdout: of these, in the hold-out.
            models: number that passed the gate so far.
            gate: its last decision in words.
        """
        self._file.scalars(
            step,
            {
                "train/loss": loss,
                "train/updates": updates,
                "train/updates_per_second": updates_per_second,
                "holdout/open_loop_error": open_loop_error,
                "holdout/one_step_error": one_step_error,
                "data/transitions": transitions,
                "data/holdout": holdout,
                "gate/models_published": models,
            },
        )
        if gate != self._gate:
            self._file.text(step, "gate/decision", gate)
            self._gate = gate

    def control(
        self,
        step: int,
        *,
        plan_time_p50: float,
        plan_time_p99: float,
        budget: float,
        ticks: int,
        ticks_late: int,
        sources: Sequence[int],
        delay_steps: int,
        model_sequence: int,
        expected_return: float,
        one_step_z: float,
        open_loop_z: float,
        correction: float,
    ) -> None:
        """Add the state of control.

        Args:
            step: of the curves.
            plan_time_p50: median of the newest planning times [s].
            plan_time_p99: their 99th percentile [s].
            budget: time budget of a plan [s]; NaN: unlimited.
            ticks: commands that were due so far.
            ticks_late: of these, sent after their deadline or not at all.
            sources: ticks per source so far, as in ``msg/Action``.
            delay_steps: from an observation to its action's effect [control steps].
            model_sequence: of the model in use; 0: none.
            expected_return: of the last plan, in the objective's unit.
            one_step_z: recent one-step prediction error, as a multiple of the expected one.
            open_loop_z: the same over several steps.
            correction: online correction of the model, relative to its last layer.
        """
        self._file.scalars(
            step,
            {
                "control/plan_time_p50": plan_time_p50,
                "control/plan_time_p99": plan_time_p99,
                "control/budget": budget,
                "control/ticks": ticks,
                "control/ticks_late": ticks_late,
                "control/delay_steps": delay_steps,
                "control/model_sequence": model_sequence,
                "control/expected_return": expected_return,
                "control/one_step_z": one_step_z,
                "control/open_loop_z": open_loop_z,
                "control/correction": correction,
                **{f"source/{n.lower()}": c for n, c in zip(SOURCES, sources, strict=True)},
            },
        )

    def episode(self, step: int, total_reward: float, length: int) -> None:
        """Add a complete episode.

        Args:
            step: of the curves.
            total_reward: from the environment; NaN: none.
            length: of the episode [control steps].
        """
        self._file.scalars(step, {"episode/return": total_reward, "episode/length": length})

    def evaluation(self, step: int, mean_return: float) -> None:
        """Add the mean return of episodes with the model frozen."""
        self._file.scalars(step, {"evaluation/mean_return": mean_return})

    def flush(self) -> None:
        """Write what was added to disk, and report once if that fails."""
        try:
            self._file.flush()
            self._troubled = False
        except OSError as error:
            if not self._troubled:
                self._complain(f"{CURVES}: {error.strerror}")
            self._troubled = True

    def close(self) -> None:
        """Write the rest."""
        self.flush()
        self._file.close()
