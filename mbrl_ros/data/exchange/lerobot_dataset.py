"""Datasets of LeRobot, version 3: Parquet files and ``meta/`` (huggingface/lerobot, v0.4).

Frames are embedded as they were recorded, encoded, rather than joined to videos: nothing is lost,
and LeRobot reads both. An episode's last observation, which no action follows, has no place.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mbrl_ros.core.records import Frame, Transition
from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.data.exchange.dataset import Dataset, needed
from mbrl_ros.data.streaming import BagError
from mbrl_ros.data.transitions import Transitions

_VERSION = "v3.0"
_STATE, _ACTION, _REWARD, _DONE = "observation.state", "action", "next.reward", "next.done"
_INDICES = ("frame_index", "episode_index", "index", "task_index")
_FILE = "chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
_IMAGES = "observation.images."
# Rows written at a time: the frames of so many are in memory.
_GROUP = 256
_FIRST = _FILE.format(chunk_index=0, file_index=0)


def write(dataset: Dataset, out: Path) -> Path:
    """Write a dataset that ``LeRobotDataset(repo_id, root=out)`` loads.

    Returns:
        its folder.

    Raises:
        SettingsError: if a library is not installed.
        OSError: if it cannot be written.
    """
    arrow, parquet = needed("pyarrow", "lerobot"), needed("pyarrow.parquet", "lerobot")
    pandas = needed("pandas", "lerobot")
    log, episodes = dataset.log, dataset.log.episodes()
    rows = np.concatenate([np.arange(e.start, e.stop) for e in episodes])
    lengths = [e.stop - e.start for e in episodes]
    frame_index = np.concatenate([np.arange(n) for n in lengths])
    columns: dict[str, Any] = {
        _STATE: log.observation[rows].astype(np.float32),
        _ACTION: log.action[rows].astype(np.float32),
        _REWARD: log.reward[rows].astype(np.float32),
        _DONE: log.terminated[rows] | log.truncated[rows],
        "timestamp": (frame_index * dataset.period).astype(np.float32),
        "frame_index": frame_index,
        "episode_index": np.repeat(np.arange(len(episodes)), lengths),
        "index": np.arange(len(rows)),
        "task_index": np.zeros(len(rows), dtype=np.int64),
    }
    if not np.isfinite(columns[_REWARD]).any():
        del columns[_REWARD]  # nobody paid any
    features = {name: _feature(values) for name, values in columns.items()}
    features[_STATE]["names"] = list(log.observation_space.names)
    features[_ACTION]["names"] = list(log.action_space.names)
    table = arrow.table({name: _column(arrow, values) for name, values in columns.items()})
    images = _Images(dataset, rows)
    for camera, shape in images.shapes.items():
        features[f"{_IMAGES}{camera}"] = {
            "dtype": "image",
            "shape": shape,
            "names": ["height", "width", "channels"],
        }
    for folder in ("data/chunk-000", "meta/episodes/chunk-000"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    _write_rows(table, images, out / "data" / _FIRST)
    parquet.write_table(
        arrow.Table.from_pylist(_described(dataset.task, lengths, columns)),
        out / "meta/episodes" / _FIRST,
    )
    tasks = pandas.DataFrame({"task_index": [0]}, index=pandas.Index([dataset.task], name="task"))
    tasks.to_parquet(out / "meta/tasks.parquet")
    _write_json(out / "meta/stats.json", {name: _stats(v) for name, v in columns.items()})
    _write_json(
        out / "meta/info.json",
        {
            "codebase_version": _VERSION,
            "robot_type": "mbrl_ros",
            "total_episodes": len(episodes),
            "total_frames": len(rows),
            "total_tasks": 1,
            "chunks_size": 1000,
            "data_files_size_in_mb": 100,
            "video_files_size_in_mb": 200,
            "fps": _rate(dataset.period),
            "splits": {"train": f"0:{len(episodes)}"},
            "data_path": f"data/{_FILE}",
            "video_path": None,
            "features": features,
        },
    )
    return out


def read(path: Path) -> Dataset:
    """Read observations, actions and rewards; cameras are left out.

    Each step needs the observation after it, so an episode's last row makes none.

    Args:
        path: a dataset's folder, which holds ``meta``.

    Raises:
        SettingsError: if a library is not installed.
        BagError: if it is none of version 3, or has no state or no action.
    """
    arrow = needed("pyarrow.dataset", "lerobot")
    try:
        info = json.loads((path / "meta/info.json").read_text(encoding="utf-8"))
        version, features, rate = info["codebase_version"], info["features"], float(info["fps"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BagError(f"{path}: not a LeRobot dataset: meta/info.json: {error}") from None
    if not str(version).startswith("v3."):
        raise BagError(f"{path}: expected a LeRobot dataset of version 3, got {version}")
    wanted = [n for n in (_STATE, _ACTION, _REWARD, _DONE, *_INDICES[:2]) if n in features]
    if missing := {_STATE, _ACTION} - {*wanted}:
        raise BagError(f"{path}: no {' and no '.join(sorted(missing))} in it")
    try:
        files = sorted((path / "data").rglob("*.parquet"))
        table = arrow.dataset(files).to_table(columns=wanted)
        columns = {n: np.array(table[n].to_pylist(), dtype=np.float64) for n in wanted}
    except Exception as error:  # whatever its libraries raise of a broken file
        raise BagError(f"{path}: damaged: {' '.join(str(error).split())}") from None
    state, action = (c.reshape(len(c), -1) for c in (columns[_STATE], columns[_ACTION]))
    log = Transitions(
        Space.of(_names(features[_STATE], "observation", state.shape[1])),
        Space.of(_names(features[_ACTION], "action", action.shape[1]), *_limits(action)),
    )
    reward = columns.get(_REWARD, np.full(len(state), np.nan)).reshape(len(state))
    episode, step = (columns[n].astype(np.int64) for n in ("episode_index", "frame_index"))
    for i in range(len(state) - 1):
        if episode[i] == episode[i + 1]:
            last = i + 2 == len(state) or episode[i + 2] != episode[i]
            log.append(
                Transition(
                    state[i],
                    action[i],
                    state[i + 1],
                    int(episode[i]),
                    int(step[i]),
                    float(reward[i]),
                    False,
                    bool(last),
                )
            )
    return Dataset(path.name, 1.0 / rate if rate > 0 else 0.0, log)


class _Images:
    """The frames of the cameras that have one for each row.

    Attributes:
        shapes: by camera: height, width and channels.
    """

    def __init__(self, dataset: Dataset, rows: np.ndarray) -> None:
        log, self._frames, self._count = dataset.log, dataset.frames, len(rows)
        self._places = {
            (int(log.episode[row]), int(log.step[row])): place for place, row in enumerate(rows)
        }
        self.shapes: dict[str, list[int]] = {}
        known: dict[str, NDArray[np.bool_]] = {}
        for frame, place in self._found():
            known.setdefault(frame.camera, np.zeros(len(rows), np.bool_))[place] = True
            self.shapes[frame.camera] = [frame.height, frame.width, 3]
        self.shapes = {c: self.shapes[c] for c in sorted(known) if known[c].all()}

    def groups(self) -> Iterator[tuple[slice, dict[str, list[dict[str, Any]]]]]:
        """Yield rows, some at a time, with their images by camera, encoded."""
        waiting: dict[tuple[str, int], bytes] = {}
        start = 0
        wanted = ((f, place) for f, place in self._found() if f.camera in self.shapes)
        for frame, place in itertools.chain(wanted, [(None, 0)]):
            if frame is not None and place >= start:
                waiting[frame.camera, place] = frame.data
            # The frames come about in the order of the rows.
            while start < self._count:
                group = range(start, min(start + _GROUP, self._count))
                keys = [(camera, row) for camera in self.shapes for row in group]
                if len(waiting) < len(keys) or not all(key in waiting for key in keys):
                    break
                images: dict[str, list[dict[str, Any]]] = {camera: [] for camera in self.shapes}
                for camera, row in keys:
                    data = waiting.pop((camera, row))
                    images[camera].append({"bytes": bytes(data), "path": None})
                yield slice(group.start, group.stop), images
                start = group.stop

    def _found(self) -> Iterator[tuple[Frame, int]]:
        for frame in self._frames():
            place = self._places.get((frame.episode, frame.step))
            if place is not None:
                yield frame, place


def _write_rows(table: Any, images: _Images, path: Path) -> None:
    arrow, parquet = needed("pyarrow", "lerobot"), needed("pyarrow.parquet", "lerobot")
    kind = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    schema = table.schema
    for camera in images.shapes:
        schema = schema.append(arrow.field(f"{_IMAGES}{camera}", kind))
    with parquet.ParquetWriter(path, schema) as writer:
        for rows, of_cameras in images.groups():
            part = table.slice(rows.start, rows.stop - rows.start)
            for camera, encoded in of_cameras.items():
                part = part.append_column(f"{_IMAGES}{camera}", arrow.array(encoded, kind))
            writer.write_table(part)


def _feature(values: np.ndarray) -> dict[str, Any]:
    size = values.shape[1] if values.ndim > 1 else 1
    return {"dtype": values.dtype.name, "shape": [size], "names": None}


def _column(arrow: Any, values: np.ndarray) -> Any:
    if values.ndim == 1:
        return arrow.array(values)
    if values.shape[1] == 1:
        return arrow.array(values[:, 0])
    return arrow.FixedSizeListArray.from_arrays(arrow.array(values.ravel()), values.shape[1])


def _described(task: str, lengths: list[int], columns: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each episode."""
    found, start = [], 0
    for number, length in enumerate(lengths):
        stop = start + length
        row: dict[str, Any] = {
            "episode_index": number,
            "tasks": [task],
            "length": length,
            "data/chunk_index": 0,
            "data/file_index": 0,
            "dataset_from_index": start,
            "dataset_to_index": stop,
            "meta/episodes/chunk_index": 0,
            "meta/episodes/file_index": 0,
        }
        for name, values in columns.items():
            row |= {f"stats/{name}/{k}": v for k, v in _stats(values[start:stop]).items()}
        found.append(row)
        start = stop
    return found


def _stats(values: np.ndarray) -> dict[str, list[float]]:
    table: FloatArray = values.reshape(len(values), -1).astype(np.float64)
    # A reward that is not known is no number.
    table = table[np.isfinite(table).all(axis=1)]
    count, table = len(table), table if len(table) else np.zeros((1, table.shape[1]))
    return {
        "min": table.min(axis=0).tolist(),
        "max": table.max(axis=0).tolist(),
        "mean": table.mean(axis=0).tolist(),
        "std": table.std(axis=0).tolist(),
        "count": [count],
    }


def _rate(period: float) -> float:
    """Return frames per second, whole where they are: LeRobot's own are."""
    rate = 1.0 / period
    return round(rate) if abs(rate - round(rate)) < 1e-6 * rate else rate


def _names(feature: dict[str, Any], which: str, size: int) -> list[str]:
    """Return a feature's names, which may be grouped, or numbered ones."""
    names = feature.get("names")
    if isinstance(names, dict):
        names = [n for group in names.values() for n in (group if isinstance(group, list) else [])]
    if not isinstance(names, list) or len({*map(str, names)}) != size or len(names) != size:
        return [f"{which}_{i}" for i in range(size)]
    return [str(name) for name in names]


def _limits(action: FloatArray) -> tuple[list[float], list[float]]:
    """Return the range of the actions seen: the format has no limits."""
    low, high = action.min(axis=0), action.max(axis=0)
    same = low == high
    return (low - same).tolist(), (high + same).tolist()


def _write_json(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=4, ensure_ascii=False, allow_nan=False)
    path.write_text(text, encoding="utf-8")
