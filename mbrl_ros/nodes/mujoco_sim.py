"""The node mujoco_sim: a simulated plant on topics.

Publishes ``observation`` once per control step, ``joint_states`` where the model has joints,
``clock``, and with a camera ``image`` and ``frame``, which identifies its observation. Subscribes
``action``. Services ``~/reset``, ``~/pause`` and ``~/step``; they return at once, and the
stepping thread acts on them, as it does on the live parameters ``physics.*``.

As usual for simulators, all stamps are simulation time, as on ``clock``; it advances by one
period per observation and never runs backwards, not even at a reset. It restarts with the
process.
"""

from __future__ import annotations

import array
import sys
from pathlib import Path
from typing import Any

from mbrl_ros.core.realtime import AROUND, prioritize_process
from mbrl_ros.core.records import Frame, Observation
from mbrl_ros.core.settings import build, flat
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.data.frames import encode
from mbrl_ros.nodes.parameters import declare, on_change
from mbrl_ros.nodes.record_messages import frame_message, observation_message, time_message
from mbrl_ros.nodes.runner import run_node
from mbrl_ros.nodes.timers import create_steady_timer
from mbrl_ros.ros import Node, QoSProfile, ok
from mbrl_ros.ros import interfaces as ri
from mbrl_ros.simulation.answers import WrongAnswerError
from mbrl_ros.simulation.camera import Camera, Image
from mbrl_ros.simulation.settings import CameraSettings, SimulatorSettings
from mbrl_ros.simulation.simulator import make_simulator
from mbrl_ros.simulation.stepper import Stepper
from mbrl_ros.simulation.video import Video, open_video
from mbrl_ros.system.launch_kinds import REFUSED

# Interval of checks for problems in the stepping thread [s].
_CHECK_PERIOD = 0.5
# Minimum interval between equal warnings [s].
_COMPLAINT_PERIOD = 5.0
# The maximum for dm_control's random numbers.
_LARGEST_SEED = 2**32 - 1


class MujocoSim(Node):
    """Steps a plant in real time or in lock-step and publishes its state."""

    def __init__(self) -> None:
        """Create the plant and start.

        Raises:
            ValueError: naming the invalid parameter.
        """
        super().__init__("mujoco_sim")
        task, settings = declare(self, TaskSettings, SimulatorSettings)
        self._settings: SimulatorSettings = settings
        self._error: Exception | None = None
        self._reported = (0, 0)
        self._simulator = make_simulator(task, settings)
        self._stepper = Stepper(
            self._simulator, self._publish, self._fail, real_time_factor=task.real_time_factor
        )
        # Reliable and deep, for a logger that must not miss one; best-effort subscriptions
        # match this publisher too.
        self._observations = self.create_publisher(
            ri.Observation, "observation", QoSProfile(depth=100)
        )
        self._clock_publisher = self.create_publisher(ri.Clock, "clock", QoSProfile(depth=1))
        physics = self._simulator.plant.physics
        self._joints = physics if physics is not None and physics.joints().names else None
        if self._joints is not None:
            self._joint_states = self.create_publisher(
                ri.JointState, "joint_states", QoSProfile(depth=10)
            )
        self._video: Video | None = None
        self._frame: Any = None
        self._camera = self._open_camera(settings.camera, task.run_dir)
        self.create_subscription(ri.Action, "action", self._on_action, QoSProfile(depth=1))
        self.create_service(ri.Reset, "~/reset", self._on_reset)
        self.create_service(ri.SetBool, "~/pause", self._on_pause)
        self.create_service(ri.Step, "~/step", self._on_step)
        create_steady_timer(self, _CHECK_PERIOD, self._check)
        on_change(self, self._apply)
        if not task.lock_step:
            prioritize_process(AROUND)
        self._stepper.start()
        mode = "lock-step" if task.lock_step else f"real time x {task.real_time_factor:g}"
        self.get_logger().info(f"{settings.environment}: period {task.period:g} s, {mode}")

    def destroy_node(self) -> None:
        """Stop stepping, finish the video, free the plant."""
        self._stepper.stop()
        if self._camera is not None:
            self._camera.close()
        if self._video is not None:
            self._video.close()
        self._simulator.close()
        super().destroy_node()

    def _open_camera(self, settings: CameraSettings, run_dir: str) -> Camera | None:
        if settings.rate <= 0:
            return None
        if settings.video and not run_dir:
            raise ValueError("camera.video: needs run_dir to record into")
        self._images = self.create_publisher(ri.Image, "image", QoSProfile(depth=2))
        self._frames = self.create_publisher(ri.Frame, "frame", QoSProfile(depth=100))
        camera = Camera(self._simulator.plant, settings, self._show)
        self._camera_name = camera.name
        if settings.video:
            self._video = open_video(Path(run_dir), settings.width, settings.height, settings.rate)
            self.get_logger().info(f"recording {self._video.path}")
        return camera

    # On the stepping thread.

    def _publish(self, observation: Observation) -> None:
        message = observation_message(observation)
        header = message.header
        # The clock first, so that no subscriber on simulation time sees a stamp from the future.
        self._clock_publisher.publish(ri.Clock(clock=header.stamp))
        self._observations.publish(message)
        if self._joints is not None:
            joints = self._joints.joints()
            self._joint_states.publish(
                ri.JointState(
                    header=header,
                    name=list(joints.names),
                    position=joints.positions.tolist(),
                    velocity=joints.velocities.tolist(),
                    effort=joints.efforts.tolist(),
                )
            )
        frame = self._frame
        if frame is not None and (frame.episode, frame.step) == (message.episode, message.step):
            # The observation is repeated for late subscribers, which need its frame, too.
            self._frames.publish(frame)
        elif self._camera is not None:
            # In lock-step there is no deadline, so no frame is skipped.
            self._camera.offer(observation, wait=self._simulator.lock_step)

    def _fail(self, error: Exception) -> None:
        self._error = error

    # On the camera's thread.

    def _show(self, observation: Observation, image: Image) -> None:
        height, width, channels = image.shape
        if self._video is not None:
            self._video.write(image)
        if not ok():
            return
        self._images.publish(
            ri.Image(
                header=ri.Header(stamp=time_message(observation.stamp), frame_id="camera"),
                height=height,
                width=width,
                encoding="rgb8",
                step=width * channels,
                data=array.array("B", image.tobytes()),
            )
        )
        encoding = self._settings.camera.encoding
        frame = frame_message(
            Frame(
                observation.episode,
                observation.step,
                self._camera_name,
                encoding,
                width,
                height,
                encode(image, encoding),
                observation.stamp,
            )
        )
        self._frames.publish(frame)
        self._frame = frame

    # On the executor's thread.

    def _on_action(self, message: Any) -> None:
        silence = message.source == ri.Action.HOLD
        safe = silence or message.source == ri.Action.FALLBACK
        try:
            self._stepper.command(message.values, message.episode, message.step, safe, silence)
        except ValueError as error:
            self.get_logger().warning(
                f"refused {error} ({self._simulator.refused} refused so far)",
                throttle_duration_sec=_COMPLAINT_PERIOD,
            )

    def _on_reset(self, request: Any, response: Any) -> Any:
        if request.seed > _LARGEST_SEED:
            response.success = False
            response.message = f"seed: expected at most {_LARGEST_SEED}, got {request.seed}"
            return response
        self._stepper.reset(request.seed if request.seed >= 0 else None)
        response.success = True
        response.message = f"episode {self._simulator.observation.episode + 1} begins"
        return response

    def _on_pause(self, request: Any, response: Any) -> Any:
        self._stepper.pause(request.data)
        response.success = True
        response.message = f"{'paused' if request.data else 'running'}, {self._where()}"
        return response

    def _on_step(self, request: Any, response: Any) -> Any:
        try:
            self._stepper.grant(request.steps)
        except ValueError as error:
            response.success = False
            response.message = f"{error}; call {self.get_name()}/pause first"
        else:
            response.success = True
            count = f"{request.steps} step{'s' if request.steps != 1 else ''}"
            response.message = f"{count} from {self._where()}"
        return response

    def _apply(self, changed: dict[str, Any]) -> None:
        """Apply changed parameters together, from the next step on; ValueError refuses them."""
        physics = {n: v for n, v in changed.items() if n.startswith("physics.")}
        settings = build(SimulatorSettings, {**flat(self._settings), **physics})
        self._simulator.change_physics(settings.physics)
        self._settings = settings

    def _where(self) -> str:
        seen = self._simulator.observation
        return f"episode {seen.episode} step {seen.step}"

    def _check(self) -> None:
        if isinstance(self._error, WrongAnswerError):
            # It would return the same again.
            print(f"error: {self._error}", file=sys.stderr)
            sys.exit(REFUSED)
        if self._error is not None:
            kind = type(self._error).__name__
            raise RuntimeError(f"the simulation stopped: {kind}: {self._error}") from self._error
        if self._camera is not None and self._camera.failure:
            self.get_logger().error(
                f"no more images of camera '{self._camera_name}': {self._camera.failure}",
                throttle_duration_sec=_COMPLAINT_PERIOD,
            )
        counts = (self._simulator.diverged, self._stepper.missed)
        if counts[0] > self._reported[0]:
            simulator = self._simulator
            self.get_logger().warning(
                f"{simulator.unstable or simulator.divergence}; reset {counts[0]} times so far"
            )
        if counts[1] > self._reported[1]:
            self.get_logger().warning(
                f"cannot keep up: {counts[1]} control steps skipped so far",
                throttle_duration_sec=_COMPLAINT_PERIOD,
            )
        self._reported = counts


def main(args: list[str] | None = None) -> int:
    """Run the node until it is stopped; return the process's exit code."""
    return run_node(MujocoSim, args)
