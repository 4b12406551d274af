"""Message and service classes that behave like those rosidl generates."""

from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar

import numpy as np

from mbrl_ros.ros.embedded.definitions import EMPTY_MEMBER, definition_of, service_names
from mbrl_ros.ros.embedded.fields import Check, check_of, default_of

_assign = object.__setattr__


class Message:
    """Base of all message classes."""

    __slots__ = ()
    _TYPE: ClassVar[str]
    _FIELDS: ClassVar[dict[str, str]]
    _DEFAULTS: ClassVar[dict[str, Callable[[], Any]]]
    _CHECKS: ClassVar[dict[str, Check]]

    def __init__(self, **values: Any) -> None:
        name = ""
        try:
            for name, check in self._CHECKS.items():
                if name in values:
                    _assign(self, name, check(values.pop(name)))
                else:
                    _assign(self, name, self._DEFAULTS[name]())
        except (TypeError, ValueError, OverflowError) as error:
            raise self._refused(name, error) from None
        if values:
            raise TypeError(f"{self._TYPE} has no field {', '.join(sorted(values))}")

    def __setattr__(self, name: str, value: Any) -> None:
        check = self._CHECKS.get(name)
        if check is None:
            raise AttributeError(f"{self._TYPE} has no field '{name}'")
        try:
            _assign(self, name, check(value))
        except (TypeError, ValueError, OverflowError) as error:
            raise self._refused(name, error) from None

    def _refused(self, name: str, error: Exception) -> Exception:
        return type(error)(f"{self._TYPE}: field '{name}' {error}")

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={_plain(getattr(self, name))!r}" for name in self._FIELDS)
        package, kind, name = self._TYPE.split("/")
        return f"{package}.{kind}.{name}({fields})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return False
        for name in self._FIELDS:
            mine, theirs = getattr(self, name), getattr(other, name)
            if not (
                np.array_equal(mine, theirs) if isinstance(mine, np.ndarray) else mine == theirs
            ):
                return False
        return True

    __hash__ = None  # type: ignore[assignment]  # messages are mutable

    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]:
        """Return the type of each field, spelled as rosidl does."""
        return dict(cls._FIELDS)

    @classmethod
    def verify(cls, message: "Message") -> None:
        """Check every field again: lists can have been changed in place.

        Raises:
            TypeError: or ValueError, naming the field.
        """
        for name in cls._CHECKS:
            setattr(message, name, getattr(message, name))


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value


@cache
def message_class(name: str) -> Any:
    """Return the class of a message, or of one half of a service.

    Raises:
        LookupError: if the name is unknown.
    """
    definition = definition_of(name)
    package, kind, class_name = name.split("/")
    nested = {
        field: message_class(field_type.base) if field_type.is_message else None
        for field, field_type in definition.fields.items()
    }
    # The placeholder in an empty message is serialized, but hidden from users.
    shown = [field for field in definition.fields if field != EMPTY_MEMBER]
    namespace: dict[str, Any] = {
        "__slots__": tuple(definition.fields),
        "__module__": f"{package}.{kind}",
        "__doc__": f"{name}.",
        "_TYPE": name,
        "_FIELDS": {field: str(definition.fields[field]) for field in shown},
        "_DEFAULTS": {
            field: default_of(field_type, nested[field])
            for field, field_type in definition.fields.items()
        },
        "_CHECKS": {
            field: check_of(field_type, nested[field])
            for field, field_type in definition.fields.items()
        },
    }
    for constant, value in definition.constants.items():
        namespace[constant] = value
    return type(class_name, (Message,), namespace)


class Service:
    """Base of all service classes."""

    _TYPE: ClassVar[str]
    Request: ClassVar[type[Message]]
    Response: ClassVar[type[Message]]

    def __init__(self) -> None:
        raise NotImplementedError("service classes cannot be instantiated")


@cache
def service_class(name: str) -> type[Service]:
    """Return the class of a service.

    Raises:
        LookupError: if the name is unknown.
    """
    if name not in service_names():
        raise LookupError(f"unknown interface '{name}'")
    package, kind, class_name = name.split("/")
    return type(
        class_name,
        (Service,),
        {
            "__module__": f"{package}.{kind}",
            "__doc__": f"{name}.",
            "_TYPE": name,
            "Request": message_class(f"{name}_Request"),
            "Response": message_class(f"{name}_Response"),
        },
    )
