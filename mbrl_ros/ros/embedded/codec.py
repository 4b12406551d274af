"""CDR (XCDR1, little-endian) of messages, with code generated for each type.

rosbags has a codec too; this one exists because it fills rosidl's field types
(array.array, lists) directly and packs runs of numbers with one call.
"""

import array
import struct
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from mbrl_ros.ros.embedded.definitions import Definition, FieldType, definition_of
from mbrl_ros.ros.embedded.fields import NUMERIC, PRIMITIVES
from mbrl_ros.ros.embedded.messages import Message, message_class

#: Encapsulation header: plain CDR, little endian, no options.
HEADER = b"\x00\x01\x00\x00"

Writer = Callable[[bytearray, Any], None]
Reader = Callable[[memoryview, int], tuple[Any, int]]


class _Source:
    """Python source under construction, with what is known about the position.

    Counted from the end of the encapsulation header, the position is ``residue`` modulo
    ``modulus``, so that padding is computed at run time only after strings and sequences.
    """

    def __init__(self, modulus: int) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {}
        self.modulus = modulus
        self.residue = 0
        self._format = ""
        self._values: list[str] = []
        self._counter = 0

    def name(self, value: Any, stem: str = "k") -> str:
        """Make a value available to the source and return its name there."""
        self._counter += 1
        name = f"{stem}{self._counter}"
        self.names[name] = value
        return name

    def line(self, text: str, indent: int = 1) -> None:
        self.lines.append("    " * indent + text)

    def number(self, base: str, value: str) -> None:
        """Append a number to the current run; ``value`` is an expression or a target."""
        code, size = PRIMITIVES[base]
        if self.modulus % size:
            self.flush()
            self.align(size)
        padding = -self.residue % size
        self._format += "x" * padding + code
        self._values.append(value)
        self.residue = (self.residue + padding + size) % self.modulus

    def skip_to(self, size: int) -> None:
        """Align to ``size`` and end the current run."""
        if self.modulus % size:
            self.flush()
            self.align(size)
            return
        padding = -self.residue % size
        self._format += "x" * padding
        self.residue = (self.residue + padding) % self.modulus
        self.flush()

    def forget(self, modulus: int = 1) -> None:
        """Note that the position is known only modulo ``modulus``."""
        self.modulus, self.residue = modulus, 0

    def flush(self) -> None:
        if self._format:
            self.emit(struct.Struct("<" + self._format), self._values)
            self._format, self._values = "", []

    def emit(self, run: struct.Struct, values: list[str]) -> None:
        raise NotImplementedError

    def align(self, size: int) -> None:
        raise NotImplementedError

    def compile(self, head: str) -> Any:
        self.flush()
        exec("\n".join([head, *self.lines, "    return result"]), self.names)
        return self.names["code"]


class _WriterSource(_Source):
    def emit(self, run: struct.Struct, values: list[str]) -> None:
        self.line(f"b += {self.name(run.pack)}({', '.join(values)})")

    def align(self, size: int) -> None:
        # b includes the four bytes of the encapsulation header.
        self.line(f"b += bytes((4 - len(b)) & {size - 1})")
        self.forget(size)

    def field(self, kind: FieldType, value: str) -> None:
        if kind.is_message and kind.shape == "single":
            for name, inner in definition_of(kind.base).fields.items():
                self.field(inner, f"{value}.{name}")
        elif kind.shape == "single":
            self._element(kind, value)
        elif kind.base in NUMERIC:
            size = PRIMITIVES[kind.base][1]
            self.line(f"v = {value}")
            if kind.shape == "sequence":
                self.number("uint32", "len(v)")
                self.flush()
                self.line("if v:")
                self.line(f"b += bytes((4 - len(b)) & {size - 1})", 2)
                self.line("b += v.tobytes()", 2)
                # An empty sequence is not padded, so little is known after it.
                self.forget(min(size, 4))
            else:
                self.skip_to(size)
                self.line("b += v.tobytes()")
                self.residue = (self.residue + size * kind.size) % self.modulus
        else:
            self._elements(kind, value)

    def _elements(self, kind: FieldType, value: str) -> None:
        self.line(f"v = {value}")
        if kind.shape == "sequence":
            self.number("uint32", "len(v)")
        else:
            self.line(f"assert len(v) == {kind.size}")
        self.flush()
        if kind.base == "bool":
            self.line("b += bytes(map(bool, v))")
        elif kind.base == "byte":
            self.line("b += b''.join(v)")
        elif kind.base == "string":
            self.line("for s in v:")
            self.line("s = s.encode()", 2)
            self.line("b += bytes(-len(b) & 3)", 2)
            self.line(f"b += {self.name(struct.Struct('<I').pack)}(len(s) + 1)", 2)
            self.line("b += s", 2)
            self.line("b.append(0)", 2)
        else:
            writer = self.name(_writer(kind.base))
            self.line("for item in v:")
            self.line(f"{writer}(b, item)", 2)
        self.forget()

    def _element(self, kind: FieldType, value: str) -> None:
        if kind.base == "string":
            self.line(f"s = {value}.encode()")
            self.number("uint32", "len(s) + 1")
            self.flush()
            self.line("b += s")
            self.line("b.append(0)")
            self.forget()
        elif kind.base == "byte":
            self.number("uint8", f"{value}[0]")
        else:
            self.number(kind.base, value)


class _ReaderSource(_Source):
    """Reads from the memoryview ``d`` at ``p``, counted from the end of the header."""

    def emit(self, run: struct.Struct, values: list[str]) -> None:
        call = f"{self.name(run.unpack_from)}(d, p)"
        self.line(f"{', '.join(values)}, = {call}" if values else call)
        self.line(f"p += {run.size}")

    def align(self, size: int) -> None:
        self.line(f"p = (p + {size - 1}) & -{size}")
        self.forget(size)

    def variable(self) -> str:
        self._counter += 1
        return f"x{self._counter}"

    def message(self, definition: Definition) -> str:
        """Append code that reads a message; returns its variable."""
        variables = {
            name: self.field(kind, definition.name) for name, kind in definition.fields.items()
        }
        self.flush()
        made = message_class(definition.name)
        result = self.variable()
        self.line(f"{result} = {self.name(made.__new__)}({self.name(made, 'C')})")
        for name, variable in variables.items():
            setter = self.name(made.__dict__[name].__set__)
            self.line(f"{setter}({result}, {variable})")
        return result

    def field(self, kind: FieldType, where: str) -> str:
        if kind.is_message and kind.shape == "single":
            return self.message(definition_of(kind.base))
        target = self.variable()
        if kind.shape == "single":
            self._element(kind, target)
        elif kind.base in NUMERIC:
            self._numbers(kind, target)
        else:
            self._elements(kind, target)
        return target

    def _count(self, kind: FieldType, element_size: int) -> str:
        if kind.shape == "array":
            return str(kind.size)
        count = self.variable()
        self.number("uint32", count)
        self.flush()
        # A corrupt count must not cause a huge allocation.
        self.line(
            f"if {count} * {element_size} > len(d) - p: raise ValueError('sequence too long')"
        )
        return count

    def _numbers(self, kind: FieldType, target: str) -> None:
        code, size = PRIMITIVES[kind.base]
        count = self._count(kind, size)
        if kind.shape == "array":
            self.skip_to(size)
            self.line(f"e = p + {size * kind.size}")
            self.line("if e > len(d): raise ValueError('too short')")
            self.line(f"{target} = {self.name(np.frombuffer)}(d[p:e], '<{code}').copy()")
            self.line("p = e")
            self.residue = (self.residue + size * kind.size) % self.modulus
            return
        self.line(f"{target} = {self.name(array.array)}({code!r})")
        self.line(f"if {count}:")
        self.line(f"p = (p + {size - 1}) & -{size}", 2)
        self.line(f"e = p + {count} * {size}", 2)
        self.line("if e > len(d): raise ValueError('too short')", 2)
        self.line(f"{target}.frombytes(d[p:e])", 2)
        self.line("p = e", 2)
        self.forget(min(size, 4))

    def _elements(self, kind: FieldType, target: str) -> None:
        count = self._count(kind, 1)
        self.flush()
        if kind.base in ("bool", "byte"):
            self.line(f"e = p + {count}")
            self.line("if e > len(d): raise ValueError('too short')")
            each = "x != 0" if kind.base == "bool" else "bytes((x,))"
            self.line(f"{target} = [{each} for x in d[p:e]]")
            self.line("p = e")
        else:
            self.line(f"{target} = []")
            reader = self.name(_read_string if kind.base == "string" else _reader(kind.base))
            self.line(f"for _ in range({count}):")
            self.line(f"item, p = {reader}(d, p)", 2)
            self.line(f"{target}.append(item)", 2)
        self.forget()

    def _element(self, kind: FieldType, target: str) -> None:
        if kind.base == "string":
            self.flush()
            self.line(f"{target}, p = {self.name(_read_string)}(d, p)")
            self.forget()
        elif kind.base == "byte":
            self.number("uint8", target)
            self.flush()
            self.line(f"{target} = bytes(({target},))")
        else:
            self.number(kind.base, target)


def _read_string(data: memoryview, position: int) -> tuple[str, int]:
    position = (position + 3) & -4
    (size,) = struct.unpack_from("<I", data, position)
    position += 4
    end = position + size
    if size == 0 or end > len(data) or data[end - 1]:
        raise ValueError("bad string")
    return str(data[position : end - 1], "utf-8"), end


@cache
def _writer(name: str) -> Writer:
    """Return the function that appends a message at any position."""
    source = _WriterSource(1)
    for field, kind in definition_of(name).fields.items():
        source.field(kind, f"m.{field}")
    source.line("result = None")
    code: Writer = source.compile("def code(b, m):")
    return code


@cache
def _reader(name: str) -> Reader:
    """Return the function that reads a message at any position."""
    source = _ReaderSource(1)
    result = source.message(definition_of(name))
    source.line(f"result = {result}, p")
    code: Reader = source.compile("def code(d, p):")
    return code


@cache
def _top_level(name: str) -> tuple[Writer, Reader]:
    """Return the functions for a message directly after the header."""
    writer = _WriterSource(8)
    for field, kind in definition_of(name).fields.items():
        writer.field(kind, f"m.{field}")
    writer.flush()
    writer.line("result = None")
    reader = _ReaderSource(8)
    result = reader.message(definition_of(name))
    reader.line(f"result = {result}, p")
    return writer.compile("def code(b, m):"), reader.compile("def code(d, p):")


def serialize(message: Message) -> bytes:
    """Return the CDR of a message, header included, padded to a multiple of four bytes.

    Raises:
        TypeError: or ValueError, naming the field with an invalid value.
    """
    buffer = bytearray(HEADER)
    try:
        _top_level(message._TYPE)[0](buffer, message)
    except (TypeError, ValueError, AttributeError, AssertionError, struct.error) as error:
        message.verify(message)  # says which field
        raise TypeError(f"{message._TYPE}: {error}") from error
    buffer += bytes(-len(buffer) & 3)
    return bytes(buffer)


def deserialize(data: bytes | memoryview, name: str) -> Any:
    """Return the message in a CDR buffer.

    Args:
        data: CDR with header.
        name: full name of the message.

    Raises:
        ValueError: if the data is not such a message.
    """
    view = memoryview(data)
    if bytes(view[:2]) != HEADER[:2]:
        raise ValueError(f"{name}: not little-endian CDR")
    try:
        message, position = _top_level(name)[1](view[4:], 0)
    except (ValueError, struct.error) as error:
        raise ValueError(f"{name}: {error}") from None
    if len(view) - 4 - position > 3:
        raise ValueError(f"{name}: {len(view) - 4 - position} bytes too many")
    return message
