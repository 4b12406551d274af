"""The parameters of the run that a bag is of, for commands that take bags."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mbrl_ros.core.settings import SettingsError
from mbrl_ros.system.configuration import Configuration, read_task
from mbrl_ros.system.launching import CONFIGURATION


def configuration_of(bag: Path, task: str | None, overrides: Mapping[str, Any]) -> Configuration:
    """Return a task's configuration, or that in or beside a bag.

    Args:
        bag: a folder or file.
        task: as for `read_task`; None: the bag's own.
        overrides: as for `read_task`.

    Raises:
        SettingsError: if there is no such bag, or none of the two.
    """
    if not bag.exists():
        raise SettingsError(f"{bag}: no such file or folder")
    if task is not None:
        return read_task(task, overrides)
    beside = bag.absolute().parent / CONFIGURATION
    return read_task(str(beside), overrides) if beside.is_file() else _attached(bag, overrides)


def _attached(bag: Path, overrides: Mapping[str, Any]) -> Configuration:
    """Return the configuration that the recorder attached to a bag."""
    from mbrl_ros.system.bag_task import attached_configuration

    text = attached_configuration(bag)
    if text is None:
        hint = f"; did you mean {bag / 'bag'}?" if (bag / "bag").exists() else ""
        raise SettingsError(
            f"{bag}: expected --task, or a {CONFIGURATION} in or beside the bag{hint}"
        )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / CONFIGURATION
        file.write_text(text, encoding="utf-8")
        return read_task(str(file), overrides)
