"""The newest models that the controller was given."""

from __future__ import annotations

from collections import deque

from mbrl_ros.models.world_model import WorldModel

# Models to which it can be rolled back.
_KEPT = 5

#: Epoch and sequence.
Version = tuple[int, int]


class ModelHistory:
    """The newest models.

    Attributes:
        held: whether one is kept to, whatever comes.
    """

    def __init__(self) -> None:
        self.held = False
        self._kept: deque[tuple[WorldModel, Version]] = deque(maxlen=_KEPT)

    def check_newer(self, version: Version) -> None:
        """Check that a version is newer than all before.

        Raises:
            ValueError: if it is not.
        """
        newest = self._kept[-1][1] if self._kept else (0, 0)
        if version <= newest:
            raise ValueError(
                f"model {version[0]}/{version[1]}: expected a newer one than "
                f"{newest[0]}/{newest[1]}"
            )

    def add(self, model: WorldModel, version: Version) -> None:
        """Keep a model; the oldest is dropped."""
        self._kept.append((model, version))

    def newest(self) -> tuple[WorldModel, Version]:
        """Return the newest model, and keep to none any more.

        Raises:
            ValueError: if there is none yet.
        """
        if not self._kept:
            raise ValueError("there is no model yet")
        self.held = False
        return self._kept[-1]

    def before(self, version: Version) -> tuple[WorldModel, Version]:
        """Return the newest model before a version, and keep to it.

        Raises:
            ValueError: if none is kept.
        """
        earlier = [kept for kept in self._kept if kept[1] < version]
        if not earlier:
            raise ValueError(f"rollback: no model before {version[0]}/{version[1]} is kept")
        self.held = True
        return earlier[-1]
