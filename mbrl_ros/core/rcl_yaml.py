"""YAML as rcl's parameter parser reads it, so that launcher and nodes read the same.

It differs from YAML 1.1 in scalars: ``y`` and ``n`` are booleans, ``012`` is octal, ``1e3``,
``inf`` and ``nan`` are numbers, while dates, ``12:30:00``, ``~`` and ``null`` are text. Quotes and
``!!str`` make text of anything, no other tag counts. There are no aliases, no lists within lists,
and names are text. A section that appears twice counts as one; of a name that appears twice, the
last counts.

A dimension may well be called ``y``. Where types are known, such words are therefore kept as text
(`read_yaml`'s ``keep_words``) until a setting that is true or false takes them, and written quoted.
"""

from __future__ import annotations

import contextlib
import math
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import yaml

_SPELLINGS = {True: "y Y yes Yes YES true True TRUE on On ON",
          False: "n N no No NO false False FALSE off Off OFF"}  # fmt: skip
_BOOLEANS = {word: value for value, words in _SPELLINGS.items() for word in words.split()}
#: Words to what rcl takes them for where they are not quoted, besides true and false.
WORDS = {word: value for word, value in _BOOLEANS.items() if len(word) < 4}
# Blanks may stand before a number in a block of text (``|``).
_SIGN = r"[ \t\n]*[-+]?"
_INTEGERS = {
    16: re.compile(_SIGN + r"0[xX][0-9a-fA-F]+"),
    8: re.compile(_SIGN + r"0[0-7]*"),
    10: re.compile(_SIGN + r"[1-9][0-9]{0,18}"),
}
_HEXADECIMAL = re.compile(
    _SIGN + r"0[xX]([0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)([pP][-+]?[0-9]+)?"
)
_DECIMAL = re.compile(_SIGN + r"([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
# As strtod reads them: what is too large, or so small that it loses digits, stays text.
_NUMBERS: tuple[tuple[re.Pattern[str], Callable[[str], float], float], ...] = (
    (_HEXADECIMAL, float.fromhex, math.ulp(0.0)),
    (_DECIMAL, float, sys.float_info.min),
)
_INFINITE = re.compile(_SIGN + r"(?i:inf|infinity)|[-+]?\.(?:inf|Inf|INF)", re.ASCII)
_NOT_A_NUMBER = re.compile(_SIGN + r"(?i:nan)(\(\w*\))?|\.(?:nan|NaN|NAN)", re.ASCII)
#: Most collections within each other: a reader's time may grow with the square of their number.
DEEPEST = 16
# libyaml, as in rcl, where PyYAML has it.
_Parser = getattr(yaml, "CLoader", yaml.Loader)


class Pairs(list[tuple[str, Any]]):
    """A mapping as it is written: names and values in order, some names perhaps twice."""


def plain_value(text: str) -> bool | int | float | str | None:
    """Return what an unquoted scalar stands for; None if it is empty."""
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    for base, pattern in _INTEGERS.items():
        if pattern.fullmatch(text) and -(2**63) <= (whole := int(text, base)) < 2**63:
            return whole
    if _INFINITE.fullmatch(text):
        return float(text.replace(".", ""))
    if _NOT_A_NUMBER.fullmatch(text):
        return math.nan
    for pattern, read, smallest in _NUMBERS:
        if found := pattern.fullmatch(text):
            with contextlib.suppress(OverflowError):
                number = read(text)
                is_zero = not found[1].strip("0.")
                if is_zero or smallest <= abs(number) < math.inf:
                    return number
    return text or None


def _documents(text: str, keep_words: bool) -> Iterator[Any]:
    events = yaml.parse(text, Loader=_Parser)
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            yield _read(next(events), events, keep_words, 0)


def _read(event: yaml.Event, events: Iterator[yaml.Event], keep_words: bool, depth: int) -> Any:
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event, keep_words)
    if isinstance(event, yaml.AliasEvent):
        raise _refusal(event, f"expected no aliases (*{event.anchor}), which ROS 2 does not read")
    if depth == DEEPEST:
        raise _refusal(event, f"expected at most {DEEPEST} collections within each other")
    if isinstance(event, yaml.SequenceStartEvent):
        items = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(_read(event, events, keep_words, depth + 1))
        if keep_words and any(isinstance(item, bool) for item in items):
            items = [WORDS.get(item, item) if isinstance(item, str) else item for item in items]
        return items
    pairs = Pairs()
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        if not isinstance(event, yaml.ScalarEvent) or not event.value:
            raise _refusal(event, "expected names that are text")
        name = _without_nul(event)
        pairs.append((name, _read(next(events), events, keep_words, depth + 1)))
    return pairs


def _scalar(event: yaml.ScalarEvent, keep_words: bool) -> Any:
    text = _without_nul(event)
    is_quoted = event.style in ("'", '"')
    if is_quoted or (event.tag == "tag:yaml.org,2002:str" and text):
        return text
    return text if keep_words and text in WORDS else plain_value(text)


def _without_nul(event: yaml.ScalarEvent) -> str:
    if "\0" in event.value:
        # rcl cuts the text there.
        raise _refusal(event, "expected no character 0 in text")
    return str(event.value)


def _refusal(event: yaml.Event, expected: str) -> ValueError:
    line = event.start_mark.line + 1 if event.start_mark else "?"
    return ValueError(f"line {line}: {expected}")


class _Dumper(yaml.SafeDumper):
    pass


def _represent_number(dumper: yaml.SafeDumper, number: float) -> yaml.ScalarNode:
    if 0 < abs(number) < sys.float_info.min:
        # Of the decimal numbers as small as this, rcl makes text.
        return dumper.represent_scalar("tag:yaml.org,2002:float", number.hex())
    return dumper.represent_float(number)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if plain_value(text) == text else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(float, _represent_number)
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", _HEXADECIMAL, ["-", "0"])


def read_documents(text: str, keep_words: bool = False) -> list[Any]:
    """Read YAML as it is written, with mappings as `Pairs`.

    Args:
        text: to read.
        keep_words: whether y, yes, on, n, no and off stay text; see `WORDS`.

    Raises:
        ValueError: one line, if it is not YAML, or not such that rcl reads it.
    """
    try:
        return list(_documents(text, keep_words))
    except (yaml.YAMLError, UnicodeError) as error:
        raise ValueError(f"not YAML: {' '.join(str(error).split())}") from None


def merged(tree: Any) -> Any:
    """Return a tree of `read_documents` with its mappings as dictionaries."""
    if isinstance(tree, list) and not isinstance(tree, Pairs):
        return [merged(item) for item in tree]
    if not isinstance(tree, Pairs):
        return tree
    found: dict[str, Any] = {}
    for name, value in tree:
        if isinstance(value, Pairs) and isinstance(found.get(name), Pairs):
            value = Pairs([*found[name], *value])
        found[name] = value
    return {name: merged(value) for name, value in found.items()}


def read_yaml(text: str, keep_words: bool = False) -> Any:
    """Read YAML; None if there is none in the text.

    Args:
        text: to read.
        keep_words: as for `read_documents`.

    Raises:
        ValueError: as `read_documents`.
    """
    documents = read_documents(text, keep_words)
    if len(documents) > 1:
        raise ValueError(f"expected one document, got {len(documents)}")
    return merged(documents[0]) if documents else None


def write_yaml(tree: Any, **options: Any) -> str:
    """Return YAML that `read_yaml` and rcl read back as the same values.

    Args:
        tree: mappings, lists, text, numbers and booleans.
        options: of ``yaml.dump``.
    """
    text: str = yaml.dump(tree, Dumper=_Dumper, **options)
    return text


def check_value(name: str, value: Any) -> Any:
    """Return a value that a parameter can hold.

    Raises:
        ValueError: if none can, such as a list of mixed types like [1, 2.5].
    """
    if isinstance(value, list):
        kinds = {type(item) for item in value}
        if len(kinds) > 1 or not kinds <= {bool, int, float, str}:
            hint = " (an integer is written 1, a number 1.0)" if kinds == {int, float} else ""
            raise ValueError(
                f"parameter '{name}': expected a list of one simple type, got {value!r}{hint}"
            )
    elif not isinstance(value, bool | int | float | str):
        raise ValueError(f"parameter '{name}': expected a value, got {value!r}")
    return value
