"""Waiting for many DDS entities at once, without the GIL."""

import contextlib
import ctypes
from typing import Any

from cyclonedds.core import DDSException, Entity, GuardCondition
from cyclonedds.internal import DDS

from mbrl_ros.ros.embedded.dds import INFINITE, Participant, delete
from mbrl_ros.ros.embedded.exceptions import RCLError

#: Maximum number of entities reported by one `WaitSet.wait()`; the next reports the rest.
_AT_ONCE = 256


def _function(name: str, *arguments: Any) -> Any:
    function = DDS._dll_handle[name]
    function.argtypes = arguments
    function.restype = ctypes.c_int32
    return function


_dds_delete = _function("dds_delete", ctypes.c_int32)
_dds_create_waitset = _function("dds_create_waitset", ctypes.c_int32)
_dds_waitset_attach = _function(
    "dds_waitset_attach", ctypes.c_int32, ctypes.c_int32, ctypes.c_ssize_t
)
_dds_waitset_detach = _function("dds_waitset_detach", ctypes.c_int32, ctypes.c_int32)
_dds_waitset_wait = _function(
    "dds_waitset_wait",
    ctypes.c_int32,
    ctypes.POINTER(ctypes.c_ssize_t),
    ctypes.c_size_t,
    ctypes.c_int64,
)


class WaitSet:
    """Waits until any of many entities is ready."""

    def __init__(self, participant: Participant) -> None:
        ref = _dds_create_waitset(participant.entity._ref)
        if ref < 0:
            raise RCLError(f"cannot create a wait set: {DDSException(ref)}")
        self._ref = ref
        self._guard = GuardCondition(participant.entity)
        self._keys: dict[int, Any] = {}  # by attachment number
        self._numbers: dict[int, int] = {}  # by DDS entity
        self._next = 1
        _dds_waitset_attach(self._ref, self._guard._ref, 0)
        self._triggered = (ctypes.c_ssize_t * _AT_ONCE)()

    def attach(self, condition: Entity, key: Any) -> None:
        """Also wait for a condition; `wait()` will report ``key``.

        A condition that another thread has just deleted is ignored.
        """
        if _dds_waitset_attach(self._ref, condition._ref, self._next) < 0:
            return
        self._keys[self._next] = key
        self._numbers[condition._ref] = self._next
        self._next += 1

    def detach(self, condition: Entity) -> None:
        """Stop waiting for a condition, which may be deleted already."""
        number = self._numbers.pop(condition._ref, None)
        if number is not None:
            del self._keys[number]
            _dds_waitset_detach(self._ref, condition._ref)

    def wake(self) -> None:
        """Make `wait()` return, from any thread."""
        with contextlib.suppress(DDSException):  # closed meanwhile
            self._guard.set(True)

    def wait(self, timeout: int | None) -> list[Any]:
        """Return the keys of what is ready, after at most ``timeout`` nanoseconds.

        Raises:
            RCLError: if the wait set has been deleted.
        """
        count = _dds_waitset_wait(
            self._ref, self._triggered, _AT_ONCE, INFINITE if timeout is None else timeout
        )
        if count < 0:
            raise RCLError(f"cannot wait: {DDSException(count)}")
        keys = []
        for i in range(min(count, _AT_ONCE)):
            number = self._triggered[i]
            if number == 0:
                self._guard.set(False)
            elif number in self._keys:
                keys.append(self._keys[number])
        return keys

    def close(self) -> None:
        """Delete the wait set."""
        _dds_delete(self._ref)
        delete(self._guard)
