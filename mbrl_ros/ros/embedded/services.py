"""Services and clients on DDS topics, as rmw_cyclonedds lays them out.

A request is the CDR of the message after a header of two 64-bit numbers: the client's
writer, by its DDS instance handle, and a sequence number. The reply carries the same
header, by which a client recognizes its own replies.
"""

import inspect
import itertools
import struct
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from mbrl_ros.ros.embedded.codec import HEADER, deserialize, serialize
from mbrl_ros.ros.embedded.context import Context
from mbrl_ros.ros.embedded.dds import Participant, Reader, Writer
from mbrl_ros.ros.embedded.endpoint import dds_type, user_data
from mbrl_ros.ros.embedded.exceptions import RCLError
from mbrl_ros.ros.embedded.logging import Logger
from mbrl_ros.ros.embedded.qos import QoSProfile
from mbrl_ros.ros.embedded.remote import RemoteQos, matched_reader, matched_writer
from mbrl_ros.ros.embedded.task import Future

_PREFIX = struct.Struct("<QQ")
_numbers = itertools.count(1)
_sequence = itertools.count(1)


def _identifier(participant: Participant) -> str:
    """Return a name that identifies a reader and a writer as a pair."""
    data = participant.gid[:12] + next(_numbers).to_bytes(4, "big")
    return ".".join(f"{byte:x}" for byte in data)


def _split(data: bytes, name: str) -> tuple[int, int, Any]:
    """Return writer, sequence number and message of a request or reply."""
    if len(data) < 4 + _PREFIX.size:
        raise ValueError(f"{name}: too short")
    writer, sequence = _PREFIX.unpack_from(data, 4)
    return writer, sequence, deserialize(data[:4] + data[4 + _PREFIX.size :], name)


def _join(writer: int, sequence: int, message: Any) -> bytes:
    return HEADER + _PREFIX.pack(writer, sequence) + serialize(message)[4:]


class _Endpoints:
    """Reader and writer of one side of a service."""

    def __init__(
        self,
        participant: Participant,
        name: str,
        read_type: str,
        write_type: str,
        qos: QoSProfile,
        key: str,
    ) -> None:
        is_service = key == "serviceid"
        request, reply = f"rq{name}Request", f"rr{name}Reply"
        extra = f"{key}={_identifier(participant)};"
        self.writer = Writer(
            participant,
            participant.topic(reply if is_service else request, dds_type(write_type)),
            qos,
            user_data(write_type, extra),
        )
        self.reader = Reader(
            participant,
            participant.topic(request if is_service else reply, dds_type(read_type)),
            qos,
            user_data(read_type, extra),
        )
        self.handle = self.writer.entity.get_instance_handle() & (1 << 64) - 1

    def writers(self, key: str) -> list[str]:
        """Return what the matching writers announce under a key."""
        handles = self.reader.entity.get_matched_publications()
        return _values((matched_writer(self.reader, handle) for handle in handles), key)

    def readers(self, key: str) -> list[str]:
        """Return what the matching readers announce under a key."""
        handles = self.writer.entity.get_matched_subscriptions()
        return _values((matched_reader(self.writer, handle) for handle in handles), key)

    def close(self) -> None:
        self.reader.close()
        self.writer.close()


def _values(found: Iterable[RemoteQos | None], key: str) -> list[str]:
    return [qos.value(key) for qos in found if qos is not None]


class Service:
    """Answers requests; made by `Node.create_service()`."""

    srv_name: str  # as it was given

    def __init__(
        self,
        participant: Participant,
        srv_type: Any,
        srv_name: str,
        callback: Callable[[Any, Any], Any],
        qos_profile: QoSProfile,
        logger: Logger,
    ) -> None:
        self.srv_type = srv_type
        self.service_name = srv_name
        self.callback = callback
        self.qos_profile = qos_profile
        self._logger = logger
        self._destroyed = False
        self._request_type = srv_type.Request._TYPE
        self.endpoints = _Endpoints(
            participant,
            srv_name,
            self._request_type,
            srv_type.Response._TYPE,
            qos_profile,
            "serviceid",
        )
        self.condition = self.endpoints.reader.condition

    def execute(self) -> None:
        """Take one request, call back and send the response."""
        taken = None if self._destroyed else self.endpoints.reader.take()
        if taken is None:
            return
        data, info = taken
        try:
            client, sequence, request = _split(data, self._request_type)
        except ValueError as error:
            self._logger.error(
                f"Dropped a malformed request to service '{self.service_name}' ({error})", once=True
            )
            return
        response = self.callback(request, self.srv_type.Response())
        if inspect.iscoroutine(response):
            self._go_on(response, client, sequence, info.publication_handle)
        else:
            self._respond(response, client, sequence, info.publication_handle)

    def _go_on(self, coroutine: Any, client: int, sequence: int, writer: int) -> None:
        """Run a coroutine until it returns the response, resuming whenever its future is done."""
        try:
            awaited: Future = coroutine.send(None)
        except StopIteration as ended:
            self._respond(ended.value, client, sequence, writer)
        else:
            awaited.add_done_callback(lambda _: self._go_on(coroutine, client, sequence, writer))

    def _respond(self, response: Any, client: int, sequence: int, writer: int) -> None:
        if not isinstance(response, self.srv_type.Response):
            raise TypeError(
                f"the callback of service '{self.service_name}' returned {type(response)}, "
                f"not {self.srv_type.Response}"
            )
        if not self._destroyed and self._client_listens(writer):
            self.endpoints.writer.write(_join(client, sequence, response))

    def _client_listens(self, request_writer: int) -> bool:
        """Wait briefly for the client's reader: its writer may be discovered first."""
        client = matched_writer(self.endpoints.reader, request_writer)
        if client is None:
            return False  # gone
        identifier = client.value("clientid")
        end = time.monotonic() + 0.1
        while identifier and identifier not in self.endpoints.readers("clientid"):
            if time.monotonic() > end:
                self._logger.warning(
                    f"No reader for the response of service '{self.service_name}'; not sent"
                )
                return False
            time.sleep(0.005)
        return True

    def destroy(self) -> None:
        """Stop answering; use `Node.destroy_service()`."""
        self._destroyed = True
        self.endpoints.close()


class Client:
    """Sends requests; made by `Node.create_client()`."""

    srv_name: str  # as it was given

    def __init__(
        self,
        context: Context,
        participant: Participant,
        srv_type: Any,
        srv_name: str,
        qos_profile: QoSProfile,
        logger: Logger,
    ) -> None:
        self.srv_type = srv_type
        self.service_name = srv_name
        self.qos_profile = qos_profile
        self.context = context
        self._logger = logger
        self._destroyed = False
        self._lock = threading.Lock()
        self._pending: dict[int, Future] = {}
        self._response_type = srv_type.Response._TYPE
        self.endpoints = _Endpoints(
            participant,
            srv_name,
            self._response_type,
            srv_type.Request._TYPE,
            qos_profile,
            "clientid",
        )
        self.condition = self.endpoints.reader.condition

    def service_is_ready(self) -> bool:
        """Return whether a server is available, with both its reader and its writer."""
        servers = self.endpoints.readers("serviceid")
        replies = self.endpoints.writers("serviceid")
        if not any(servers):
            return bool(servers and replies)  # servers that announce no identifier
        return any(identifier and identifier in replies for identifier in servers)

    def wait_for_service(self, timeout_sec: float | None = None) -> bool:
        """Wait until a server is available; returns whether one is."""
        end = float("inf") if timeout_sec is None else time.monotonic() + timeout_sec
        while not self.service_is_ready():
            if time.monotonic() >= end or not self.context.ok():
                return False
            time.sleep(0.01)
        return True

    def call_async(self, request: Any) -> Future:
        """Send a request; the future gets the response while an executor spins the node.

        Raises:
            TypeError: if the request is of another type.
            RCLError: if it cannot be sent, as after a shutdown.
        """
        if not isinstance(request, self.srv_type.Request):
            raise TypeError(f"Expected {self.srv_type.Request}, got {type(request)}")
        if not self.context.ok():
            raise RCLError("Failed to send request: client's context is invalid")
        sequence = next(_sequence)
        data = _join(self.endpoints.handle, sequence, request)
        future = Future()
        with self._lock:
            self._pending[sequence] = future
        future.add_done_callback(self.remove_pending_request)
        self.endpoints.writer.write(data)
        return future

    def call(self, request: Any, timeout_sec: float | None = None) -> Any:
        """Send a request and wait for the response; must not be called from a callback.

        Returns:
            The response, None after the timeout.
        """
        answered = threading.Event()
        future = self.call_async(request)
        future.add_done_callback(lambda _: answered.set())
        if not answered.wait(timeout_sec):
            self.remove_pending_request(future)
        return future.result()

    def remove_pending_request(self, future: Future) -> None:
        """Forget a request; its response will be ignored."""
        with self._lock:
            self._pending = {
                number: kept for number, kept in self._pending.items() if kept is not future
            }

    def execute(self) -> None:
        """Take one response and hand it to its future."""
        taken = None if self._destroyed else self.endpoints.reader.take()
        if taken is None:
            return
        data = taken[0]
        if len(data) >= 12 and int.from_bytes(data[4:12], "little") != self.endpoints.handle:
            return  # for another client
        try:
            _, sequence, response = _split(data, self._response_type)
        except ValueError as error:
            self._logger.error(
                f"Dropped a malformed response of service '{self.service_name}' ({error})",
                once=True,
            )
            return
        with self._lock:
            future = self._pending.get(sequence)
        if future is not None:
            future.set_result(response)

    def destroy(self) -> None:
        """Stop; use `Node.destroy_client()`."""
        self._destroyed = True
        self.endpoints.close()
