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
from mbrl_ros.system.configuration import Configuration

# Env steps, and the mean return after them.
Curve = list[tuple[int, float]]


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

    def row(self, folder: Path) -> dict[str, Any]:
        """Return the measurement as a row of the results file.

        Raises:
            ValueError: if the file is damaged.
        """
        path = self.path(folder)
        try:
            points = json.loads(path.read_text(encoding="utf-8"))
            curve = [[int(s), math.nan if v is None else float(v)] for s, v in points]
        except (ValueError, TypeError):
            raise ValueError(f"{path}: expected a curve; delete it to measure again") from None
        return {"task": self.name, "method": self.method, "seed": self.seed, "curve": curve}


def keep(measurement: Measurement, folder: Path, threads: int) -> None:
    """Measure a curve and keep it, unless it exists already.

    Args:
        measurement: what to measure.
        folder: folder of the curves.
        threads: number of threads to use.

    Raises:
        ValueError: naming what is invalid.
        OSError: if it cannot be written.
    """
    path = measurement.path(folder)
    if path.exists():
        return
    partial = path.with_suffix(".partial")
    partial.write_text(json_text(measurement.measure(threads)), encoding="utf-8")
    partial.replace(path)
