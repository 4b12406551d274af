"""User-defined code, named in a parameter as ``module:attribute`` or ``file.py:attribute``."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

# What modules that are files are called in `sys.modules`, before their path.
_OF_FILES = "mbrl_ros extension "


def load(reference: str, parameter: str) -> Any:
    """Import a reference; without an attribute, the module.

    Args:
        reference: such as ``my_package.my_module:MyPlanner`` or ``/home/me/tasks.py:Reach``.
        parameter: its name in error messages.

    Raises:
        ValueError: one line, if it cannot be imported.
    """
    where, _, attribute = reference.partition(":")
    try:
        found = _load_file(Path(where)) if where.endswith(".py") else importlib.import_module(where)
        for name in attribute.split(".") if attribute else ():
            found = getattr(found, name)
    except Exception as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{parameter} '{reference}': {type(error).__name__}: {reason}") from error
    return found


def _load_file(path: Path) -> Any:
    """Import a file once, as Python does with any module; it is not read again when it changes."""
    path = path.expanduser().resolve()
    name = f"{_OF_FILES}{path}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    module = importlib.util.module_from_spec(spec)
    # Before it runs: dataclasses look up the module that they are defined in.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
