"""The part of Cyclone DDS the runtime needs: raw CDR in and out, as rmw_cyclonedds does it."""

import contextlib
import ctypes
import os
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

from cyclonedds._clayer import ddspy_take, ddspy_write
from cyclonedds.core import DDSException, Entity, ReadCondition
from cyclonedds.domain import Domain, DomainParticipant
from cyclonedds.idl import make_idl_struct, types
from cyclonedds.internal import DDS
from cyclonedds.pub import DataWriter
from cyclonedds.qos import Policy, Qos
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic

from mbrl_ros.ros.embedded.exceptions import RCLError
from mbrl_ros.ros.embedded.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSProfile,
    ReliabilityPolicy,
)

_lib = DDS._dll_handle
_ANY_STATE = 127
INFINITE = (1 << 63) - 1
#: Position of type_info in Cyclone's table of operations on types, and the table's size.
_TYPE_INFO, _OPERATIONS = 10, 14
#: A writer that can never hold more bytes than this never blocks on flow control, which
#: Cyclone applies from 30 kB on.
_NEVER_BLOCKS = 25_000
#: Samples taken at once, at most, and the least share of a reader's history that they may be.
_AT_ONCE = 16


class _Sample(ctypes.Structure):
    _fields_ = (("data", ctypes.c_char_p), ("size", ctypes.c_size_t))


_dds_write = _lib["dds_write"]
_dds_write.argtypes = [ctypes.c_int32, ctypes.POINTER(_Sample)]
_dds_write.restype = ctypes.c_int32


def _domain_configuration() -> str:
    """Return Cyclone's configuration, with the same meaning as in rmw_cyclonedds.

    Unlike ROS 2, which defaults to the subnet, this runtime stays on the loopback
    interface unless ROS_AUTOMATIC_DISCOVERY_RANGE says otherwise.
    """
    discovery = os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "") or "LOCALHOST"
    peers = [peer for peer in os.environ.get("ROS_STATIC_PEERS", "").split(";") if peer]
    general = ""
    index = "<ParticipantIndex>auto</ParticipantIndex>"
    index += "<MaxAutoParticipantIndex>32</MaxAutoParticipantIndex>"
    uri = os.environ.get("CYCLONEDDS_URI", "")
    if discovery in ("LOCALHOST", "OFF"):
        general = "<AllowMulticast>false</AllowMulticast>"
        # Peers elsewhere, or the user's own configuration, may need other interfaces.
        if not uri and (not peers or discovery == "OFF"):
            general += '<Interfaces><NetworkInterface address="127.0.0.1"/></Interfaces>'
    if discovery == "LOCALHOST":
        peers.insert(0, "localhost")
    elif discovery == "OFF":
        index = (
            f"<ParticipantIndex>none</ParticipantIndex><Tag>ros_discovery_off_{os.getpid()}</Tag>"
        )
        peers = []
    elif discovery == "SYSTEM_DEFAULT":
        return uri
    elif discovery != "SUBNET":
        raise RCLError(
            f"ROS_AUTOMATIC_DISCOVERY_RANGE is '{discovery}', but must be "
            "LOCALHOST, SUBNET, OFF or SYSTEM_DEFAULT"
        )
    addresses = "".join(f'<Peer address="{peer}"/>' for peer in peers)
    return (
        f"<CycloneDDS><Domain><General>{general}</General><Discovery>{index}"
        f"<Peers>{addresses}</Peers></Discovery></Domain></CycloneDDS>,{uri}"
    )


def domain_id() -> int:
    """Return ROS_DOMAIN_ID.

    Raises:
        RCLError: if it is not a number from 0 to 232.
    """
    text = os.environ.get("ROS_DOMAIN_ID", "") or "0"
    if not text.isdigit() or int(text) > 232:
        raise RCLError(f"ROS_DOMAIN_ID is '{text}', but must be an integer from 0 to 232")
    return int(text)


# Contexts of a process may share a domain; its configuration lives until the last one closes.
_domains: dict[int, tuple[Domain, int]] = {}
_domains_lock = threading.Lock()


def _refuse_security() -> None:
    asked = os.environ.get("ROS_SECURITY_ENABLE"), os.environ.get("ROS_SECURITY_STRATEGY")
    if asked == ("true", "Enforce"):
        raise RCLError(
            "ROS_SECURITY_STRATEGY is 'Enforce', but the embedded runtime has no DDS security: "
            "use ROS 2, or unset ROS_SECURITY_ENABLE"
        )


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except DDSException as error:
        raise RCLError(f"{what}: {error}") from None


def delete(entity: Entity) -> None:
    """Delete a DDS entity now rather than when Python collects it."""
    Entity._entities.pop(entity._ref, None)
    entity._delete(entity._ref)


class Participant:
    """This process in a DDS domain."""

    def __init__(self, domain: int, enclave: str = "/") -> None:
        _refuse_security()
        self._domain = domain
        self._topics: dict[tuple[str, str], Topic] = {}
        self._lock = threading.Lock()
        with _domains_lock, _explained(f"cannot join DDS domain {domain}"):
            if domain in _domains:
                entity, users = _domains[domain]
            else:
                entity, users = Domain(domain, _domain_configuration()), 0
            self.entity = DomainParticipant(
                domain, Qos(Policy.Userdata(f"enclave={enclave};".encode()))
            )
            _domains[domain] = (entity, users + 1)
        self.gid: bytes = self.entity.guid.bytes

    def topic(self, name: str, type_name: str) -> Topic:
        """Return the topic of a DDS name and type, e.g. rt/clock."""
        with self._lock:
            topic = self._topics.get((name, type_name))
            if topic is None:
                with _explained(f"cannot create topic {name}"):
                    topic = Topic(self.entity, name, _opaque_type(type_name))
                _hide_type_information(topic)
                self._topics[name, type_name] = topic
            return topic

    def close(self) -> None:
        """Leave the domain; deletes everything created in it."""
        delete(self.entity)
        with _domains_lock:
            domain, users = _domains.pop(self._domain)
            if users > 1:
                _domains[self._domain] = (domain, users - 1)
            else:
                delete(domain)


def _opaque_type(type_name: str) -> Any:
    # Cyclone's Python layer passes the CDR through; of the type, only the name and the
    # absence of a key matter. Every message has at least one byte.
    return make_idl_struct("Opaque", type_name.replace("::", "."), {"first": types.uint8})


def _hide_type_information(topic: Topic) -> None:
    """Keep the opaque type's XTypes description off the network.

    rmw_cyclonedds announces none either, so that endpoints match by type name. A
    description of the opaque type would make others refuse to match. There is no setting
    for it, so the type gets its own table of operations without ``type_info``.
    """
    sertype = ctypes.POINTER(ctypes.c_void_p)()
    if _lib["dds_get_entity_sertype"](ctypes.c_int32(topic._ref), ctypes.byref(sertype)) < 0:
        return
    table = (ctypes.c_void_p * _OPERATIONS).from_address(sertype[0])
    if table[0] != ctypes.cast(_lib["ddsi_sertype_v0"], ctypes.c_void_p).value:
        return  # an unknown version of the table: better a description than a crash
    own = (ctypes.c_void_p * _OPERATIONS)(*table)
    own[_TYPE_INFO] = None
    _own_tables.append(own)  # Cyclone may use it until the process ends
    sertype[0] = ctypes.addressof(own)


_own_tables: list[Any] = []


def endpoint_qos(profile: QoSProfile, user_data: str, ignore_local: bool = False) -> Qos:
    """Return the DDS QoS of a ROS profile, as rmw_cyclonedds translates it."""
    depth = max(profile.depth, 1)
    keep_all = profile.history == HistoryPolicy.KEEP_ALL
    history = Policy.History.KeepAll if keep_all else Policy.History.KeepLast(depth)
    policies: list[Any] = [
        history,
        Policy.DataRepresentation(use_cdrv0_representation=True),
        Policy.WriterDataLifecycle(False),
        Policy.Userdata(user_data.encode()),
        Policy.Reliability.BestEffort
        if profile.reliability == ReliabilityPolicy.BEST_EFFORT
        else Policy.Reliability.Reliable(INFINITE),
    ]
    if profile.durability == DurabilityPolicy.TRANSIENT_LOCAL:
        policies.append(Policy.Durability.TransientLocal)
        policies.append(Policy.DurabilityService(0, history, -1, -1, -1))
    else:
        policies.append(Policy.Durability.Volatile)
    if profile.lifespan.nanoseconds:
        policies.append(Policy.Lifespan(profile.lifespan.nanoseconds))
    if ignore_local:
        policies.append(Policy.IgnoreLocal.Participant)
    return Qos(*policies)


class Writer:
    """Writes CDR to a topic."""

    def __init__(
        self, participant: Participant, topic: Topic, profile: QoSProfile, user_data: str
    ) -> None:
        with _explained(f"cannot write to {topic.name}"):
            self.entity = DataWriter(participant.entity, topic, endpoint_qos(profile, user_data))
        self.gid: bytes = self.entity.guid.bytes
        self._ref = self.entity._ref
        self._limit = (
            0
            if profile.history == HistoryPolicy.KEEP_ALL
            else _NEVER_BLOCKS // max(profile.depth, 1)
        )

    def write(self, data: bytes) -> None:
        """Send a sample; ``data`` is CDR, padded to a multiple of four bytes.

        Raises:
            RCLError: if it could not be sent.
        """
        if len(data) < self._limit:
            # Cannot block, so it is faster not to release the GIL.
            code = ddspy_write(self._ref, data)
        else:
            code = _dds_write(self._ref, _Sample(data, len(data)))
        if code < 0:
            raise RCLError(f"Failed to publish: {DDSException(code)}")

    def matched(self) -> int:
        """Return the number of matching readers."""
        return max(self.entity._get_matched_subscriptions(self._ref, None, 0), 0)

    def close(self) -> None:
        """Delete the writer."""
        delete(self.entity)


class Reader:
    """Takes CDR from a topic."""

    def __init__(
        self,
        participant: Participant,
        topic: Topic,
        profile: QoSProfile,
        user_data: str,
        ignore_local: bool = False,
    ) -> None:
        with _explained(f"cannot read from {topic.name}"):
            self.entity = DataReader(
                participant.entity, topic, endpoint_qos(profile, user_data, ignore_local)
            )
            self.condition = ReadCondition(self.entity, _ANY_STATE)
        self.gid: bytes = self.entity.guid.bytes
        self._ref = self.entity._ref
        # Of a short history, all but the sample being handled stay where newer ones replace them.
        self._at_once = max(1, min(_AT_ONCE, profile.depth // _AT_ONCE))
        self.taken: deque[tuple[bytes, Any]] = deque()

    def take(self) -> tuple[bytes, Any] | None:
        """Return the next sample and its DDS information, or None; `taken` holds further ones."""
        while not self.taken:
            samples = ddspy_take(self._ref, _ANY_STATE, self._at_once)
            if not isinstance(samples, list) or not samples:
                return None  # no sample, or the reader has just been deleted
            self.taken.extend(sample for sample in samples if sample[1].valid_data)
        return self.taken.popleft()

    def matched(self) -> int:
        """Return the number of matching writers."""
        return max(self.entity._get_matched_publications(self._ref, None, 0), 0)

    def close(self) -> None:
        """Delete the reader."""
        delete(self.condition)
        delete(self.entity)
