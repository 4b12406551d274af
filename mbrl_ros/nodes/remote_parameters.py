"""Another node's parameters: read with their descriptors, followed and set, without waiting."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from mbrl_ros.nodes.parameters import plain
from mbrl_ros.ros import Node, Parameter
from mbrl_ros.ros import interfaces as ri

# A node that ends leaves requests without an answer [s].
_PATIENCE = 3.0


class RemoteParameters:
    """The parameters of another node in the same namespace.

    Attributes:
        name: of that node.
        values: by name; empty: not read yet.
        descriptors: by name.
    """

    def __init__(self, node: Node, name: str, read: Callable[[], None]) -> None:
        """Read them as soon as that node is there, and again when it has others.

        Args:
            node: that asks.
            name: of the other node.
            read: called after each reading.
        """
        self.name = name
        self.values: dict[str, Any] = {}
        self.descriptors: dict[str, Any] = {}
        self._read = read
        # Whether they are to be read, whether they are being read, and since when.
        self._stale, self._reading, self._asked = True, False, -_PATIENCE
        self._list, self._describe, self._get, self._set = (
            node.create_client(kind, f"{name}/{service}")
            for kind, service in (
                (ri.ListParameters, "list_parameters"),
                (ri.DescribeParameters, "describe_parameters"),
                (ri.GetParameters, "get_parameters"),
                (ri.SetParametersAtomically, "set_parameters_atomically"),
            )
        )

    def update(self) -> None:
        """Read if that is due; to be called now and then."""
        now = time.monotonic()
        due = self._stale or self._reading
        if not due or now - self._asked < _PATIENCE or not self._get.service_is_ready():
            return
        self._asked, self._stale, self._reading = now, False, True
        self._after(self._list.call_async(ri.ListParameters.Request()), self._listed)

    def on_event(self, event: Any) -> dict[str, Any]:
        """Take in an ``rcl_interfaces/msg/ParameterEvent`` of that node; return what changed."""
        changed = {
            entry.name: plain(Parameter.from_parameter_msg(entry).value)
            for entry in event.changed_parameters
        }
        self.values |= changed
        if event.new_parameters or event.deleted_parameters:
            self._stale = True
        return changed

    def set(self, name: str, value: Any, answered: Callable[[str], None]) -> None:
        """Set one.

        Args:
            name: of the parameter.
            value: of its type.
            answered: called with why it was refused; empty: it was set.
        """
        if not self._set.service_is_ready():
            answered(f"{self.name} does not answer")
            return
        request = ri.SetParametersAtomically.Request(
            parameters=[Parameter(name, value=value).to_parameter_msg()]
        )

        def told(answer: Any) -> None:
            result = answer.result
            answered("" if result.successful else result.reason or "refused")

        self._after(self._set.call_async(request), told)

    def _listed(self, answer: Any) -> None:
        names = sorted(answer.result.names)

        def described(answer: Any) -> None:
            self.descriptors = {entry.name: entry for entry in answer.descriptors}
            request = ri.GetParameters.Request(names=names)
            self._after(self._get.call_async(request), lambda answer: self._got(names, answer))

        request = ri.DescribeParameters.Request(names=names)
        self._after(self._describe.call_async(request), described)

    def _got(self, names: list[str], answer: Any) -> None:
        # Some may have gone meanwhile: then there are no values at all, and events that say so.
        self.values = {
            name: plain(_value(name, value))
            for name, value in zip(names, answer.values, strict=False)
        }
        self._asked, self._reading = -_PATIENCE, False
        self._read()

    def _after(self, future: Any, then: Callable[[Any], None]) -> None:
        def done(future: Any) -> None:
            # A service that went away may fail the request; it is repeated when it is back.
            if future.exception() is not None or future.result() is None:
                self._stale = True
            else:
                then(future.result())

        future.add_done_callback(done)


def _value(name: str, value: Any) -> Any:
    message = Parameter(name, value=False).to_parameter_msg()
    message.value = value
    return Parameter.from_parameter_msg(message).value
