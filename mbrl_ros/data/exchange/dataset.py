"""What is exchanged: the transitions of a task, with its frames."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType

from mbrl_ros.core.records import Frame
from mbrl_ros.core.settings import SettingsError
from mbrl_ros.data.transitions import Transitions


@dataclass(frozen=True)
class Dataset:
    """Recorded episodes.

    Attributes:
        task: name of the task.
        period: between two steps [s].
        log: transitions; unbroken stretches of them are episodes.
        frames: reads those of cameras, in recorded order, each time it is called.
    """

    task: str
    period: float
    log: Transitions
    frames: Callable[[], Iterable[Frame]] = tuple


def needed(module: str, extra: str) -> ModuleType:
    """Return a module that only this needs.

    Raises:
        SettingsError: saying how to install it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise SettingsError(
            f"--format {extra}: needs the package {module.partition('.')[0]}: "
            f"pip install 'mbrl_ros[{extra}]' ({error})"
        ) from None
