"""What the inner loop is worth to the cart-pole rig when somebody pushes it.

    python benchmarks/inner_loop.py MODEL [--period 0.08] [--rate 100] [--seeds 6] [--push 0.5]

MODEL is a checkpoint that was learned at this period, as by `mbrl-ros learn cartpole_rig --steps
8000 --out RUN period:=0.08 mujoco_sim.action_repeat:=8 mpc_controller.planner.horizon:=18`. The
rig's stand-in (100 messages a second), the bridge, the guard and the controller play in simulated
time: the pole is swung up, and one joint is pushed. Printed are, with the command held and with the
inner loop: the mean reward per step in the two seconds after the push, how long until the pole is
up for good, and by how much the pole's angle was off.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from mbrl_ros.models import checkpoint
from mbrl_ros.ros.interfaces import interface
from mbrl_ros.simulation.settings import DisturbanceSettings, PhysicsSettings
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.rehearsal import Rehearsal, task_of
from mbrl_ros.system.rehearsed_plants import RehearsedRobot, read_standin, standin_of

ROBOT, ANGLE, PUSHED, AFTER = "cartpole_rig", 1, 6.0, 2.0
# Of the pole's angle, within which it counts as up [rad].
UP = 0.2


def play(model: Path, seed: int, push: float, parameters: dict[str, object]) -> tuple[float, ...]:
    """Return mean reward, time to recover [s] and RMS of the angle [rad] after a push."""
    configuration = read_task(ROBOT, {**parameters, "seed": seed})
    # Pushes come at any time between two control steps.
    when = PUSHED + 0.013 * seed
    disturbance = DisturbanceSettings(push=push, push_time=when, seed=seed)
    standin = standin_of(read_standin(ROBOT), PhysicsSettings(), disturbance)
    task = task_of(configuration)
    robot = RehearsedRobot(task, configuration.build("robot_bridge"), standin, interface)
    rehearsal = Rehearsal(configuration, robot, checkpoint.load(model))
    record = rehearsal.play(round((PUSHED + AFTER + 0.5) / task.period))
    after = (record.times > when) & (record.times <= when + AFTER)
    angle = np.abs((record.observations[after, ANGLE] + np.pi) % (2 * np.pi) - np.pi)
    down = np.flatnonzero(angle > UP)
    recovered = float(record.times[after][down[-1]] - when) if len(down) else 0.0
    return float(record.rewards[after[1:]].mean()), recovered, float(np.sqrt(np.mean(angle**2)))


def main() -> None:
    """Play with and without, with the same seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--period", type=float, default=0.08, help="of control [s]")
    parser.add_argument("--rate", type=float, default=100.0, help="of the inner loop [1/s]")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--push", type=float, default=0.5, help="[m/s, rad/s]")
    arguments = parser.parse_args()
    shared: dict[str, object] = {
        "period": arguments.period,
        "mpc_controller.planner.horizon": round(1.44 / arguments.period),
        "mpc_controller.planner.iterations": 3,
    }
    print("seed  reward after a push   recovered after [s]   pole off [rad, RMS]")
    print("      held     inner loop   held     inner loop   held     inner loop")
    rows = []
    for seed in range(arguments.seeds):
        each = [
            play(arguments.model, seed, arguments.push, {**shared, "robot_bridge.inner_loop": rate})
            for rate in (0.0, arguments.rate)
        ]
        rows.append(np.array(each).T)
        print(f"{seed:4}  " + "   ".join(f"{held:<8.3f} {loop:<10.3f}" for held, loop in rows[-1]))
    mean = np.mean(rows, axis=0)
    print("mean  " + "   ".join(f"{held:<8.3f} {loop:<10.3f}" for held, loop in mean))


if __name__ == "__main__":
    main()
