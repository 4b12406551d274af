"""A user's own code, named in a parameter as ``module:attribute`` or ``file.py:attribute``."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any


def load(reference: str, parameter: str) -> Any:
    """Import what a reference names; without an attribute, the module itself.

    Args:
        reference: such as ``my_package.my_module:MyPlanner`` or ``/home/me/tasks.py:Reach``.
        parameter: how an error message calls it.

    Raises:
        ValueError: in one line, if it cannot be imported.
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
    path = path.expanduser()
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
