"""``mbrl-ros export CHECKPOINT --onnx -o FILE``: a policy for other programs."""

from __future__ import annotations

import argparse
from pathlib import Path

from mbrl_ros.cli.terminal import Terminal
from mbrl_ros.core.settings import SettingsError, build
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.core.whole_file import write_whole
from mbrl_ros.system.configuration import read_task


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("checkpoint", type=Path, help="a model, as written by the trainer")
    parser.add_argument(
        "--onnx", action="store_true", required=True,
        help="as ONNX, from observation to action, in the units and orders told in its metadata",
    )  # fmt: skip
    parser.add_argument("-o", "--out", type=Path, required=True, help="file to write")
    parser.add_argument(
        "--task", help="shipped task or parameter file (default: config.yaml of the run)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the file and check its answers.

    Raises:
        ValueError: for an invalid argument, or a checkpoint without a policy.
        OSError: if the file cannot be written.
    """
    source: Path = arguments.checkpoint
    task = arguments.task or str(source.parent.parent / "config.yaml")
    if not arguments.task and not Path(task).is_file():
        raise SettingsError(f"--task: expected one, since there is no {task}")
    told = build(TaskSettings, read_task(task).shared)
    from mbrl_ros.models import checkpoint
    from mbrl_ros.models.actor_critic.onnx_file import TOLERANCE, to_onnx
    from mbrl_ros.models.actor_critic.packing import read_actor_critic
    from mbrl_ros.models.packing import unpack
    from mbrl_ros.models.prior import prior_of

    update = checkpoint.load(source)
    try:
        model = unpack(update, prior=prior_of(told))
        learned = read_actor_critic(update, model.observation, model.action)
    except ValueError as error:
        raise SettingsError(f"{source}: {error}") from None
    if learned is None:
        raise SettingsError(
            f"{source}: no policy was learned (model_trainer.policy.learn:=true learns one)"
        )
    try:
        data = to_onnx(learned, {"period": told.period, "delay": model.delay})
    except ImportError as missing:
        raise SettingsError(
            f"--onnx: needs {missing.name}, which is not installed: pip install 'mbrl_ros[onnx]'"
        ) from None
    write_whole(arguments.out, data)
    Terminal().print(
        f"{arguments.out}: {', '.join(model.observation.names)} -> "
        f"{', '.join(model.action.names)}, every {told.period:g} s; "
        f"onnxruntime answers the same to {TOLERANCE:g} of half the actions' range"
    )
    return 0
