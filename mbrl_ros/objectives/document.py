"""Parsing of an objective's YAML from untrusted sources."""

from __future__ import annotations

from typing import Any

from mbrl_ros.core.rcl_yaml import read_yaml
from mbrl_ros.core.settings import flatten
from mbrl_ros.objectives.parsing import VARIANTS

#: Longest text accepted [characters].
LONGEST = 65_536


def read_objective(text: str) -> dict[str, Any]:
    """Parse an objective's YAML.

    It may come from anyone on the network, so it cannot run code or expand beyond its own length.

    Args:
        text: as in a parameter file below ``objective:``.

    Returns:
        flat parameters.

    Raises:
        ValueError: naming the problem.
    """
    if len(text) > LONGEST:
        raise ValueError(f"yaml: expected at most {LONGEST} characters, got {len(text)}")
    try:
        tree = read_yaml(text, keep_words=True)
    except ValueError as error:
        raise ValueError(f"yaml: {error}") from None
    if not isinstance(tree, dict) or not tree:
        raise ValueError(f"yaml: expected an objective's parameters, got {text[:40]!r}")
    values = flatten(tree)
    for name, value in values.items():
        if name.startswith(VARIANTS):
            raise ValueError(f"yaml: '{name}': an objective has no variants of its own")
        if name.endswith(".type") and ":" in str(value):
            raise ValueError(
                f"yaml: '{name}': a user-defined function ({value}) is accepted from the parameter "
                f"file only, not from the network"
            )
    return values
