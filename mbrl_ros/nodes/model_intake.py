"""The way of a model from the topic, or a file, to the controller."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mbrl_ros.control.model_history import Version
from mbrl_ros.control.model_manager import ActiveModel, ModelManager
from mbrl_ros.control.settings import ControllerSettings
from mbrl_ros.core.extensions import describe
from mbrl_ros.core.realtime import follow_main_thread
from mbrl_ros.core.signing import is_signed, public_key
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.data.messages import signed_content
from mbrl_ros.models.checkpoint import load_expected
from mbrl_ros.models.update import ModelPart, ModelUpdate
from mbrl_ros.ros import Node
from mbrl_ros.ros import interfaces as ri

# Minimum time between two identical warnings [s].
_COMPLAINT_PERIOD = 5.0


class ModelIntake:
    """Refuses models that are not for this controller, and unpacks the others on a thread."""

    def __init__(
        self, node: Node, models: ModelManager, task: TaskSettings, settings: ControllerSettings
    ) -> None:
        """Take the model of ``model_file``, if there is one.

        Args:
            node: in whose log refusals are told.
            models: of the controller.
            task: whose runs' models they may be.
            settings: say whose models they may be.

        Raises:
            ValueError: if the file or the key cannot be used, or is not the one that is expected.
        """
        self._log = node.get_logger()
        self._models = models
        # A fleet's trainer has a run of its own.
        self._run = task.trainer or Path(task.run_dir).name
        self._file, self._key_file = settings.model_file, settings.model_key
        self._key = public_key(Path(self._key_file)) if self._key_file else None
        self._unpacking = ThreadPoolExecutor(1, "unpacking", follow_main_thread)
        # Only the newest: models may arrive faster than they can be unpacked.
        self._arrived: deque[tuple[ModelUpdate, Version]] = deque(maxlen=1)
        self._prepared: queue.SimpleQueue[ActiveModel] = queue.SimpleQueue()
        if self._file:
            update = load_expected(Path(self._file), settings.model_sha256)
            self._prepared.put(models.prepare(update, 1, 1))

    def close(self) -> None:
        """End the thread: none may be inside torch when the interpreter exits."""
        self._unpacking.shutdown(cancel_futures=True)

    def on_model(self, message: ri.ModelUpdate) -> None:
        """Take a message of the topic ``model``."""
        if trouble := self._trouble_with(message):
            self._refuse(ValueError(trouble))
            return
        parts = {p.name: ModelPart(bytes(p.weights), p.sha256) for p in message.parts}
        update = ModelUpdate(message.kind, message.settings, parts)
        self._arrived.append((update, (message.epoch, message.sequence)))
        # Unpacking megabytes must not delay observations or the e-stop.
        self._unpacking.submit(self._prepare)

    def take_up(self) -> bool:
        """Give the controller what was unpacked; return whether it has taken any."""
        taken = False
        while not self._prepared.empty():
            try:
                self._models.take(self._prepared.get())
                taken = True
            except Exception as error:  # a user's own kind may raise anything
                self._refuse(error)
        return taken

    def on_rollback(self, request: Any, response: Any) -> Any:
        """Go back to the previous model, as asked by a service."""
        return self._changed(response, self._models.roll_back)

    def on_use_newest(self, request: Any, response: Any) -> Any:
        """Use the newest model again, as asked by a service."""
        return self._changed(response, self._models.use_newest)

    def _changed(self, response: Any, change: Callable[[], None]) -> Any:
        """Change the model in use, and fill in the response."""
        try:
            change()
        except ValueError as error:
            response.success, response.message = False, str(error)
        else:
            epoch, sequence = self._models.version
            response.success, response.message = True, f"model {epoch}/{sequence} in use"
            self._log.info(response.message)
        return response

    def _trouble_with(self, message: ri.ModelUpdate) -> str:
        """Return why a model is not for this controller; empty if it is."""
        if self._file:
            return f"it acts with {self._file} only"
        if self._run and message.run not in ("", self._run):
            return f"it is of the run '{message.run}', expected '{self._run}'"
        key = self._key
        if key is not None and not is_signed(signed_content(message), message.signature, key):
            return f"it is not signed with the key of {self._key_file}"
        return ""

    def _prepare(self) -> None:
        """Unpack the newest model; runs on its own thread."""
        if not self._arrived:
            return
        update, version = self._arrived.pop()
        try:
            self._prepared.put(self._models.prepare(update, *version))
        except Exception as error:  # a user's own kind may raise anything
            self._refuse(error)

    def _refuse(self, error: Exception) -> None:
        why = str(error) if isinstance(error, ValueError) else describe(error)
        self._log.warning(f"model refused: {why}", throttle_duration_sec=_COMPLAINT_PERIOD)
