"""Lines such as ``pole_cos = cos(joints.position[pole])``, alone or for many names at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from mbrl_ros.robot.formulas import Formula

_EQUALS = re.compile(r"(?<![<>=!])=(?!=)")
_WILD = re.compile(r"\w*\{\w+\}\w*")
_BRACES = re.compile(r"\{(\w+)\}")


def read_assignments(
    lines: Iterable[str],
    where: str,
    *,
    known: Sequence[str],
    targets: Sequence[str] | None = None,
    many: Sequence[str] = (),
) -> dict[str, Formula]:
    """Return formulas by what they are assigned to.

    A line with braces stands for many: ``{joint}_angle = joints.position[{joint}]`` for every
    target that ends in ``_angle``, and ``position[{joint}] = {joint}_target`` for every known name
    that ends in ``_target``.

    Args:
        lines: as written.
        where: the parameter, for messages.
        known: names that formulas may read.
        targets: what may be assigned to; None: anything.
        many: names that braces stand for; empty: the targets, or else the known names.

    Raises:
        ValueError: naming the line that is malformed, or what is assigned to twice.
    """
    found: dict[str, Formula] = {}
    for line in lines:
        try:
            for target, text in _expanded(
                *_split(line), many or targets or known, targets is not None
            ):
                if targets is not None and target not in targets:
                    raise ValueError(f"expected one of {', '.join(targets)} before '='")
                if target in found:
                    raise ValueError(f"'{target}' is assigned to already")
                found[target] = Formula(text, known)
        except ValueError as error:
            raise ValueError(f"{where}: '{line}': {error}") from None
    return found


def _split(line: str) -> tuple[str, str]:
    parts = _EQUALS.split(line)
    if len(parts) != 2 or not all(part.strip() for part in parts):
        raise ValueError("expected NAME = FORMULA")
    return parts[0].strip(), parts[1].strip()


def _expanded(
    target: str, text: str, names: Sequence[str], on_the_left: bool
) -> Iterator[tuple[str, str]]:
    braces = set(_BRACES.findall(f"{target} {text}"))
    if not braces:
        yield target, text
        return
    if len(braces) > 1:
        raise ValueError(f"expected one name in braces, got {', '.join(sorted(braces))}")
    (name,) = braces
    # The side that names dimensions says which there are.
    pattern = _WILD.search(target if on_the_left else text)
    if pattern is None:
        raise ValueError(f"expected {{{name}}} within a name on both sides")
    begin, end = pattern[0].split(f"{{{name}}}", 1)
    matching = [
        each[len(begin) : len(each) - len(end)]
        for each in names
        if each.startswith(begin) and each.endswith(end) and len(each) > len(begin) + len(end)
    ]
    if not matching:
        raise ValueError(f"'{pattern[0]}' is none of {', '.join(names)}")
    for each in matching:
        yield target.replace(f"{{{name}}}", each), text.replace(f"{{{name}}}", each)
