"""What the participants and endpoints of the domain announce, ours included.

The QoS is read here rather than by Cyclone's Python layer, which leaks a copy of the user
data each time and is not thread-safe.
"""

import ctypes
from dataclasses import dataclass
from typing import Any

from cyclonedds._clayer import (
    ddspy_get_matched_publication_data,
    ddspy_get_matched_subscription_data,
    ddspy_read_endpoint,
    ddspy_read_participant,
)
from cyclonedds.builtin import (
    BuiltinDataReader,
    BuiltinTopicDcpsParticipant,
    BuiltinTopicDcpsPublication,
    BuiltinTopicDcpsSubscription,
)
from cyclonedds.core import DDSException, InstanceState
from cyclonedds.internal import DDS

from mbrl_ros.ros.embedded.dds import Participant, Reader, Writer, delete
from mbrl_ros.ros.embedded.exceptions import RCLError
from mbrl_ros.ros.embedded.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSProfile,
    ReliabilityPolicy,
)

_MOST = 10_000  # samples read at once


@dataclass(frozen=True)
class RemoteQos:
    """QoS of an endpoint, and the user data announced with it."""

    profile: QoSProfile
    user_data: bytes

    def value(self, key: str) -> str:
        """Return a value of the user data, "" if it is missing."""
        for item in self.user_data.split(b";"):
            name, _, value = item.partition(b"=")
            if name == key.encode():
                return value.decode(errors="replace")
        return ""


@dataclass(frozen=True)
class Endpoint:
    """A reader or writer somewhere in the domain."""

    gid: bytes
    topic: str
    type: str
    qos: RemoteQos
    is_reader: bool


def _function(name: str, result: Any, *arguments: Any) -> Any:
    function = DDS._dll_handle[name]
    function.restype, function.argtypes = result, arguments
    return function


_int_p, _pointer = ctypes.POINTER(ctypes.c_int), ctypes.c_void_p
_free = _function("dds_free", None, _pointer)
_user_data = _function(
    "dds_qget_userdata",
    ctypes.c_bool,
    _pointer,
    ctypes.POINTER(_pointer),
    ctypes.POINTER(ctypes.c_size_t),
)
_reliability = _function("dds_qget_reliability", ctypes.c_bool, _pointer, _int_p, _pointer)
_durability = _function("dds_qget_durability", ctypes.c_bool, _pointer, _int_p)
_history = _function("dds_qget_history", ctypes.c_bool, _pointer, _int_p, _int_p)


def _read_qos(qos: int) -> RemoteQos:
    """Return the QoS at a C pointer; its enumerators are those of dds.h."""
    reliability, durability = ctypes.c_int(1), ctypes.c_int(0)
    history, depth = ctypes.c_int(0), ctypes.c_int(1)
    _reliability(qos, ctypes.byref(reliability), None)
    _durability(qos, ctypes.byref(durability))
    _history(qos, ctypes.byref(history), ctypes.byref(depth))
    data, size = ctypes.c_void_p(), ctypes.c_size_t()
    text = b""
    if _user_data(qos, ctypes.byref(data), ctypes.byref(size)) and data.value:
        text = ctypes.string_at(data.value, size.value)
        _free(data)
    return RemoteQos(
        QoSProfile(
            history=HistoryPolicy.KEEP_ALL if history.value else HistoryPolicy.KEEP_LAST,
            depth=0 if history.value else depth.value,
            reliability=ReliabilityPolicy.RELIABLE
            if reliability.value
            else ReliabilityPolicy.BEST_EFFORT,
            durability=DurabilityPolicy.TRANSIENT_LOCAL
            if durability.value
            else DurabilityPolicy.VOLATILE,
        ),
        text,
    )


def _read(participant: Participant, topic: Any, function: Any, constructor: Any) -> list[Any]:
    reader = BuiltinDataReader(participant.entity, topic)
    try:
        samples = function(reader._ref, _MOST, constructor, _read_qos)
    finally:
        delete(reader)
    if not isinstance(samples, list):
        raise RCLError(f"cannot read what is in the domain: {DDSException(samples)}")
    return [sample for sample in samples if sample is not None]


def _is_alive(info: Any) -> bool:
    return bool(info.instance_state == InstanceState.Alive)


def participants(participant: Participant) -> set[bytes]:
    """Return the identifiers of all participants."""

    def make(gid: bytes, qos: RemoteQos, info: Any) -> bytes | None:
        return gid if _is_alive(info) else None

    return set(_read(participant, BuiltinTopicDcpsParticipant, ddspy_read_participant, make))


def endpoints(participant: Participant) -> list[Endpoint]:
    """Return all writers and readers."""
    result = []
    for builtin, is_reader in (
        (BuiltinTopicDcpsPublication, False),
        (BuiltinTopicDcpsSubscription, True),
    ):

        def make(
            gid: bytes,
            owner: bytes,
            handle: int,
            topic: str,
            type_name: str,
            qos: RemoteQos,
            info: Any,
            type_id: bytes | None,
            is_reader: bool = is_reader,
        ) -> Endpoint | None:
            return Endpoint(gid, topic, type_name, qos, is_reader) if _is_alive(info) else None

        result += _read(participant, builtin, ddspy_read_endpoint, make)
    return result


def _qos_only(*fields: Any) -> RemoteQos:
    qos: RemoteQos = fields[5]
    return qos


def matched_writer(reader: Reader, handle: int) -> RemoteQos | None:
    """Return the QoS of a matching writer by its instance handle, None if it is gone."""
    found: RemoteQos | None = ddspy_get_matched_publication_data(
        reader.entity._ref, handle, _qos_only, _read_qos
    )
    return found


def matched_reader(writer: Writer, handle: int) -> RemoteQos | None:
    """Return the QoS of a matching reader by its instance handle, None if it is gone."""
    found: RemoteQos | None = ddspy_get_matched_subscription_data(
        writer.entity._ref, handle, _qos_only, _read_qos
    )
    return found
