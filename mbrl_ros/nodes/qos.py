"""The quality of service of our topics."""

from mbrl_ros.ros import DurabilityPolicy, QoSProfile, ReliabilityPolicy

#: What somebody counts or keeps: every message, with room for a pause of its reader.
EVENTS = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)

#: Sensor data that only the newest of matters.
NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)

#: Commands: only the newest matters, and it must arrive.
COMMAND = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)

#: State that who joins late needs too: models, goals, the e-stop.
LATCHED = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)

#: The same from publishers that do not latch, which a latched subscription does not hear.
UNLATCHED = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
