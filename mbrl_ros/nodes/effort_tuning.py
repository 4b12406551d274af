"""How much the controller's planner does, as measured on this machine."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable, Collection

from mbrl_ros.control.autotune import Effort
from mbrl_ros.control.controller import Controller
from mbrl_ros.control.tuning import tune
from mbrl_ros.control.turns import Gap, TuningStoppedError, Turns
from mbrl_ros.ros import Node

# Maximum time that the measurement keeps the interpreter lock from the loop [s], which asks for it
# again after each of some hundred operations of a plan.
_SWITCH_INTERVAL = 0.0001


class EffortTuning:
    """Measures on a thread of its own, and has the effort that fits planned with."""

    def __init__(
        self, node: Node, controller: Controller, gap: Gap, pinned: Collection[str],
        plan_with: Callable[[Effort], None],
    ) -> None:  # fmt: skip
        """Measure nothing yet.

        Args:
            node: in whose log it is told.
            controller: which plans.
            gap: between its ticks, in which is measured.
            pinned: names of the planner's settings that are to stay.
            plan_with: called with an effort to plan with from now on.
        """
        self._log = node.get_logger()
        self._controller = controller
        self._pinned = pinned
        self._plan_with = plan_with
        self._thread: threading.Thread | None = None
        self._turns = Turns(gap=gap)
        self._found: queue.SimpleQueue[Effort] = queue.SimpleQueue()

    @property
    def begun(self) -> bool:
        """Whether it was ever measured, or is."""
        return self._thread is not None

    @property
    def under_way(self) -> bool:
        """Whether it is being measured."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, otherwise: Effort, meanwhile: Effort | None = None) -> None:
        """Start measuring.

        Args:
            otherwise: effort to use if the measurement fails.
            meanwhile: effort until then; None: the present one.
        """
        if meanwhile is not None:
            self._plan_with(meanwhile)
        self._thread = threading.Thread(
            target=self._measure, args=(otherwise,), name="autotune", daemon=True
        )
        self._thread.start()

    def take_up(self) -> None:
        """Plan with what was found since the last call, if anything was."""
        while not self._found.empty():
            self._plan_with(self._found.get())

    def close(self) -> None:
        """Stop measuring: no thread may be inside torch when the interpreter exits."""
        self._turns.stop.set()
        if self._thread is not None:
            self._thread.join()

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
