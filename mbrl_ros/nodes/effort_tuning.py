"""How much the controller's planner does, as measured on this machine."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Collection
from dataclasses import asdict, fields
from typing import Any

from mbrl_ros.control.autotune import Effort
from mbrl_ros.control.controller import Controller
from mbrl_ros.control.tuning import least_effort, tune
from mbrl_ros.control.turns import Gap, TuningStoppedError, Turns
from mbrl_ros.nodes.controller_memory import ControllerMemory
from mbrl_ros.ros import Node, Parameter

# Maximum time that the measurement keeps the interpreter lock from the loop [s], which asks for it
# again after each of some hundred operations of a plan.
_SWITCH_INTERVAL = 0.0001


class EffortTuning:
    """Measures on a thread of its own, and has the effort that fits planned with."""

    def __init__(
        self, node: Node, controller: Controller, gap: Gap, pinned: Collection[str],
        memory: ControllerMemory,
    ) -> None:  # fmt: skip
        """Measure nothing yet.

        Args:
            node: whose parameters ``planner.*`` say what is planned with, and in whose log it is
                told.
            controller: which plans.
            gap: between its ticks, in which is measured.
            pinned: names of the planner's settings that are to stay.
            memory: of the node.
        """
        self._node, self._log = node, node.get_logger()
        self._controller = controller
        self._pinned = pinned
        self._memory = memory
        self._thread: threading.Thread | None = None
        self._turns = Turns(gap=gap)
        self._found: queue.SimpleQueue[Effort] = queue.SimpleQueue()

    def begin(self) -> None:
        """Measure with the first model, where it is to be done."""
        controller = self._controller
        wanted = controller.settings.autotune and not controller.lock_step
        if not wanted or controller.agent.planner is None or self._thread is not None:
            return
        effort = self._effort
        # As little as possible until it is known what fits, so that no tick is late.
        self._plan_with(least_effort(controller, self._pinned))
        self._start(effort)

    def on_autotune(self, request: Any, response: Any) -> Any:
        """Measure, as asked by a service."""
        response.success = False
        if self._controller.lock_step:
            response.message = "in lock-step there is no budget to fit into"
        elif self._controller.models.active is None:
            response.message = "there is no model yet to measure with"
        elif self._thread is not None and self._thread.is_alive():
            response.message = "it is being measured already"
        else:
            self._start(self._effort)
            response.success = True
            response.message = "measuring; the log and the parameters planner.* will tell"
        return response

    def take_up(self) -> None:
        """Plan with what was found since the last call, if anything was."""
        while not self._found.empty():
            self._plan_with(self._found.get())

    def close(self) -> None:
        """Stop measuring: no thread may be inside torch when the interpreter exits."""
        self._turns.stop.set()
        if self._thread is not None:
            self._thread.join()

    @property
    def _effort(self) -> Effort:
        """The cost of a plan with the present settings."""
        planner = self._controller.settings.planner
        return Effort(*(getattr(planner, field.name) for field in fields(Effort)))

    def _plan_with(self, effort: Effort) -> None:
        values = asdict(effort).items()
        parameters = [Parameter(f"planner.{name}", value=value) for name, value in values]
        self._node.set_parameters_atomically(parameters)
        # Measured anew by a process that is started again, so not among what was asked for.
        measured = {f"planner.{name}" for name, _ in values} - {
            f"planner.{name}" for name in self._pinned
        }
        asked = {n: v for n, v in self._memory.kept.planner.items() if n not in measured}
        self._memory.keep(planner=asked)

    def _start(self, otherwise: Effort) -> None:
        """Start measuring.

        Args:
            otherwise: effort to use if the measurement fails.
        """
        self._thread = threading.Thread(
            target=self._measure, args=(otherwise,), name="autotune", daemon=True
        )
        self._thread.start()

    def _measure(self, otherwise: Effort) -> None:
        before = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_INTERVAL)
        try:
            tuning = tune(self._controller, self._pinned, self._turns)
        except TuningStoppedError:
            return
        except Exception as error:  # a user's own term or kind may raise anything
            reason = f"{type(error).__name__}: {error}"
            self._log.error(f"autotune failed, planning goes on as before: {reason}")
            self._found.put(otherwise)
        else:
            self._log.info(f"autotune: {tuning}")
            self._found.put(tuning.effort)
        finally:
            sys.setswitchinterval(before)
