"""A bag of transitions that no logger paired: they come from a loop without topics."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mbrl_ros.core.records import Transition
from mbrl_ros.data.definitions import Topic
from mbrl_ros.data.recorder import Recorder
from mbrl_ros.nodes.record_messages import transition_message
from mbrl_ros.ros import interfaces as ri
from mbrl_ros.ros import serialize_message

_TYPE = "mbrl_ros/msg/Transition"


class TransitionBag:
    """Records transitions on the logger's topic."""

    def __init__(
        self,
        folder: Path,
        attachments: Mapping[str, str] | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Create the bag, or continue it; see `Recorder`."""
        self._topic = Topic("/transition", _TYPE, ri.definition(_TYPE), ri.type_hash(_TYPE))
        self._recorder = Recorder(folder, attachments, metadata)

    @property
    def trouble(self) -> str:
        """See `Recorder.trouble`."""
        return self._recorder.trouble

    def append(self, transition: Transition, index: int) -> None:
        """Record a transition.

        Args:
            transition: the logged transition.
            index: its position in the log.
        """
        message = transition_message(transition, index)
        self._recorder.write(self._topic, serialize_message(message))

    def close(self) -> str:
        """See `Recorder.close`."""
        return self._recorder.close()
