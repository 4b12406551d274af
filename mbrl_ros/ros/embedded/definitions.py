"""Definitions of messages and services: ours from files, the standard ones from rosbags.

rosbags parses the files and computes the type hashes, so that transport, bags and
hashes come from one definition.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rosbags.interfaces import Nodetype
from rosbags.interfaces.typing import Constdefs, Fielddefs, FieldDesc
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from mbrl_ros.core.resources import resource_directory
from mbrl_ros.ros.embedded.service_definitions import SERVICES

_PACKAGE = "mbrl_ros"
#: rosidl's placeholder for "no fields": a DDS structure cannot be empty.
EMPTY_MEMBER = "structure_needs_at_least_one_member"
_NO_FIELDS: Fielddefs = [(EMPTY_MEMBER, (Nodetype.BASE, ("uint8", 0)))]


@dataclass(frozen=True)
class FieldType:
    """Type of one field: ``base``, ``base[size]`` or ``base[]``."""

    base: str  # a primitive such as float64, or the full name of a message
    is_message: bool
    shape: str = "single"  # single, array or sequence
    size: int = 0  # of an array; bound of a sequence, 0 for none
    string_bound: int = 0  # 0 for none

    def __str__(self) -> str:
        base = {"float64": "double", "float32": "float", "bool": "boolean", "byte": "octet"}.get(
            self.base, self.base.replace("/msg/", "/")
        )
        if self.string_bound:
            base = f"string<{self.string_bound}>"
        if self.shape == "array":
            return f"{base}[{self.size}]"
        if self.shape == "sequence":
            return f"sequence<{base}, {self.size}>" if self.size else f"sequence<{base}>"
        return base


@dataclass(frozen=True)
class Definition:
    """Fields and constants of one message."""

    name: str
    fields: dict[str, FieldType]
    constants: dict[str, int | float | bool | str | bytes]


def _field_type(desc: FieldDesc) -> FieldType:
    if desc[0] == Nodetype.NAME:
        return FieldType(str(desc[1]), True)
    if desc[0] == Nodetype.BASE:
        base, bound = desc[1]
        return FieldType(str(base), False, string_bound=int(bound))
    element, size = desc[1]
    inner = _field_type(element)
    shape = "array" if desc[0] == Nodetype.ARRAY else "sequence"
    return FieldType(inner.base, inner.is_message, shape, int(size), inner.string_bound)


def _parse(text: str, package: str) -> tuple[Constdefs, Fielddefs]:
    # Relative names must resolve to messages inside services too: hence /msg/ for both.
    ((_, (constants, fields)),) = get_types_from_msg(text, f"{package}/msg/X").items()
    return constants, fields or _NO_FIELDS


@cache
def _own_texts() -> dict[str, str]:
    """Texts of this package's files by full name; services as two messages."""
    texts = {}
    for path in sorted(resource_directory("msg").glob("*.msg")):
        texts[f"{_PACKAGE}/msg/{path.stem}"] = path.read_text(encoding="utf-8")
    for path in sorted(resource_directory("srv").glob("*.srv")):
        texts.update(_halves(f"{_PACKAGE}/srv/{path.stem}", path.read_text(encoding="utf-8")))
    return texts


def _halves(name: str, text: str) -> dict[str, str]:
    request, _, response = (text if text.startswith("---") else f"\n{text}").partition("\n---")
    if text.startswith("---"):
        request, response = "", text[3:]
    return {f"{name}_Request": request.strip("\n"), f"{name}_Response": response.strip("\n")}


@cache
def store() -> Typestore:
    """Return rosbags' type store with the standard types and ours."""
    types = get_typestore(Stores.ROS2_JAZZY)
    texts = dict(_own_texts())
    for name, text in SERVICES.items():
        texts.update(_halves(name, text))
    for name, text in texts.items():
        types.fielddefs[name] = _parse(text, name.split("/")[0])
    return types


@cache
def definition_of(name: str) -> Definition:
    """Return fields and constants of a message, or of one half of a service.

    Raises:
        LookupError: if the name is unknown.
    """
    try:
        constants, fields = store().fielddefs[name]
    except KeyError:
        raise LookupError(f"unknown interface '{name}'") from None
    return Definition(
        name,
        {field: _field_type(desc) for field, desc in fields},
        # As rosidl generates them, and as fields of this type expect them.
        {c: bytes([int(value)]) if kind == "byte" else value for c, kind, value in constants},
    )


def message_names() -> list[str]:
    """Return the full names of all known messages."""
    return sorted(name for name in store().fielddefs if "/msg/" in name)


def service_names() -> list[str]:
    """Return the full names of all known services."""
    return sorted(
        name.removesuffix("_Request") for name in store().fielddefs if name.endswith("_Request")
    )


@cache
def hash_of(name: str) -> str:
    """Return the RIHS01 hash of a message, or of one half of a service."""
    definition_of(name)
    return store().hash_rihs01(name)


def text_of(name: str) -> str:
    """Return the text of one definition; ours as written, comments included."""
    definition_of(name)
    text = _own_texts().get(name)
    return text if text is not None else store().gendefhash(name, {}, 2)[0]


def source_path(name: str) -> Path | None:
    """Return the file of one of this package's interfaces, None for the standard ones."""
    package, kind, stem = name.split("/")
    if package != _PACKAGE:
        return None
    path = resource_directory(kind) / f"{stem}.{kind}"
    return path if path.is_file() else None
