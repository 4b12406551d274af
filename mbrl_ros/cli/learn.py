"""``mbrl-ros learn``: the nodes' components in lock-step, in one process, without DDS."""

from __future__ import annotations

import argparse
import contextlib
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mbrl_ros.cli.progress import progress_bar
from mbrl_ros.cli.standin import find_standin
from mbrl_ros.cli.stop_request import EndedEarlyError, StopRequest
from mbrl_ros.cli.terminal import Terminal
from mbrl_ros.core.extensions import ExtensionError, describe, place_of
from mbrl_ros.core.settings import SettingsError, build
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.reports.curves import CURVES, Curves
from mbrl_ros.reports.history import History, percentile
from mbrl_ros.reports.lines import number
from mbrl_ros.reports.metrics import RunMetrics
from mbrl_ros.system.configuration import (
    Configuration,
    check_free,
    check_resumable,
    parse_assignments,
    read_task,
    versions_in_use,
)
from mbrl_ros.system.launch_kinds import PLANT
from mbrl_ros.system.task_file import absolute_namespace

if TYPE_CHECKING:
    from mbrl_ros.evaluation.episodes import Played
    from mbrl_ros.simulation.simulator import Vary
    from mbrl_ros.system.lock_step import LockStepSystem
    from mbrl_ros.system.plants import MakePlant


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "task",
        help="a shipped task, an environment's id, an MJCF file, or a parameter file (.yaml)",
    )
    parser.add_argument("--steps", type=int, default=5000, help="environment steps to learn from")
    parser.add_argument("--seed", type=int, default=0, help="random seed")
    parser.add_argument("--out", type=Path, required=True, help="new or empty folder to write to")
    parser.add_argument(
        "--eval-episodes", type=int, default=10,
        help="evaluation episodes with the model frozen, from starts of the seed's own",
    )  # fmt: skip
    parser.add_argument(
        "--true-dynamics", action="store_true",
        help="also play them with the plant's true dynamics as the model: the ceiling",
    )  # fmt: skip
    parser.add_argument(
        "--resume", action="store_true", help="go on with what --out holds, if it holds anything"
    )
    parser.add_argument(
        "--standin", metavar="FILE",
        help="learn from a robot's stand-in (.yaml, or a shipped robot); default: that of the "
        "same name, if mujoco_sim.environment is empty",
    )  # fmt: skip
    parser.add_argument(
        "--randomise", nargs="?", const="", metavar="FILE",
        help="draw masses, friction and motors anew for each episode, within the ranges of a "
        "graduation (.yaml; default: the robot's own)",
    )  # fmt: skip
    parser.add_argument("parameters", nargs="*", help="further parameters, name:=value")


def run(arguments: argparse.Namespace) -> int:
    """Learn, evaluate and report.

    A signal, a failing environment and a full disk end it early, with what was learned until then.

    Raises:
        EndedEarlyError: if it ended early.
        SettingsError: for an invalid argument or parameter.
        OSError: if the folder cannot be written.
    """
    for name, value, least in (
        ("--steps", arguments.steps, 1),
        ("--eval-episodes", arguments.eval_episodes, 0),
    ):
        if value < least:
            raise SettingsError(f"{name}: expected an integer >= {least}, got {value}")
    words = parse_assignments(arguments.parameters, {"seed": "--seed", "run_dir": "--out"})
    namespace = words.pop("namespace", "")
    configuration = read_task(
        arguments.task,
        {**words, "seed": arguments.seed, "run_dir": ""},
        absolute_namespace(str(namespace)) if namespace else "",
    )
    if arguments.resume and check_resumable(arguments.out, "--resume", configuration):
        _check_same_plant(arguments)
    else:
        check_free(arguments.out, "--out")
    for note in configuration.notes:
        print(note)
    make, vary = _plants(configuration, arguments), _varied(configuration, arguments)
    _learn(configuration, arguments.out, arguments, make, vary)
    return 0


def _check_same_plant(arguments: argparse.Namespace) -> None:
    """Check that what an earlier process learned from is what is to be learned from.

    Raises:
        SettingsError: if it is not.
    """
    from mbrl_ros.cli.learning_folder import read_summary

    # Where it was killed before its first model, there is none.
    if not (before := read_summary(arguments.out)):
        return
    for name in ("standin", "randomise"):
        if (was := before.get(name)) != (value := getattr(arguments, name)):
            raise SettingsError(f"--resume: {arguments.out}: --{name} was {was!r}, got {value!r}")


def _plants(configuration: Configuration, arguments: argparse.Namespace) -> MakePlant:
    """Return what makes the plant to learn from."""
    from mbrl_ros.ros import interfaces as ri
    from mbrl_ros.system.plants import StandinPlants, simulated

    if configuration.build(PLANT).environment and not arguments.standin:
        return simulated
    standin = find_standin(configuration, arguments.task, arguments.standin)
    return StandinPlants(standin, ri.interface) if standin else simulated


def _varied(configuration: Configuration, arguments: argparse.Namespace) -> Vary | None:
    """Return what draws the physics of each episode; None: they stay as they are."""
    if arguments.randomise is None:
        return None
    from mbrl_ros.evaluation.graduation.conditions import Ranges
    from mbrl_ros.evaluation.graduation.settings import read_graduation

    file = Path(arguments.randomise) if arguments.randomise else None
    ranges = Ranges(read_graduation(file, configuration).ranges)
    return lambda seed: ranges.draw(seed).physics()


def _learn(
    configuration: Configuration,
    out: Path,
    arguments: argparse.Namespace,
    make: MakePlant,
    vary: Vary | None,
) -> None:
    # Slow to import, and bad arguments should be refused at once.
    from mbrl_ros.cli.learning_folder import LearningFolder
    from mbrl_ros.cli.lock_step_curves import LockStepCurves
    from mbrl_ros.control.command import CommandSource
    from mbrl_ros.evaluation.episodes import Evaluation, Played
    from mbrl_ros.evaluation.interval import share
    from mbrl_ros.reports.figure import draw_report
    from mbrl_ros.simulation.true_dynamics import NoTrueDynamicsError
    from mbrl_ros.system.episodes import Episode
    from mbrl_ros.system.lock_step import LockStepSystem

    system = LockStepSystem(configuration, make, vary)
    evaluation = None
    if arguments.eval_episodes:
        evaluation = Evaluation(configuration, arguments.eval_episodes, make)
    out.mkdir(parents=True, exist_ok=True)
    configuration.write(out / "config.yaml")
    began = learned = time.monotonic()
    played, ceiling = Played([]), Played([])
    ending = ""

    def summarize() -> dict[str, Any]:
        return {
            "task": configuration.shared.get("task") or Path(arguments.task).stem,
            "seed": arguments.seed,
            "standin": arguments.standin,
            "randomise": arguments.randomise,
            "env_steps": env_steps or system.simulator.env_steps,
            "episodes": len(system.episodes),
            "episode_returns": [episode.total_reward for episode in system.episodes],
            "episodes_diverged": system.simulator.diverged,
            "eval_returns": played.returns,
            "eval_return_mean": played.mean,
            "eval_return_margin": played.margin,
            "eval_notes": played.notes,
            "true_dynamics_returns": ceiling.returns,
            "share_of_ceiling": share(played.mean, ceiling.mean),
            "models_published": system.models,
            "transitions": len(system.transitions),
            "skipped": system.pairer.reasons,
            "rewards_left_out": system.pairer.unpaid,
            "transitions_left_out": system.learner.left_out,
            "fallbacks": system.sources[CommandSource.FALLBACK],
            "fallback_reason": system.trouble,
            "findings": [finding.text for finding in system.diagnosis.findings],
            "updates": system.learner.updates,
            "holdout_error": system.holdout_errors[-1][1] if system.holdout_errors else None,
            "plan_ms_p50": percentile(system.plan_ms, 50),
            "plan_ms_p99": percentile(system.plan_ms, 99),
            "learn_seconds": learned - began,
            "wall_seconds": time.monotonic() - began,
            "runtime": "lock-step",
            "ending": ending,
            "versions": versions_in_use(),
        }

    env_steps = 0
    folder = LearningFolder(out, build(TaskSettings, configuration.shared), system, summarize)
    cause: BaseException | None = None
    with (
        StopRequest(insistent=True) as stop,
        progress_bar() as shown,
        contextlib.closing(
            Curves(out, lambda text: shown.console.print(f"error: {text}"))
        ) as curves,
    ):
        of_system = LockStepCurves(system, curves)
        bar = shown.add_task("learning", total=arguments.steps, note="")
        told: set[str] = set()

        def warn(what: str, text: str) -> None:
            """Say it once."""
            if text and what not in told:
                told.add(what)
                shown.console.print(f"warning: {text}")

        def on_episode(episode: Episode) -> None:
            folder.episode(episode)
            of_system.episode(episode)
            shown.update(bar, note=f"last return {number(episode.total_reward)}")

        def on_step(steps: int) -> None:
            folder.step()
            of_system.step()
            for finding in system.diagnosis.news():
                warn(finding.text, finding.text)
            warn("unstable", system.simulator.unstable)
            if system.trouble:
                warn("trouble", f"the safe command in place of a plan: {system.trouble}")
            shown.update(bar, completed=min(steps, arguments.steps))
            stop.check()

        def of(what: str) -> Callable[[int], None]:
            """Return what shows how many evaluation episodes are over."""
            task = shown.add_task(what, total=arguments.eval_episodes, note="")
            return lambda done: shown.update(task, completed=done)

        try:
            system.run(arguments.steps, on_step, on_episode)
            learned, env_steps = time.monotonic(), system.simulator.env_steps
            if evaluation is not None and system.published is not None:
                played = evaluation.model(system.published, of("evaluating"), stop.check)
                if math.isfinite(played.mean):
                    curves.evaluation(env_steps, played.mean)
                if arguments.true_dynamics:
                    ceiling = evaluation.true_dynamics(1, of("true dynamics"), stop.check)
        except NoTrueDynamicsError as error:
            shown.console.print(f"no true dynamics: {error}")
        except ExtensionError as error:
            cause = EndedEarlyError(str(error))
        except OSError as error:
            cause = EndedEarlyError(_said(error, out))
        except KeyboardInterrupt:
            cause = stop.ending
        except Exception as error:
            cause = EndedEarlyError(describe(error)) if place_of(error) else error
        if not env_steps:
            learned = time.monotonic()
    # A disk that is full for one file may have room for another.
    ending = str(cause or "")
    system.diagnosis.examine(system.transitions)
    try:
        folder.close()
        draw_report(*_drawn(system, configuration, summarize(), out), out / "report.png")
    except OSError as error:
        cause = cause or EndedEarlyError(_said(error, out))
    if isinstance(cause, EndedEarlyError):
        ended = f"{cause}; {out} is kept, --resume goes on with it"
        cause = EndedEarlyError(ended, cause.code)
    try:
        _tell(summarize(), played, ceiling, out)
    finally:  # also where nobody reads what is told
        if cause is not None:
            raise cause


def _said(error: OSError, out: Path) -> str:
    return f"{error.filename or out}: {error.strerror}" if error.strerror else str(error)


def _drawn(
    system: LockStepSystem, configuration: Configuration, summary: dict[str, Any], out: Path
) -> tuple[History, dict[str, Any]]:
    """Return the run as the report of a real-time run has it, in plant time."""
    own_step = system.simulator.plant.time_step
    history = History(
        run_dir=out,
        parameters=configuration.nodes,
        task=build(TaskSettings, configuration.shared),
        record={},
        metrics=RunMetrics(),
        transitions=system.transitions,
        plan_ms=system.plan_ms,
        errors=[(steps * own_step, 0, error) for steps, error in system.holdout_errors],
    )
    shown = {
        **summary,
        "wall_seconds": summary["env_steps"] * own_step,
        "episode_seconds": [episode.env_steps * own_step for episode in system.episodes],
        "budget_ms": None,
    }
    return history, shown


def _tell(summary: dict[str, Any], played: Played, ceiling: Played, out: Path) -> None:
    console = Terminal()
    returns = summary["episode_returns"]
    console.print(
        f"{summary['task']}, seed {summary['seed']}: {summary['env_steps']} steps, "
        + (
            f"{len(returns)} episodes, last return {number(returns[-1])}"
            if returns
            else "no episode"
        )
    )
    if summary["eval_returns"]:
        console.print(f"model frozen: mean return {played}")
    if summary["true_dynamics_returns"]:
        of = number(summary["share_of_ceiling"], unit=" %")
        console.print(
            f"true dynamics, from the same starts: mean return {ceiling}; the model has {of} of it",
        )
    for note in played.notes:
        console.print(f"evaluation: {note}")
    if summary["episodes_diverged"]:
        console.print(f"episodes that diverged: {summary['episodes_diverged']}")
    if summary["rewards_left_out"]:
        console.print(f"infinite rewards left out: {summary['rewards_left_out']}")
    if summary["skipped"]:
        console.print(f"observations of which no transition could be made: {summary['skipped']}")
    if count := summary["fallbacks"]:
        text = f"safe commands in place of plans: {count} ({summary['fallback_reason']})"
        console.print(text)
    for text in summary["findings"]:
        console.print(f"found: {text}")
    if not summary["models_published"]:
        console.print("no model passed its gate: none was saved")
    for name in (
        "curve.csv",
        "summary.json",
        "report.png",
        "checkpoints",
        "bag",
        "config.yaml",
        CURVES,
    ):
        if (out / name).exists():
            console.print(f"  {out / name}")
