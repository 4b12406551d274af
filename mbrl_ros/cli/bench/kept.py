"""Cached measurements: what was measured before is not measured again."""

from __future__ import annotations

import hashlib
import json
import math
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mbrl_ros.core.json_text import json_text
from mbrl_ros.core.settings import build, flat
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.core.whole_file import write_whole
from mbrl_ros.system.configuration import Configuration
from mbrl_ros.system.episodes import mean_return

# Whose settings determine a curve.
_NODES = ("mujoco_sim", "model_trainer", "mpc_controller")
# Env steps, and the return of each episode after them.
Curve = list[tuple[int, list[float]]]


@dataclass(frozen=True)
class Measurement(ABC):
    """A curve to be measured.

    Attributes:
        task: shipped task, or path of a parameter file.
        seed: random seed.
    """

    task: str
    seed: int

    @property
    @abstractmethod
    def method(self) -> str:
        """Name of what is measured, in tables."""

    @abstractmethod
    def measure(self, threads: int) -> Curve:
        """Measure it.

        Args:
            threads: number of threads to use.

        Raises:
            ValueError: naming what is invalid.
        """

    @property
    def name(self) -> str:
        """The task's name."""
        return Path(self.task).stem

    @property
    def label(self) -> str:
        """Readable label that distinguishes its file from others of the task."""
        return str(self.seed)

    @property
    def configurations(self) -> list[Configuration]:
        """The current configurations that the curve depends on."""
        return []

    def path(self, folder: Path) -> Path:
        """Return the path of its curve, a different one for different parameters.

        Raises:
            SettingsError: naming the invalid parameter.
        """
        told = [asdict(self), [configuration.nodes for configuration in self.configurations]]
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
        return folder / f"{self.name}-{self.label}-{digest[:8]}.json"

    @property
    def settings(self) -> dict[str, Any]:
        """Every parameter that it depends on, those that no file gives included."""
        return {
            f"{number}.{node}.{name}": value
            for number, configuration in enumerate(self.configurations)
            for node, settings in (
                ("**", build(TaskSettings, configuration.shared)),
                *((node, configuration.build(node)) for node in _NODES),
            )
            for name, value in flat(settings).items()
        }

    def kept(self, folder: Path) -> Curve | None:
        """Return its curve, if it was measured with the settings of today.

        A setting that did not exist then has its default, which must not change what is measured.

        Raises:
            ValueError: if the file is damaged.
        """
        path = self.path(folder)
        if not path.exists():
            return None
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            was = dict(told["settings"])
            curve = [(int(steps), [_read(v) for v in values]) for steps, values in told["curve"]]
        except (ValueError, TypeError, KeyError):
            raise ValueError(f"{path}: expected a curve; delete it to measure again") from None
        now = json.loads(json_text(self.settings))
        return curve if all(was[name] == now[name] for name in was.keys() & now.keys()) else None

    def row(self, folder: Path) -> dict[str, Any]:
        """Return the measurement as a row of the results file.

        Raises:
            ValueError: if there is none, or the file is damaged.
        """
        curve = self.kept(folder)
        if curve is None:
            raise ValueError(f"{self.path(folder)}: not measured")
        return {
            "task": self.name,
            "method": self.method,
            "seed": self.seed,
            "curve": [[steps, mean_return(values)] for steps, values in curve],
            "returns": [values for _, values in curve],
        }


def keep(measurement: Measurement, folder: Path, threads: int) -> None:
    """Measure a curve and keep it, unless it was measured already.

    Args:
        measurement: what to measure.
        folder: folder of the curves.
        threads: number of threads to use.

    Raises:
        ValueError: naming what is invalid.
        OSError: if it cannot be written.
    """
    if measurement.kept(folder) is None:
        store(measurement, folder, measurement.measure(threads))


def store(measurement: Measurement, folder: Path, curve: Curve) -> None:
    """Keep a curve that was measured.

    Raises:
        OSError: if it cannot be written.
    """
    told = {"curve": curve, "settings": measurement.settings}
    write_whole(measurement.path(folder), json_text(told))


def _read(value: float | None) -> float:
    return math.nan if value is None else float(value)
