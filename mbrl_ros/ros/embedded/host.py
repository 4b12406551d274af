"""What an executor needs of a node, so that it need not import the node's module."""

from collections.abc import Iterator
from typing import Any, Protocol

from mbrl_ros.ros.embedded.dds import Participant
from mbrl_ros.ros.embedded.timer import Timer


class Host(Protocol):
    """Something with callbacks to run: a node."""

    participant: Participant
    #: The executor that runs it, which sets this; Any, as the executor's module imports this.
    _executor: Any

    @property
    def timers(self) -> Iterator[Timer]:
        """Its timers."""

    def entities(self) -> Iterator[Any]:
        """Yield everything an executor waits for; each has ``condition`` and ``execute()``."""
