"""What publishers, subscriptions, services and clients have in common."""

from mbrl_ros.ros.embedded.definitions import hash_of


def dds_type(name: str) -> str:
    """Return the DDS name of a message, or of one half of a service."""
    package, kind, stem = name.split("/")
    return f"{package}::{kind}::dds_::{stem}_"


def user_data(name: str, extra: str = "") -> str:
    """Return the user data that an endpoint of a type announces with its QoS."""
    return f"{extra}typehash={hash_of(name)};"


#: DDS numbers of the policies that can be incompatible.
_POLICIES = {2: "DURABILITY", 11: "RELIABILITY", 4: "DEADLINE", 8: "LIVELINESS"}


def policy_name(number: int) -> str:
    """Return the name of a DDS policy."""
    return _POLICIES.get(number, f"number {number}")
