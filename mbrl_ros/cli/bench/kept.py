"""Measurements that are kept: what was measured before is not measured again."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mbrl_ros.system.configuration import Configuration

# Env steps, and the mean return after them.
Curve = list[tuple[int, float]]


@dataclass(frozen=True)
class Measurement(ABC):
    """A curve to be measured.

    Attributes:
        task: shipped, or the path of a parameter file.
        seed: of everything random.
    """

    task: str
    seed: int

    @property
    @abstractmethod
    def method(self) -> str:
        """What is measured, as tables call it."""

    @abstractmethod
    def measure(self, threads: int) -> Curve:
        """Measure it.

        Args:
            threads: that may compute.

        Raises:
            ValueError: naming what does not fit.
        """

    @property
    def name(self) -> str:
        """The task's name."""
        return Path(self.task).stem

    @property
    def label(self) -> str:
        """What tells its file from others of the task, for people."""
        return str(self.seed)

    @property
    def configurations(self) -> list[Configuration]:
        """What the task's files say now, as far as it matters."""
        return []

    def path(self, folder: Path) -> Path:
        """Return where its curve is kept; another one for other parameters.

        Raises:
            SettingsError: naming the parameter that does not fit.
        """
        told = [asdict(self), [configuration.nodes for configuration in self.configurations]]
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
        return folder / f"{self.name}-{self.label}-{digest[:8]}.json"

    def row(self, folder: Path) -> dict[str, Any]:
        """Return what was measured, as it is written to a file of results.

        Raises:
            ValueError: if the file is damaged.
        """
        path = self.path(folder)
        try:
            points = json.loads(path.read_text(encoding="utf-8"))
            curve = [[int(steps), float(value)] for steps, value in points]
        except (ValueError, TypeError):
            raise ValueError(f"{path}: expected a curve; delete it to measure anew") from None
        return {"task": self.name, "method": self.method, "seed": self.seed, "curve": curve}


def keep(measurement: Measurement, folder: Path, threads: int) -> None:
    """Measure a curve and keep it, unless it is there already.

    Args:
        measurement: what to measure.
        folder: keeps the curves.
        threads: that may compute.

    Raises:
        ValueError: naming what does not fit.
        OSError: if it cannot be written.
    """
    path = measurement.path(folder)
    if path.exists():
        return
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(measurement.measure(threads)), encoding="utf-8")
    partial.replace(path)
