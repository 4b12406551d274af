"""What actions do to the dimensions of an observation, as the limits say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mbrl_ros.core.limits import EFFORT, OTHER, POSITION, VELOCITY, LimitSettings, index
from mbrl_ros.core.spaces import Space


@dataclass
class Effects:
    """What actions do to dimensions: (action, dimension)."""

    targets: list[tuple[int, int]] = field(default_factory=list)
    rates: list[tuple[int, int]] = field(default_factory=list)
    pushes: list[tuple[int, int]] = field(default_factory=list)
    coasting: list[tuple[int, int]] = field(default_factory=list)


def effects_of(settings: LimitSettings, observation: Space, action: Space) -> Effects:
    """Return what actions do to dimensions.

    Raises:
        ValueError: naming the parameter that does not fit.
    """
    effects = Effects()
    kinds, moves = command_kinds(settings, action), moved(settings, observation, action)
    velocities = _named("limits.velocities", settings.velocities, observation, action)
    for i, (kind, dim, velocity) in enumerate(zip(kinds, moves, velocities, strict=True)):
        if kind == OTHER:
            continue
        if dim is None and velocity is None:
            raise ValueError(
                f"limits.moves: expected the observation dimension that '{action.names[i]}' moves, "
                f"since limits.command is {kind}"
            )
        if kind == POSITION and dim is not None:
            effects.targets.append((i, dim))
        if kind == VELOCITY:
            effects.rates += [(i, dim)] if dim is not None else []
            effects.targets += [(i, velocity)] if velocity is not None else []
        if kind == EFFORT:
            if velocity is None:
                raise ValueError(
                    f"limits.velocities: expected the velocity of what '{action.names[i]}' moves, "
                    "since limits.command is effort"
                )
            effects.pushes.append((i, velocity))
            effects.coasting += [(dim, velocity)] if dim is not None else []
    return effects


def command_kinds(settings: LimitSettings, action: Space) -> list[str]:
    """Return what each action is.

    Raises:
        ValueError: if there are too few or too many words.
    """
    words = settings.command or [OTHER]
    words = words * action.dim if len(words) == 1 else words
    if len(words) != action.dim:
        raise ValueError(
            f"limits.command: expected one word, or one for each of {', '.join(action.names)}, "
            f"got {len(words)}"
        )
    return words


def moved(settings: LimitSettings, observation: Space, action: Space) -> list[int | None]:
    """Return the dimension whose position each action moves.

    Raises:
        ValueError: if there are too few or too many, or one is unknown.
    """
    return _named("limits.moves", settings.moves, observation, action)


def _named(field: str, names: Sequence[str], observation: Space, action: Space) -> list[int | None]:
    if names and len(names) != action.dim:
        raise ValueError(
            f"{field}: expected one name for each of {', '.join(action.names)}, got {len(names)}"
        )
    return [index(observation, n, field) if n else None for n in names or [""] * action.dim]
