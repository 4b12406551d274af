"""Datasets of Minari, the collection of offline reinforcement learning (minari.farama.org)."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gymnasium
import numpy as np

from mbrl_ros.core.records import Transition
from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.data.exchange.dataset import Dataset, needed
from mbrl_ros.data.streaming import BagError
from mbrl_ros.data.transitions import Transitions

_FOLDER = "MINARI_DATASETS_PATH"


def write(dataset: Dataset, out: Path) -> Path:
    """Write ``mbrl_ros/<task>-v0`` below a folder, which is then a place for Minari's datasets.

    Frames have no place in it.

    Returns:
        the dataset's folder.

    Raises:
        SettingsError: if Minari is not installed.
        OSError: if it cannot be written.
    """
    minari = needed("minari", "minari")
    buffers = []
    for number, rows in enumerate(dataset.log.episodes()):
        part = dataset.log[rows]
        buffers.append(
            minari.data_collector.EpisodeBuffer(
                id=number,
                observations=np.concatenate([part.observation, part.next_observation[-1:]]),
                actions=part.action,
                rewards=part.reward,
                terminations=part.terminated,
                # Minari knows no episode that was merely left.
                truncations=_ended(part),
                infos={},
            )
        )
    name = f"mbrl_ros/{re.sub(r'[^A-Za-z0-9_]+', '_', dataset.task)}-v0"
    with _datasets_in(out), warnings.catch_warnings():
        # That nobody's mail address is told.
        warnings.simplefilter("ignore")
        minari.create_dataset_from_buffers(
            name,
            buffer=buffers,
            observation_space=_box(dataset.log.observation_space),
            action_space=_box(dataset.log.action_space),
            algorithm_name="mbrl_ros",
            description=(
                f"observation: {', '.join(dataset.log.observation_space.names)}; "
                f"action: {', '.join(dataset.log.action_space.names)}; "
                f"period: {dataset.period} s"
            ),
        )
    return out / name


def read(path: Path) -> Dataset:
    """Read a dataset of vectors.

    Args:
        path: its folder, which holds ``data``.

    Raises:
        SettingsError: if Minari is not installed.
        BagError: if it is none, or of something else than vectors.
    """
    minari = needed("minari", "minari")
    try:
        found = minari.MinariDataset(path / "data")
        episodes = list(found.iterate_episodes())
    except Exception as error:  # whatever its libraries raise of a broken file
        raise BagError(f"{path}: not a Minari dataset: {' '.join(str(error).split())}") from None
    if not episodes:
        raise BagError(f"{path}: holds no episode")
    spaces = _space(path, "observation", found), _space(path, "action", found)
    log = Transitions(*spaces)
    for number, episode in enumerate(episodes):
        for step in range(len(episode.actions)):
            log.append(
                Transition(
                    np.ravel(episode.observations[step]),
                    np.ravel(episode.actions[step]),
                    np.ravel(episode.observations[step + 1]),
                    number,
                    step,
                    float(episode.rewards[step]),
                    bool(episode.terminations[step]),
                    bool(episode.truncations[step]),
                )
            )
    return Dataset(path.parent.name if path.name == "data" else path.name, 0.0, log)


def _ended(part: Transitions) -> np.ndarray:
    ended = part.truncated.copy()
    ended[-1] |= not part.terminated[-1]
    return ended


def _space(path: Path, which: str, found: object) -> Space:
    box = getattr(found, f"{which}_space")
    if not isinstance(box, gymnasium.spaces.Box) or len(box.shape) > 1:
        raise BagError(f"{path}: expected a vector as {which}, got {box}")
    size = int(np.prod(box.shape))
    names = [f"{which}_{i}" for i in range(size)]
    return Space.of(names, np.ravel(box.low).tolist(), np.ravel(box.high).tolist())


def _box(space: Space) -> gymnasium.spaces.Box:
    low: FloatArray = np.array(space.low)
    return gymnasium.spaces.Box(low, np.array(space.high), dtype=np.float64)


@contextmanager
def _datasets_in(folder: Path) -> Iterator[None]:
    """Let Minari write to a folder, which it only takes from the environment."""
    before = os.environ.get(_FOLDER)
    os.environ[_FOLDER] = str(folder.absolute())
    try:
        yield
    finally:
        if before is None:
            del os.environ[_FOLDER]
        else:
            os.environ[_FOLDER] = before
