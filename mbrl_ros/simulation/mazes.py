"""Mazes of Sutton and Barto (2018, section 8) as Gymnasium environments.

They are registered when this module is imported, as ``environment:
mbrl_ros.simulation.mazes:mbrl_ros/DynaMaze-v0`` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
from gymnasium import spaces

#: Figure 8.2: 14 steps from S to G.
DYNA_MAZE = """
.......#G
..#....#.
S.#....#.
..#......
.....#...
.........
"""
#: Figure 8.4: 10 steps by the right, and after 1000 steps 16 by the left only.
BLOCKING_MAZE = (
    """
........G
.........
.........
########.
.........
...S.....
""",
    """
........G
.........
.........
.########
.........
...S.....
""",
)
#: Figure 8.5: 16 steps by the left, and after 3000 steps 10 by the right, too.
SHORTCUT_MAZE = (
    BLOCKING_MAZE[1],
    """
........G
.........
.........
.#######.
.........
...S.....
""",
)
_MOVES = ((-1, 0), (1, 0), (0, 1), (0, -1))


class Maze(gymnasium.Env[Any, Any]):
    """A grid with walls: up, down, right or left, and 1 at the goal, where the episode ends.

    Who walks into a wall stays where he is. Observed is the number of the cell, row by row.

    Attributes:
        dt: time of a step [s].
        steps: so far, over all episodes.
    """

    metadata = {  # noqa: RUF012  (as Gymnasium declares it)
        "render_modes": ["ansi"],
        "render_fps": 10,
    }
    dt = 0.1

    def __init__(
        self, *maps: str, changes_at: Sequence[int] = (), render_mode: str | None = None
    ) -> None:
        """Build a maze.

        Args:
            maps: lines of ``.`` (free), ``#`` (wall), ``S`` (start) and ``G`` (goal), of one size;
                each takes the place of the one before.
            changes_at: steps, over all episodes, after which each further map holds.
            render_mode: ``ansi`` or None.
        """
        self.render_mode = render_mode
        self._maps = ["".join(one.split()) for one in maps]
        self._width = len(maps[0].split()[0])
        self._changes_at = tuple(changes_at)
        self.steps = 0
        self._cell = self._maps[0].index("S")
        self.observation_space = spaces.Discrete(len(self._maps[0]))
        self.action_space = spaces.Discrete(len(_MOVES))

    @property
    def map(self) -> str:
        """The map that holds now, in one line."""
        return self._maps[sum(self.steps >= change for change in self._changes_at)]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Go back to the start; the steps so far still count."""
        super().reset(seed=seed)
        self._cell = self.map.index("S")
        return self._cell, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        """Take one step."""
        (row, column), (down, right) = divmod(self._cell, self._width), _MOVES[action]
        row, column, drawn = row + down, column + right, self.map
        cell = row * self._width + column
        inside = 0 <= cell < len(drawn) and 0 <= column < self._width
        if inside and drawn[cell] != "#":
            self._cell = cell
        there = drawn[self._cell] == "G"
        self.steps += 1
        return self._cell, float(there), there, False, {}

    def render(self) -> str:
        """Return the map with ``@`` where one is."""
        drawn = f"{self.map[: self._cell]}@{self.map[self._cell + 1 :]}"
        lines = range(0, len(drawn), self._width)
        return "\n".join(drawn[i : i + self._width] for i in lines)


def _dyna_maze(**given: Any) -> Maze:
    return Maze(DYNA_MAZE, **given)


def _blocking_maze(**given: Any) -> Maze:
    return Maze(*BLOCKING_MAZE, changes_at=(1000,), **given)


def _shortcut_maze(**given: Any) -> Maze:
    return Maze(*SHORTCUT_MAZE, changes_at=(3000,), **given)


gymnasium.register("mbrl_ros/DynaMaze-v0", _dyna_maze)
gymnasium.register("mbrl_ros/BlockingMaze-v0", _blocking_maze)
gymnasium.register("mbrl_ros/ShortcutMaze-v0", _shortcut_maze)
