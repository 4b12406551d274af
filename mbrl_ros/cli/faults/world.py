"""A running system whose processes are ours to harm, and a stranger on its topics."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from mbrl_ros import ros
from mbrl_ros.cli.faults.judge import Judge
from mbrl_ros.cli.faults.observer import Observer
from mbrl_ros.cli.node_process import node_command
from mbrl_ros.cli.supervisor import Supervisor
from mbrl_ros.core.settings import build
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.nodes.qos import COMMAND, EVENTS, LATCHED
from mbrl_ros.ros import interfaces as ri
from mbrl_ros.system.launching import System

_POLL = 0.02
# Topics that a stranger speaks on, each as the system's own publishers do.
_TOPICS = {
    "action_proposed": (ri.Action, COMMAND),
    "action": (ri.Action, COMMAND),
    "observation": (ri.Observation, EVENTS),
    "model": (ri.ModelUpdate, LATCHED),
    "transition": (ri.Transition, EVENTS),
    "goal": (ri.Goal, LATCHED),
    "goal_sequence": (ri.GoalSequence, LATCHED),
    "estop": (ri.Bool, EVENTS),
    "action_override": (ri.Float64MultiArray, EVENTS),
}


class World:
    """Starts a system, observes it, and lends means to do harm.

    Attributes:
        task: of the system.
        rng: chooses what is left to chance.
        observer: judges what happens.
        supervisor: of the processes.
        model: the newest model that was published; None before the first.
        system: what was started.
        recent: topic to the newest messages on it.
    """

    def __init__(self, system: System, seed: int) -> None:
        """Prepare everything; nothing runs yet."""
        self.system = system
        self.task: TaskSettings = build(TaskSettings, system.configuration.shared)
        self.rng = np.random.default_rng(seed)
        self.model: Any = None
        self.observer = Observer(Judge(self.task, system.configuration.build("safety_guard")))
        self._node = ros.Node("stranger", enable_rosout=False)
        self._publishers: dict[str, Any] = {}
        self._node.create_subscription(ri.ModelUpdate, "model", self._on_model, LATCHED)
        self.recent: dict[str, deque[Any]] = {}
        for topic in ("action_proposed", "observation"):
            self.recent[topic] = deque(maxlen=100)
            kind, qos = _TOPICS[topic]
            self._node.create_subscription(kind, topic, self.recent[topic].append, qos)
        arguments = ["--ros-args", "--params-file", str(system.parameter_file)]
        for old, new in [("__ns", system.namespace), *system.remappings]:
            arguments += ["-r", f"{old}:={new}"]
        self.supervisor = Supervisor(
            {name: node_command(name, arguments) for name in system.kind.nodes},
            system.run_dir / "logs",
            lambda *_: None,
        )
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._spin, name="observer", daemon=True)

    def start(self) -> None:
        """Start the processes."""
        self._thread.start()
        self.supervisor.start()

    def stop(self) -> None:
        """Stop the processes in the order of the system, then the observer."""
        self.supervisor.stop([[name] for name in self.system.kind.stopping], lambda: False)
        self._over.set()
        self._thread.join()
        self.observer.destroy_node()
        self._node.destroy_node()

    def publish(self, topic: str, **fields: Any) -> None:
        """Say something on one of the system's topics."""
        kind, qos = _TOPICS[topic]
        if topic not in self._publishers:
            self._publishers[topic] = self._node.create_publisher(kind, topic, qos)
            self.wait(0.5)  # until the others have found it
        self._publishers[topic].publish(kind(**fields))

    def silence(self, topic: str) -> None:
        """Take a stranger's publisher away, with what it had latched."""
        if publisher := self._publishers.pop(topic, None):
            self._node.destroy_publisher(publisher)

    def call(self, kind: Any, name: str, request: Any, timeout: float = 10.0) -> Any:
        """Call a service; return the answer, None if there is none in time."""
        client = self._node.create_client(kind, name)
        try:
            if not self.until(client.service_is_ready, timeout):
                return None
            future = client.call_async(request)
            return future.result() if self.until(future.done, timeout) else None
        finally:
            self._node.destroy_client(client)

    def wait(self, seconds: float) -> None:
        """Let time pass; nodes that have ended are started again."""
        self.until(lambda: False, seconds)

    def until(self, condition: Callable[[], Any], timeout: float) -> bool:
        """Wait for a condition, and return whether it came true in time [s]."""
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                return False
            self.supervisor.check()
            time.sleep(_POLL)
        return True

    def _on_model(self, message: Any) -> None:
        if message.run == self.system.run_dir.name:
            self.model = message

    def _spin(self) -> None:
        executor = ros.SingleThreadedExecutor()
        executor.add_node(self.observer)
        executor.add_node(self._node)
        while not self._over.is_set():
            executor.spin_once(timeout_sec=0.1)
        executor.shutdown()
