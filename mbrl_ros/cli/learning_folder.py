"""What `mbrl-ros learn` keeps in its folder as it goes, and goes on from."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mbrl_ros.core.task import TaskSettings
from mbrl_ros.data.bag_records import read_transitions
from mbrl_ros.models import checkpoint
from mbrl_ros.nodes.transition_bag import TransitionBag
from mbrl_ros.reports.summary import SUMMARY, write_summary
from mbrl_ros.system.bag_task import metadata_of
from mbrl_ros.system.episodes import Episode
from mbrl_ros.system.launching import CONFIGURATION
from mbrl_ros.system.lock_step import LockStepSystem

_COLUMNS = ("env_steps", "episode", "return")


class LearningFolder:
    """Writes every transition to ``bag``, episodes to ``curve.csv`` and models when published.

    So nothing but the steps since is lost with a killed process.
    """

    def __init__(
        self,
        out: Path,
        task: TaskSettings,
        system: LockStepSystem,
        summarize: Callable[[], dict[str, Any]],
    ) -> None:
        """Open the folder, and continue in the system what an earlier process left in it.

        Args:
            out: has the configuration already.
            task: that is learned.
            system: new.
            summarize: returns the figures of the run so far.

        Raises:
            ValueError: naming a damaged file.
            OSError: if it cannot be written.
        """
        self._out = out
        self._system = system
        self._summarize = summarize
        configuration = (out / CONFIGURATION).read_text(encoding="utf-8")
        self._bag = TransitionBag(out / "bag", {CONFIGURATION: configuration}, metadata_of(task))
        try:
            self._go_on()
            self._recorded, self._saved = len(system.transitions), system.models
            # Anew, without half a row; the old one stays until that is done.
            partial = out / "curve.partial"
            self._file = partial.open("w", newline="", encoding="utf-8")
            self._curve = csv.writer(self._file)
            self._curve.writerow(_COLUMNS)
            for episode in system.episodes:
                self._add(episode)
            self._file.flush()
            partial.replace(out / "curve.csv")
        except BaseException:
            self._bag.close()
            raise

    @property
    def checkpoint(self) -> Path:
        """The newest model that passed its gate."""
        return self._out / "checkpoints" / "model-0-000001.safetensors"

    def step(self) -> None:
        """Keep what is new.

        Raises:
            OSError: if it cannot be written.
        """
        for index in range(self._recorded, len(self._system.transitions)):
            self._bag.append(self._system.transitions.row(index), index)
        self._recorded = len(self._system.transitions)
        if trouble := self._bag.trouble:
            raise OSError(trouble)
        if self._saved != self._system.models and self._system.published is not None:
            self.checkpoint.parent.mkdir(exist_ok=True)
            checkpoint.save(self._system.published, self.checkpoint)
            state = self._system.learner.state()
            checkpoint.save_state(state, checkpoint.state_path(self.checkpoint))
            self._saved = self._system.models
            write_summary(self._summarize(), self._out)

    def episode(self, episode: Episode) -> None:
        """Add a complete episode.

        Raises:
            OSError: if it cannot be written.
        """
        self._add(episode)
        self._file.flush()

    def close(self) -> None:
        """Finish the bag, and write the summary.

        Raises:
            OSError: if one of them cannot be written.
        """
        trouble = self._bag.close()
        self._file.close()
        write_summary(self._summarize(), self._out)
        if trouble:
            raise OSError(trouble)

    def _add(self, episode: Episode) -> None:
        self._curve.writerow([episode.env_steps, episode.number, f"{episode.total_reward:.6g}"])

    def _go_on(self) -> None:
        system, table = self._system, self._system.transitions
        log = read_transitions([self._out / "bag"], table.observation_space, table.action_space)
        episodes = _read_curve(self._out / "curve.csv")
        told = read_summary(self._out)
        if not len(log) and not episodes:
            return
        update, path = None, self.checkpoint
        if path.exists():
            update = checkpoint.load(path)
        state = checkpoint.state_path(path)
        # The summary is as old as the newest model; since then, each transition took its steps.
        names = ("transitions", "env_steps", "models_published")
        summary = {name: int(told.get(name) or 0) for name in names}
        since = len(log) - summary["transitions"]
        steps = summary["env_steps"] + max(0, since) * system.simulator.plant.action_repeat
        system.resume(
            log,
            episodes,
            max([steps, *(episode.env_steps for episode in episodes)]),
            max(1, summary["models_published"]) if update else 0,
            update,
            checkpoint.load_state(state) if update and state.exists() else None,
        )


def _read_curve(path: Path) -> list[Episode]:
    """Return the complete rows of a curve: a killed process may have left half a one."""
    if not path.exists():
        return []
    episodes = []
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            try:
                values = int(row["env_steps"]), int(row["episode"]), float(row["return"])
            except (KeyError, TypeError, ValueError):
                continue
            episodes.append(Episode(*values))
    return episodes


def read_summary(out: Path) -> dict[str, Any]:
    """Return the figures that an earlier process left in a folder; none if it left none."""
    try:
        told: dict[str, Any] = json.loads((out / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told
