"""Defaults and checks of message fields, as strict as rosidl's Python messages."""

import array
from collections.abc import Callable
from typing import Any

import numpy as np

from mbrl_ros.ros.embedded.definitions import FieldType

#: Primitive types: (code of struct and array, size in bytes).
PRIMITIVES = {
    "bool": ("?", 1),
    "byte": ("B", 1),
    "char": ("B", 1),
    "int8": ("b", 1),
    "uint8": ("B", 1),
    "int16": ("h", 2),
    "uint16": ("H", 2),
    "int32": ("i", 4),
    "uint32": ("I", 4),
    "int64": ("q", 8),
    "uint64": ("Q", 8),
    "float32": ("f", 4),
    "float64": ("d", 8),
}
#: Those whose sequences are array.array and fixed arrays numpy.ndarray, as in rosidl.
NUMERIC = PRIMITIVES.keys() - {"bool", "byte"}

Check = Callable[[Any], Any]


def _scalar_check(kind: FieldType, message_class: type | None) -> Check:
    base, bound = kind.base, kind.string_bound
    is_byte = base == "byte"
    expected: Any
    limits: tuple[int, int] | None = None
    if message_class is not None:
        expected = message_class
    elif base == "string":
        expected = str
    elif base == "bool":
        expected = bool
    elif is_byte:
        expected = bytes
    elif base.startswith("float"):
        expected = float
    else:
        expected = int
        bits = 8 * PRIMITIVES[base][1]
        signed = base.startswith("int")
        limits = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)

    def check(value: Any) -> Any:
        if not isinstance(value, expected):
            raise TypeError(f"must be {expected.__name__}, not {type(value).__name__}")
        if limits is not None and not limits[0] <= value <= limits[1]:
            raise ValueError(f"must be in [{limits[0]}, {limits[1]}], not {value}")
        if bound and len(value) > bound:
            raise ValueError(f"must not be longer than {bound} characters")
        if is_byte and len(value) != 1:
            raise ValueError("must be bytes of length 1")
        return value

    return check


def _check_size(kind: FieldType, size: int) -> None:
    if kind.shape == "array" and size != kind.size:
        raise ValueError(f"must have length {kind.size}, not {size}")
    if kind.shape == "sequence" and kind.size and size > kind.size:
        raise ValueError(f"must have at most {kind.size} elements, not {size}")


def _numeric_check(kind: FieldType) -> Check:
    code, item_size = PRIMITIVES[kind.base]
    dtype = np.dtype(code)

    def to_array(value: Any) -> Any:
        if isinstance(value, array.array) and value.typecode == code:
            return value
        if isinstance(value, np.ndarray):
            if value.ndim != 1 or not np.can_cast(value.dtype, dtype, "same_kind"):
                raise TypeError(
                    f"must be a vector of {kind.base}, not {value.dtype} of shape {value.shape}"
                )
            result = array.array(code)
            result.frombytes(np.ascontiguousarray(value, dtype).tobytes())
            return result
        if isinstance(value, bytes | bytearray | memoryview):
            if item_size != 1:
                raise TypeError(f"must be a sequence of {kind.base}, not {type(value).__name__}")
            result = array.array(code)
            result.frombytes(value)
            return result
        if isinstance(value, str) or not hasattr(value, "__len__"):
            raise TypeError(f"must be a sequence of {kind.base}, not {type(value).__name__}")
        return array.array(code, value)

    def check_sequence(value: Any) -> Any:
        result = to_array(value)
        _check_size(kind, len(result))
        return result

    def check_array(value: Any) -> Any:
        return np.array(check_sequence(value), dtype)

    return check_array if kind.shape == "array" else check_sequence


def check_of(kind: FieldType, message_class: type | None) -> Check:
    """Return a function that checks a value, and converts it where rosidl does.

    Args:
        kind: type of the field.
        message_class: class of the elements, if they are messages.
    """
    if kind.shape == "single":
        return _scalar_check(kind, message_class)
    if kind.base in NUMERIC:
        return _numeric_check(kind)
    scalar = _scalar_check(kind, message_class)

    def check(value: Any) -> Any:
        if isinstance(value, str) or not hasattr(value, "__len__"):
            raise TypeError(f"must be a sequence of {kind.base}, not {type(value).__name__}")
        _check_size(kind, len(value))
        for item in value:
            scalar(item)
        return value if isinstance(value, list) else list(value)

    return check


def default_of(kind: FieldType, message_class: type | None) -> Callable[[], Any]:
    """Return a function that makes a field's default value."""
    scalars: dict[str, Any] = {
        "string": "",
        "bool": False,
        "byte": b"\0",
        "float32": 0.0,
        "float64": 0.0,
    }
    if kind.shape == "sequence":
        if kind.base in NUMERIC:
            code = PRIMITIVES[kind.base][0]
            return lambda: array.array(code)
        return list
    element: Callable[[], Any]
    if message_class is not None:
        element = message_class
    else:
        scalar = scalars.get(kind.base, 0)
        element = lambda: scalar  # noqa: E731
    if kind.shape == "single":
        return element
    if kind.base in NUMERIC:
        dtype = np.dtype(PRIMITIVES[kind.base][0])
        return lambda: np.zeros(kind.size, dtype)
    return lambda: [element() for _ in range(kind.size)]
