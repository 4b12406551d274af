"""Settings of what must never happen: one definition for guard, planner and exploration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mbrl_ros.core.kinematics import Kinematics, kinematics
from mbrl_ros.core.numbers import shown
from mbrl_ros.core.settings import setting
from mbrl_ros.core.spaces import Space

#: What an action can be: nothing that is known, or what it does to a dimension that it moves.
OTHER, POSITION, VELOCITY, EFFORT = COMMANDS = ("other", "position", "velocity", "effort")
#: What may be changed while a guard runs: the fields of ``msg/Limits``.
LIVE = ("low", "high", "margin", "forbidden", "rate", "jerk", "reach")


@dataclass(frozen=True)
class LimitSettings:
    """Limits of states and commands, beside the ranges of the actions."""

    model: str = setting(
        "",
        "MJCF or URDF file of the robot, for limits.points; the ranges of its joints are limits, "
        "too, except of dimensions in limits.of; empty: none",
    )
    joints: list[str] = setting(
        [],
        "which observation dimension is the position of which joint of the model, such as "
        "elbow_angle = elbow; empty: dimensions that are called as joints are",
    )
    points: list[str] = setting(
        [],
        "sites or bodies of the model that may stand in limits.of and limits.forbidden, as "
        "dimensions NAME_x, NAME_y and NAME_z [m, in the model's world]",
    )
    of: list[str] = setting(
        [], "observation dimensions, and those of limits.points, with limits, in any order"
    )
    low: list[float] = setting([], "lower limit of each of limits.of [its unit]; empty: none")
    high: list[float] = setting([], "upper limit of each of limits.of [its unit]; empty: none")
    margin: list[float] = setting(
        [0.0],
        "distance kept from the limits [the dimension's unit]; one number, or one per dimension",
        low=0.0,
    )
    forbidden: list[str] = setting(
        [],
        "states never to be entered: where one of these formulas of observation dimensions is "
        "above zero, such as 0.2 - sqrt(x**2 + y**2)",
    )
    command: list[str] = setting(
        [],
        "what each action is: position (a servo's target), velocity or effort of the dimension in "
        "limits.moves, or other; one word, or one per action",
        choices=COMMANDS,
    )
    moves: list[str] = setting(
        [], "the observation dimension whose position each action moves; empty text: none"
    )
    velocities: list[str] = setting(
        [],
        "the observation dimension that is the velocity of each of limits.moves; for an effort, "
        "and for a velocity that has limits itself",
    )
    approach: float = setting(
        0.5,
        "for a velocity: share of the distance left to a limit that may be covered in a period",
        low=1e-3,
        high=1.0,
    )
    foresight: float = setting(
        0.3,
        "for an effort, and where no action moves a dimension: time ahead for which the state, "
        "going on as it does, must stay within the limits [s]",
        low=0.0,
        high=10.0,
    )
    braking: float = setting(
        0.0,
        "for an effort: most of it towards a limit, per velocity that the foreseen state leaves "
        "[action unit / (rad/s or m/s)]; 0: any until it leaves none, then none",
        low=0.0,
    )
    rate: list[float] = setting(
        [],
        "most change of each action [its unit / s]; one number, or one per action; empty: any",
        low=0.0,
    )
    jerk: list[float] = setting(
        [],
        "most change of that change [action unit / s^2]; one number, or one per action; empty: any",
        low=0.0,
    )
    reach: list[float] = setting(
        [],
        "for a position: most distance of the target from where the dimension is [its unit]; one "
        "number, or one per action; empty: any",
        low=0.0,
    )

    def bound_states(self, observation: Space) -> bool:
        """Return whether any states are not allowed; arguments as for `ranges`."""
        ends = (end for _, _, *pair in self.ranges(observation) for end in pair)
        return bool(self.forbidden) or any(math.isfinite(end) for end in ends)

    def wider_than(self, other: LimitSettings, observation: Space, actions: Sequence[str]) -> str:
        """Return by which parameter these allow what other limits of the same names do not.

        Args:
            other: differs in `LIVE` at most.
            observation: its dimensions.
            actions: names.

        Returns:
            and of which dimension or action; empty: they allow nothing more.

        Raises:
            ValueError: naming the parameter that does not fit.
        """
        ranges = {name: ends for name, _, *ends in self.ranges(observation)}
        for name, _, least, most in other.ranges(observation):
            if not (ranges[name][0] >= least and ranges[name][1] <= most):
                return f"limits.low, limits.high or limits.margin of {name}"
        for text in other.forbidden:
            if text not in self.forbidden:
                return f"limits.forbidden without '{text}'"
        for field in ("rate", "jerk", "reach"):
            now, then = (
                per_name(f"limits.{field}", getattr(each, field), actions, math.inf)
                for each in (self, other)
            )
            for name, value, before in zip(actions, now, then, strict=True):
                if not value <= before:
                    return f"limits.{field} of {name}"
        return ""

    def kinematics(self, observation: Space) -> Kinematics | None:
        """Return the kinematics of the robot; None: there is no model of it.

        Raises:
            ValueError: naming the parameter that does not fit.
        """
        if self.model:
            return kinematics(self.model, tuple(self.joints), tuple(self.points), observation)
        if self.joints or self.points:
            raise ValueError("limits.model: expected a file, for limits.joints and limits.points")
        return None

    def ranges(self, observation: Space) -> list[tuple[str, int, float, float]]:
        """Return name, index, least and most of each dimension with limits, the margin taken off.

        Args:
            observation: its O dimensions; from O on, indices are those of `Kinematics.names`.

        Raises:
            ValueError: naming the parameter that does not fit.
        """
        lows = per_name("limits.low", self.low, self.of, -math.inf)
        highs = per_name("limits.high", self.high, self.of, math.inf)
        margins = per_name("limits.margin", self.margin, self.of, 0.0)
        robot, found = self.kinematics(observation), []
        given = list(zip(self.of, lows, highs, margins, strict=True))
        if robot is not None:
            kept = self.margin[0] if len(self.margin) == 1 else 0.0
            named = ((observation.names[i], *ends, kept) for i, ends in robot.ranges.items())
            given += [each for each in named if each[0] not in self.of]
        for name, low, high, margin in given:
            place = index(observation, name, "limits.of", robot)
            if self.of.count(name) > 1:
                raise ValueError(f"limits.of: '{name}' appears more than once")
            least, most = low + margin, high - margin
            if not least < most:
                raise ValueError(
                    f"limits: '{name}': expected low + margin < high - margin, got {shown(low)}, "
                    f"{shown(high)} and the margin {shown(margin)}"
                )
            found.append((name, place, least, most))
        return found


def per_name(field: str, values: Sequence[float], names: Sequence[str], none: float) -> list[float]:
    """Return one value for each of some names.

    Args:
        field: where they are from.
        values: one for all, one for each, or none.
        names: what they are for.
        none: what stands for none.

    Raises:
        ValueError: naming the field, if there are too few or too many.
    """
    if not values:
        return [none] * len(names)
    if any(math.isnan(value) for value in values):
        raise ValueError(f"{field}: expected numbers, got {list(values)}")
    if len(values) == 1:
        return [float(values[0])] * len(names)
    if len(values) != len(names):
        raise ValueError(
            f"{field}: expected one number, or one for each of {', '.join(names) or 'none'}, "
            f"got {len(values)}"
        )
    return [float(value) for value in values]


def index(observation: Space, name: str, field: str, robot: Kinematics | None = None) -> int:
    """Return the index of an observation dimension, or from O on of a robot's point.

    Raises:
        ValueError: naming the field, if there is none of that name.
    """
    if robot is not None and name in robot.names:
        return observation.dim + robot.names.index(name)
    try:
        return observation.index(name)
    except ValueError as error:
        raise ValueError(f"{field}: {error}") from None
