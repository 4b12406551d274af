"""Quality of service profiles under rclpy's names."""

from enum import IntEnum
from typing import Any

from mbrl_ros.ros.embedded.clock import Duration


class HistoryPolicy(IntEnum):
    """How many samples are kept."""

    SYSTEM_DEFAULT = 0
    KEEP_LAST = 1
    KEEP_ALL = 2
    UNKNOWN = 3


class ReliabilityPolicy(IntEnum):
    """Whether lost samples are sent again."""

    SYSTEM_DEFAULT = 0
    RELIABLE = 1
    BEST_EFFORT = 2
    UNKNOWN = 3


class DurabilityPolicy(IntEnum):
    """Whether late joiners receive earlier samples."""

    SYSTEM_DEFAULT = 0
    TRANSIENT_LOCAL = 1
    VOLATILE = 2
    UNKNOWN = 3


class InvalidQoSProfileException(Exception):  # noqa: N818
    """A profile lacks a depth."""

    def __init__(self, *args: Any) -> None:
        super().__init__("Invalid QoSProfile", *args)


class QoSProfile:
    """History, reliability, durability and lifespan of what an endpoint sends or receives."""

    def __init__(
        self,
        *,
        history: HistoryPolicy | None = None,
        depth: int | None = None,
        reliability: ReliabilityPolicy = ReliabilityPolicy.RELIABLE,
        durability: DurabilityPolicy = DurabilityPolicy.VOLATILE,
        lifespan: Duration | None = None,
        **unsupported: Any,
    ) -> None:
        if unsupported:
            raise NotImplementedError(
                f"the embedded runtime does not support QoS {', '.join(sorted(unsupported))}"
            )
        if history is None:
            if depth is None:
                raise InvalidQoSProfileException("History and/or depth settings are required.")
            history = HistoryPolicy.KEEP_LAST
        if history == HistoryPolicy.KEEP_LAST and depth is None:
            raise InvalidQoSProfileException("History set to KEEP_LAST without a depth setting.")
        self.history = HistoryPolicy(history)
        self.depth = 10 if depth is None else int(depth)
        self.reliability = ReliabilityPolicy(reliability)
        self.durability = DurabilityPolicy(durability)
        #: How long a sample is valid; zero: forever.
        self.lifespan = Duration() if lifespan is None else lifespan

    def __eq__(self, other: object) -> bool:
        return isinstance(other, QoSProfile) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # profiles are mutable

    def __repr__(self) -> str:
        return (
            f"QoSProfile(history={self.history.name}, depth={self.depth}, "
            f"reliability={self.reliability.name}, durability={self.durability.name})"
        )


def as_profile(qos: QoSProfile | int) -> QoSProfile:
    """Return a profile; an integer is a depth.

    Raises:
        TypeError: if it is neither.
        ValueError: if it is a negative depth.
    """
    if isinstance(qos, QoSProfile):
        return qos
    if not isinstance(qos, int) or isinstance(qos, bool):
        raise TypeError(f"Expected QoSProfile or int, but received {type(qos)}")
    if qos < 0:
        raise ValueError("history depth must be greater than or equal to zero")
    return QoSProfile(depth=qos)


qos_profile_default = QoSProfile(depth=10)
qos_profile_sensor_data = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
qos_profile_services_default = QoSProfile(depth=10)
qos_profile_parameters = QoSProfile(depth=1000)
qos_profile_parameter_events = QoSProfile(depth=1000)
qos_profile_rosout_default = QoSProfile(
    depth=1000, durability=DurabilityPolicy.TRANSIENT_LOCAL, lifespan=Duration(seconds=10)
)
