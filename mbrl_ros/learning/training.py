"""Continuous training on a separate thread."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

from mbrl_ros.core.records import Frame, Transition
from mbrl_ros.learning.learner import GateDecision, Learner
from mbrl_ros.objectives.objective import Objective

# Rest after an update, as a multiple of its duration, while the controller misses deadlines.
_FIRST_REST = 0.5
_LONGEST_REST = 8.0
# Interval for checking whether to stop while waiting for data [s].
_PATIENCE = 0.1


class Training:
    """Feeds and runs a learner without blocking the caller.

    Attributes:
        decision: the last decision of the gate.
        failure: the exception that ended the thread; None: none.
    """

    def __init__(
        self,
        learner: Learner,
        on_decision: Callable[[GateDecision], None],
        on_refusal: Callable[[str], object],
    ) -> None:
        """Create the thread, not yet started.

        Args:
            learner: owned by the thread from `start` on.
            on_decision: called on the thread with every decision of the gate.
            on_refusal: called on the thread with the reason why a transition or frame was rejected.
        """
        self.decision: GateDecision | None = None
        self.failure: Exception | None = None
        self._learner = learner
        self._on_decision = on_decision
        self._on_refusal = on_refusal
        self._queue: queue.SimpleQueue[Transition | Frame] = queue.SimpleQueue()
        self._rest = 0.0
        self._objective: Objective | None = None
        self._running = False
        self._thread = threading.Thread(target=self._guarded, name="training", daemon=True)

    def start(self) -> None:
        """Start training."""
        self._running = True
        self._thread.start()

    def stop(self) -> None:
        """Stop after the gradient step in progress."""
        self._running = False
        self._thread.join()

    def add(self, new: Transition | Frame) -> None:
        """Queue a transition or a frame; does not block."""
        self._queue.put(new)

    def pursue(self, objective: Objective) -> None:
        """Have the learner learn for an objective; does not block."""
        self._objective = objective

    def back_off(self, misses: int) -> None:
        """Rest between updates while the controller misses deadlines, decreasingly so afterwards.

        Args:
            misses: deadlines missed since the last call.
        """
        if misses:
            self._rest = min(max(2 * self._rest, _FIRST_REST), _LONGEST_REST)
        else:
            self._rest = 0.8 * self._rest if self._rest > 0.1 else 0.0

    def _guarded(self) -> None:
        try:
            self._run()
        except Exception as error:  # reported by the owner, which can end the process
            self.failure = error

    def _run(self) -> None:
        learner = self._learner
        while self._running:
            if (objective := self._objective) is not None:
                learner.pursue(objective)
            busy = learner.owed_updates >= 1
            self._take_in(wait=not busy and not learner.is_due)
            # Judged on time even when updates lag behind the data: a partly trained model is better
            # than an old one.
            if learner.is_due:
                self.decision = learner.judge()
                self._on_decision(self.decision)
            elif busy:
                began = time.monotonic()
                learner.update()
                if self._rest:
                    time.sleep(self._rest * (time.monotonic() - began))

    def _take_in(self, wait: bool) -> None:
        """Pass queued transitions and frames to the learner."""
        try:
            # Checked here too: they may come faster than they are taken in.
            while self._running:
                new = self._queue.get(timeout=_PATIENCE) if wait else self._queue.get_nowait()
                wait = False
                try:
                    if isinstance(new, Frame):
                        self._learner.see(new)
                    else:
                        if absurd := self._learner.take(new):
                            self._on_refusal(f"not learned from: {absurd}")
                except ValueError as error:
                    self._on_refusal(str(error))
        except queue.Empty:
            pass
