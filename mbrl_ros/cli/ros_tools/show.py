"""Messages as YAML, the way `ros2 topic echo` prints them."""

from __future__ import annotations

import array
from dataclasses import dataclass
from typing import Any

import numpy as np
import yaml

from mbrl_ros.cli.ros_tools.interfaces import FieldType, field_types
from mbrl_ros.core.yaml_text import DUMPER

_NEVER_WRAP = (1 << 31) - 1


@dataclass(frozen=True)
class Format:
    """How messages are printed.

    Attributes:
        limit: number of array elements and text characters to show; None for all.
        no_arrays: only say how long arrays are.
        no_texts: only say how long texts are.
        flow: collections on one line.
    """

    limit: int | None = 128
    no_arrays: bool = False
    no_texts: bool = False
    flow: bool = False

    def text(self, value: Any, kind: FieldType | None = None) -> str:
        """Return a message, or a field of a type, as YAML."""
        plain = self._plain(value, kind)
        if isinstance(plain, str):
            return f"{plain}\n"
        if not isinstance(plain, dict | list):
            return f"{plain}\n"
        # A bare list goes on one line, unless it contains messages.
        flow = self.flow or (isinstance(plain, list) and not (kind and kind.is_message))
        text: str = yaml.dump(
            plain,
            Dumper=DUMPER,
            allow_unicode=True,
            width=_NEVER_WRAP,
            sort_keys=False,
            default_flow_style=flow,
        )
        return text

    def _plain(self, value: Any, kind: FieldType | None = None) -> Any:
        if isinstance(value, bytes):
            value = value.decode("latin-1")
        elif isinstance(value, str) and self.no_texts:
            return f"<string length: <{len(value)}>>"
        if isinstance(value, str):
            return value if self._fits(value) else f"{value[: self.limit]}..."
        if isinstance(value, list | tuple | array.array | np.ndarray):
            if self.no_arrays and kind is not None:
                return _summary(value, kind)
            shown = value if self._fits(value) else value[: self.limit]
            if isinstance(shown, array.array | np.ndarray):
                items = shown.tolist()
            else:
                items = [self._plain(item) for item in shown]
            return items if self._fits(value) else [*items, "..."]
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, bool | int | float):
            return value
        return {
            name: self._plain(getattr(value, name), inner)
            for name, inner in field_types(value).items()
        }

    def _fits(self, value: Any) -> bool:
        return self.limit is None or len(value) <= self.limit


def _summary(value: Any, kind: FieldType) -> str:
    if kind.is_array:
        return f"<array type: {kind.element}[{kind.size}]>"
    bound = "" if kind.size is None else f"[{kind.size}]"
    return f"<sequence type: {kind.element}{bound}, length: {len(value)}>"
