"""One .npz file: the columns of the table of transitions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mbrl_ros.data.exchange.dataset import Dataset


def write(dataset: Dataset, out: Path) -> Path:
    """Write ``transitions.npz``; frames have no place in it.

    Returns:
        the file.

    Raises:
        OSError: if it cannot be written.
    """
    log, path = dataset.log, out / "transitions.npz"
    columns: dict[str, Any] = {
        **log.columns,
        "observation_names": np.array(log.observation_space.names),
        "action_names": np.array(log.action_space.names),
        "period": np.array(dataset.period),
        "task": np.array(dataset.task),
    }
    np.savez_compressed(path, **columns)
    return path
