"""YAML as rcl's parameter parser reads it, so that launcher and nodes read the same.

It differs from YAML 1.1 in plain scalars: ``y`` and ``n`` are booleans, ``012`` is octal, ``1e3``,
``inf`` and ``nan`` are numbers, while dates, ``12:30:00``, ``~`` and ``null`` are text. A section
that appears twice counts as one; of a name that appears twice, the last counts.

A dimension may well be called ``y``. Where types are known, such words are therefore kept as text
(`read_yaml`'s ``keep_words``) until a setting that is true or false takes them, and written quoted.
"""

from __future__ import annotations

import contextlib
import math
import re
from typing import Any

import yaml

_SPELLINGS = {True: "y Y yes Yes YES true True TRUE on On ON",
          False: "n N no No NO false False FALSE off Off OFF"}  # fmt: skip
_BOOLEANS = {word: value for value, words in _SPELLINGS.items() for word in words.split()}
#: Words to what rcl takes them for where they are not quoted, besides true and false.
WORDS = {word: value for word, value in _BOOLEANS.items() if len(word) < 4}
_INTEGERS = {
    16: re.compile(r"[-+]?0[xX][0-9a-fA-F]+"),
    8: re.compile(r"[-+]?0[0-7]*"),
    10: re.compile(r"[-+]?[1-9][0-9]{0,18}"),
}
_HEXADECIMAL = re.compile(r"[-+]?0[xX][0-9a-fA-F]+(\.[0-9a-fA-F]*)?([pP][-+]?[0-9]+)?")
_DECIMAL = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?(?:(?i:inf|infinity|nan)|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)")
_PLAIN = "!plain"


def plain_value(text: str) -> bool | int | float | str | None:
    """Return what an unquoted scalar stands for; None if it is empty."""
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    for base, pattern in _INTEGERS.items():
        if pattern.fullmatch(text) and -(2**63) <= (whole := int(text, base)) < 2**63:
            return whole
    if _NOT_FINITE.fullmatch(text):
        return float(text.replace(".", ""))
    # As strtod reads them; what is too large stays text.
    with contextlib.suppress(OverflowError):
        if _HEXADECIMAL.fullmatch(text):
            return float.fromhex(text)
        if _DECIMAL.fullmatch(text) and math.isfinite(number := float(text)):
            return number
    return text or None


class _Loader(yaml.SafeLoader):
    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        if kind is yaml.ScalarNode and implicit[0]:
            return _PLAIN
        return super().resolve(kind, value, implicit)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            plain = isinstance(key_node, yaml.ScalarNode)
            key = key_node.value if plain else self.construct_object(key_node, deep=True)
            value = self.construct_object(value_node, deep=deep)
            found[key] = _merged(found[key], value) if key in found else value
        return found


def _merged(first: Any, second: Any) -> Any:
    if not isinstance(first, dict) or not isinstance(second, dict):
        return second
    return {**first, **{k: _merged(first[k], v) if k in first else v for k, v in second.items()}}


def _construct_map(loader: _Loader, node: Any) -> dict[Any, Any]:
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(_PLAIN, lambda _, node: plain_value(node.value))
_Loader.add_constructor("tag:yaml.org,2002:map", _construct_map)


class _WordLoader(_Loader):
    pass


_WordLoader.add_constructor(
    _PLAIN, lambda _, node: node.value if node.value in WORDS else plain_value(node.value)
)


class _Dumper(yaml.SafeDumper):
    pass


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if plain_value(text) == text else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _represent_text)


def read_yaml(text: str, keep_words: bool = False) -> Any:
    """Read YAML.

    Args:
        text: to read.
        keep_words: whether y, yes, on, n, no and off stay text; see `WORDS`.

    Raises:
        ValueError: one line, if it is not YAML.
    """
    try:
        # Both are SafeLoaders.
        return yaml.load(text, _WordLoader if keep_words else _Loader)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split())) from None


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
