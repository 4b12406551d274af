"""Log messages on /rosout."""

import contextlib

from mbrl_ros.ros.embedded import logging
from mbrl_ros.ros.embedded.exceptions import RCLError
from mbrl_ros.ros.embedded.publisher import Publisher


class RosoutSink:
    """Publishes the messages of a node's logger."""

    def __init__(self, name: str, publisher: Publisher) -> None:
        self._name = name
        self._publisher = publisher
        logging.add_sink(name, self._publish)

    def _publish(
        self,
        level: logging.LoggingSeverity,
        name: str,
        text: str,
        stamp: int,
        file: str,
        function: str,
        line: int,
    ) -> None:
        message = self._publisher.msg_type(
            level=int(level), name=name, msg=text, file=file, function=function, line=line
        )
        message.stamp.sec, message.stamp.nanosec = divmod(stamp, 10**9)
        with contextlib.suppress(RCLError):  # after a shutdown, only the console has it
            self._publisher.publish(message)

    def close(self) -> None:
        """Stop publishing."""
        logging.remove_sink(self._name)
