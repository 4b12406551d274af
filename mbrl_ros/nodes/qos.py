"""Quality of service of the topics."""

from mbrl_ros.ros import (
    DurabilityPolicy,
    PublisherEventCallbacks,
    QoSProfile,
    ReliabilityPolicy,
)

#: Messages that are counted or stored: all of them, with a queue for a pause of the reader.
EVENTS = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)

#: Sensor data of which only the newest matters.
NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)

#: The newest frame of each of some cameras.
FRAMES = QoSProfile(depth=4, reliability=ReliabilityPolicy.BEST_EFFORT)

#: Commands: only the newest matters, and it must arrive.
COMMAND = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)

#: State that late subscribers also need: models, goals, the e-stop.
LATCHED = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)

#: The same from publishers that do not latch, which a latched subscription does not match.
UNLATCHED = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)

#: For publishers that do not latch, to those that subscribe both: that one of the two subscriptions
#: does not match is nothing to warn of.
TO_BOTH = PublisherEventCallbacks(use_default_callbacks=False)
