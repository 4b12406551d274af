"""User-defined code, named in a parameter as ``module:attribute`` or ``file.py:attribute``."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
import sysconfig
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from mbrl_ros.core.pending import calling

# What a file is called in `sys.modules`, before its path, where its own name is taken.
_OF_FILES = "mbrl_ros extension "
# Where a traceback's frames are not the user's own.
_NOT_THEIRS = (
    str(Path(__file__).resolve().parents[1]),
    *(sysconfig.get_path(kind) for kind in ("stdlib", "purelib", "platlib")),
    str(Path(sys.modules["os"].__file__ or "").parent),
)
_INSTALLED = {"site-packages", "dist-packages"}


class ExtensionError(ValueError):
    """A user's own code failed, or answered what it must not; the message is one line."""


_files: dict[Path, ModuleType] = {}
# Folders of user files, newest first; they are the last on `sys.path`.
_folders: list[str] = []


def load(reference: str, parameter: str) -> Any:
    """Import a reference; without an attribute, the module.

    Modules beside a file are found by it, after all that is installed.

    Args:
        reference: such as ``my_package.my_module:MyPlanner`` or ``/home/me/tasks.py:Reach``.
        parameter: its name in error messages.

    Raises:
        ValueError: one line, if it cannot be imported.
    """
    where, _, attribute = reference.partition(":")
    try:
        with calling(f"{parameter} '{reference}': its import"):
            is_file = where.endswith(".py")
            found = _load_file(Path(where)) if is_file else importlib.import_module(where)
        for name in attribute.split(".") if attribute else ():
            found = getattr(found, name)
    except (Exception, SystemExit) as error:
        raise ValueError(f"{parameter} '{reference}': {describe(error)}") from error
    return found


def anchored(reference: str, folders: Sequence[Path]) -> str:
    """Return a reference with what lies in one of some folders as an absolute path.

    Args:
        reference: as for `load`, or a file; any other text stays as it is.
        folders: the first that has it counts. What can be imported anyway stays as it is.
    """
    where, colon, attribute = reference.partition(":")
    if where.endswith((".xml", ".urdf", ".py")):
        relative = where
    elif colon and all(map(str.isidentifier, where.split("."))) and not _installed(where):
        relative = f"{where.replace('.', '/')}.py"
    else:
        return reference
    for folder in folders:
        file = folder.absolute() / relative
        if file.is_file():
            return f"{file}{colon}{attribute}"
    return reference


def describe(error: BaseException) -> str:
    """Return an exception in one line, with the place in the user's file that it comes from."""
    text = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    place = place_of(error)
    return f"{text} ({place})" if place else text


def place_of(error: BaseException) -> str:
    """Return the place in a user's own file that an exception comes from; empty if from none."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        name = frame.filename
        if not name.startswith(("<", *_NOT_THEIRS)) and not _INSTALLED & set(Path(name).parts):
            return f"{name}:{frame.lineno}"
    return ""


def _installed(module: str) -> bool:
    top = module.partition(".")[0]
    if top in sys.modules:
        return _folder_of(top) not in _folders
    with _without_folders():
        return importlib.util.find_spec(top) is not None


def _load_file(path: Path) -> ModuleType:
    """Import a file once, as Python does with any module; it is not read again when it changes."""
    path = path.expanduser().resolve()
    if path in _files:
        return _files[path]
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    folder, name = path.parent, path.stem
    while (folder / "__init__.py").is_file():
        folder, name = folder.parent, f"{folder.name}.{name}"
    with _beside(str(folder)):
        module = _import(path, name)
    return _files.setdefault(path, module)


def _import(path: Path, name: str) -> ModuleType:
    """Import a file by its own name, unless something installed has that."""
    if not _installed(name):
        with contextlib.suppress(ModuleNotFoundError):
            spec = importlib.util.find_spec(name)
            if spec is not None and spec.origin and Path(spec.origin).resolve() == path:
                return importlib.import_module(name)
    # Pickle and typing look it up in `sys.modules`, where a dot would separate packages.
    name = f"{_OF_FILES}{path.with_suffix('')}".replace(".", "_")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None  # its name ends with .py
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Before it runs: dataclasses look up the module that they are defined in.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextlib.contextmanager
def _beside(folder: str) -> Iterator[None]:
    """Let modules be found in a folder, rather than those of the same name beside other files."""
    if folder in _folders or folder not in sys.path:
        with _without_folders():
            _folders[:] = [folder, *(other for other in _folders if other != folder)]
    elsewhere = set(_folders) - {folder}
    others = {
        name: module
        for name, module in list(sys.modules.items())
        if _folder_of(name) in elsewhere and _is_in(folder, name.partition(".")[0])
    }
    for name in others:
        del sys.modules[name]
    # Files may have been written a moment ago.
    importlib.invalidate_caches()
    try:
        yield
    finally:
        for name, module in others.items():
            sys.modules.setdefault(name, module)


@contextlib.contextmanager
def _without_folders() -> Iterator[None]:
    """Take the folders of user files off `sys.path`, and put them back at its end."""
    sys.path[:] = [place for place in sys.path if place not in _folders]
    try:
        yield
    finally:
        sys.path += _folders


def _folder_of(module: str) -> str | None:
    """Return the folder in which an imported module was found; None where it has no such file."""
    # There are thousands of them: a `Path` of each would take a second.
    file = str(getattr(sys.modules[module], "__file__", None))
    relative = module.replace(".", os.sep)
    for ending in (".py", f"{os.sep}__init__.py"):
        if file.endswith(os.sep + relative + ending):
            return file[: -len(os.sep + relative + ending)] or os.sep
    return None


def _is_in(folder: str, module: str) -> bool:
    """Return whether a folder has a module, as a file or as a package."""
    return any(Path(folder, f"{module}{ending}").exists() for ending in (".py", "/__init__.py"))
