"""The node model_trainer: trains the model, publishes models that pass the gate.

Subscribes ``transition`` and ``controller_status``, ``objective`` where it learns a policy, and
``frame`` where it sees; requests missed transitions from ``data_logger/get_transitions``; publishes
``model`` (latched) and ``training_status``. Checkpoints go to ``run_dir/checkpoints``; after a
restart, it continues from the newest.
"""

from __future__ import annotations

import functools
import re
import sys
import time
from pathlib import Path

import torch
from torch import Tensor

from mbrl_ros.core.extensions import ExtensionError
from mbrl_ros.core.kinds import find_kind
from mbrl_ros.core.niceness import yield_process
from mbrl_ros.core.records import Transition
from mbrl_ros.core.signing import private_key, signature_of
from mbrl_ros.core.spaces import Space
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.data.messages import read_frame, signed_content
from mbrl_ros.learning.checked import make_learner
from mbrl_ros.learning.demonstrations import show_bags
from mbrl_ros.learning.fleet import Fleet
from mbrl_ros.learning.learner import GateDecision, Learner
from mbrl_ros.learning.settings import trainer_settings
from mbrl_ros.learning.training import Training
from mbrl_ros.models import checkpoint
from mbrl_ros.models.prior import prior_of
from mbrl_ros.nodes.logged_transitions import LoggedTransitions
from mbrl_ros.nodes.parameters import declare, overridden
from mbrl_ros.nodes.qos import EVENTS, LATCHED
from mbrl_ros.nodes.runner import run_node
from mbrl_ros.nodes.timers import create_steady_timer
from mbrl_ros.objectives.content import read_content
from mbrl_ros.ros import Node
from mbrl_ros.ros import interfaces as ri
from mbrl_ros.system.task_file import absolute_namespace

_STATUS_PERIOD = 1.0
# Minimum time between two warnings about transitions [s].
_COMPLAINT_PERIOD = 5.0
# Segments of the learner's that a fleet's transitions come in, all of one robot.
_SEGMENTS = 5
_NAME = re.compile(r"model-\d{1,18}-\d{1,18}\.safetensors")


class ModelTrainer(Node):
    """Trains continuously, on a thread that callbacks do not wait for."""

    def __init__(self) -> None:
        """Start training.

        Raises:
            ValueError: naming the invalid parameter.
        """
        super().__init__("model_trainer")
        kind = find_kind(str(overridden(self, "learner", TaskSettings().learner)))
        task, settings = declare(self, TaskSettings, trainer_settings(kind))
        torch.set_num_threads(1)
        robots = [absolute_namespace(robot, what="robots") for robot in settings.robots]
        self._run = self.get_namespace() if robots else Path(task.run_dir).name
        self._kept: int = settings.checkpoints
        self._key = private_key(Path(settings.signing_key)) if settings.signing_key else None
        self._checkpoints = Path(task.run_dir) / "checkpoints" if task.run_dir else None
        spaces = task.observation_space(), task.action_space()
        self._learner: Learner = make_learner(
            task.learner, *spaces, settings, task.seed, prior_of(task)
        )
        self._show([Path(bag) for bag in settings.demonstrations], *spaces)
        # Newer than all before it, even if the clock has been set back in the meantime.
        self._epoch = max(int(time.time()), self._restore() + 1)
        self._sequence = 0
        self._misses: dict[str, int] = {}
        self._updates = 0
        self._model_publisher = self.create_publisher(ri.ModelUpdate, "model", LATCHED)
        self._status_publisher = self.create_publisher(ri.TrainingStatus, "training_status", EVENTS)
        self._training = Training(self._learner, self._on_decision, self._on_refusal)
        if spaces[0].images and robots:
            raise ValueError("robots: a fleet shares no frames: expected no observation.images")
        if spaces[0].images:
            # A request brings missed transitions, but no frames: those stay in the bag.
            self._cameras = spaces[0].images
            self.create_subscription(ri.Frame, "frame", self._on_frame, EVENTS)
        self._fleet = Fleet(len(robots), _SEGMENTS * settings.gate.segment, task.period)
        self._logs = self._follow(robots)
        if self._learner.pursues:
            self._read = functools.partial(
                read_content,
                observation=spaces[0], action=spaces[1], period=task.period,
                functions=settings.policy.functions,
            )  # fmt: skip
            # A policy is of one objective: that of a fleet's first robot.
            topic = f"{robots[0]}/objective" if robots else "objective"
            self.create_subscription(ri.Objective, topic, self._on_objective, LATCHED)
        create_steady_timer(self, _STATUS_PERIOD, self._report)
        create_steady_timer(self, self._fleet.patience, self._take_left_over)
        self._training.start()
        self.get_logger().info(f"learning with seed {task.seed}, epoch {self._epoch}")

    def destroy_node(self) -> None:
        """Stop training, and publish the final status."""
        self._training.stop()
        if self._training.failure is None:
            self._report()
        super().destroy_node()

    def _follow(self, robots: list[str]) -> list[LoggedTransitions]:
        """Follow the logs of a fleet, or that of this namespace's robot alone."""
        for robot in robots or [""]:
            self.create_subscription(
                ri.ControllerStatus,
                f"{robot}/controller_status" if robot else "controller_status",
                functools.partial(self._on_controller_status, robot),
                EVENTS,
            )
        if not robots:
            return [LoggedTransitions(self, self._training.add)]
        return [
            LoggedTransitions(self, functools.partial(self._add_of, number), robot)
            for number, robot in enumerate(robots)
        ]

    def _add_of(self, robot: int, transition: Transition) -> None:
        for each in self._fleet.add(robot, transition):
            self._training.add(each)

    def _take_left_over(self) -> None:
        for each in self._fleet.left_over():
            self._training.add(each)

    def _show(self, bags: list[Path], observation: Space, action: Space) -> None:
        try:
            count = show_bags(self._learner, bags, observation, action)
        except ValueError as error:
            raise ValueError(f"demonstrations: {error}") from None
        if bags:
            self.get_logger().info(f"{count} transitions of demonstrations")

    def _restore(self) -> int:
        """Restore the newest checkpoint of an earlier process in this run, if any.

        Returns:
            the newest epoch among the checkpoints; 0: none.
        """
        if self._checkpoints is None:
            return 0
        self._checkpoints.mkdir(parents=True, exist_ok=True)
        found = _by_age(self._checkpoints)
        for path in reversed(found):
            try:
                update = checkpoint.load(path)
            except ValueError as error:
                self.get_logger().warning(str(error))
                continue
            try:
                self._learner.restore(update, self._state_beside(path))
                self.get_logger().info(f"continuing from {path}")
                break
            except ValueError as error:
                self.get_logger().warning(f"{path}: {error}")
        return max((_version(path)[0] for path in found), default=0)

    def _state_beside(self, path: Path) -> dict[str, Tensor] | None:
        """Return the learner's state of a checkpoint; None: missing or corrupt."""
        if not checkpoint.state_path(path).exists():
            return None
        try:
            return checkpoint.load_state(checkpoint.state_path(path))
        except ValueError as error:
            self.get_logger().warning(f"without the optimiser's state: {error}")
            return None

    def _on_frame(self, message: ri.Frame) -> None:
        if message.camera in self._cameras:
            self._training.add(read_frame(message))

    def _on_controller_status(self, robot: str, message: ri.ControllerStatus) -> None:
        self._training.back_off(max(0, message.ticks_late - self._misses.get(robot, 0)))
        self._misses[robot] = message.ticks_late

    def _on_objective(self, message: ri.Objective) -> None:
        try:
            self._training.pursue(self._read(message.content, message.digest))
        except ValueError as error:
            self.get_logger().warning(f"nothing is learned for '{message.name}': {error}")

    def _on_refusal(self, reason: str) -> None:
        self.get_logger().warning(reason, throttle_duration_sec=_COMPLAINT_PERIOD)

    def _on_decision(self, decision: GateDecision) -> None:
        """Publish a model that passed its gate; called on the training thread."""
        update = decision.update
        if update is None:
            return
        self._sequence += 1
        message = ri.ModelUpdate(
            run=self._run,
            epoch=self._epoch,
            sequence=self._sequence,
            transitions=self._learner.received,
            holdout_error=decision.holdout_error,
            kind=update.kind,
            settings=update.settings,
            parts=[
                ri.ModelPart(name=name, weights=part.weights, sha256=part.sha256)
                for name, part in update.parts.items()
            ],
        )
        if self._key is not None:
            message.signature = signature_of(signed_content(message), self._key)
        message.header.stamp = self.get_clock().now().to_msg()
        self._model_publisher.publish(message)
        if self._checkpoints is not None:
            path = self._checkpoints / f"model-{self._epoch}-{self._sequence:06d}.safetensors"
            try:
                checkpoint.save(update, path)
                checkpoint.save_state(self._learner.state(), checkpoint.state_path(path))
                for old in _by_age(self._checkpoints)[: -self._kept]:
                    old.unlink()
                for old in _by_age(self._checkpoints)[:-1]:
                    # It is large, and only the newest is ever restored.
                    checkpoint.state_path(old).unlink(missing_ok=True)
            except OSError as error:
                self.get_logger().error(
                    f"checkpoint not written: {error}", throttle_duration_sec=10.0
                )

    def _report(self) -> None:
        if self._training.failure is not None:
            # A process that does not train is useless: end it, so that it is restarted.
            if isinstance(self._training.failure, ExtensionError):
                print(f"error: {self._training.failure}", file=sys.stderr)
                sys.exit(1)
            raise RuntimeError("training ended") from self._training.failure
        for log in self._logs:
            log.look()
        learner, decision = self._learner, self._training.decision
        nan = float("nan")
        message = ri.TrainingStatus(
            transitions=learner.received,
            left_out=learner.left_out,
            holdout=learner.kept_back,
            updates=learner.updates,
            train_loss=learner.take_loss(),
            one_step_error=decision.one_step_error if decision else nan,
            holdout_error=decision.holdout_error if decision else nan,
            epoch=self._epoch,
            sequence=self._sequence,
            gate=decision.reason if decision else "waiting for data",
            updates_per_second=(learner.updates - self._updates) / _STATUS_PERIOD,
        )
        self._updates = learner.updates
        message.header.stamp = self.get_clock().now().to_msg()
        self._status_publisher.publish(message)


def _version(path: Path) -> tuple[int, int]:
    """Return epoch and sequence from a checkpoint's name."""
    _, epoch, sequence = path.stem.split("-")
    return int(epoch), int(sequence)


def _by_age(folder: Path) -> list[Path]:
    """Return the checkpoints, oldest first; files with other names are ignored."""
    ours = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    return sorted(ours, key=_version)


def main(args: list[str] | None = None) -> int:
    """Run the node until it is stopped; return the process's exit code."""
    yield_process()  # before the middleware's threads are started
    return run_node(ModelTrainer, args)
