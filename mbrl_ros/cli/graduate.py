"""``mbrl-ros graduate``: before the robot, against simulations that are worse than the model."""

from __future__ import annotations

import argparse
import time
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mbrl_ros.cli.graduation_choice import choose, chosen_told
from mbrl_ros.cli.graduation_stage import make_stage
from mbrl_ros.core.cpu_quota import usable_cores
from mbrl_ros.core.json_text import json_text
from mbrl_ros.core.settings import SettingsError, flat
from mbrl_ros.core.workers import workers

if TYPE_CHECKING:
    from mbrl_ros.evaluation.graduation.course import Course
    from mbrl_ros.evaluation.graduation.judging import Outcome
    from mbrl_ros.evaluation.graduation.stage import Stage


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("task", help="a robot or task, as for launch")
    parser.add_argument("parameters", nargs="*", metavar="name:=value", help="as for launch")
    parser.add_argument("--model", type=Path, required=True, help="the checkpoint to graduate")
    parser.add_argument("--out", type=Path, required=True, help="new or empty folder to write to")
    parser.add_argument(
        "--settings", type=Path, metavar="FILE",
        help="ranges and thresholds (.yaml); default: config/graduation/, that of the parameter "
        "task if it has its own",
    )  # fmt: skip
    parser.add_argument(
        "--standin", metavar="FILE",
        help="the robot's stand-in (.yaml), or a shipped robot; default: that of the same name",
    )  # fmt: skip
    parser.add_argument(
        "--jobs", type=int, default=usable_cores(),
        help="episodes at once (default: %(default)s, the cores that it may use here)",
    )  # fmt: skip
    parser.add_argument(
        "--ray", default="", metavar="ADDRESS",
        help="play the episodes on a Ray cluster: auto for one started here, or HOST:PORT of "
        "its head, such as head:6379; the processes run here",
    )  # fmt: skip
    parser.add_argument(
        "--choose", nargs="+", default=[], metavar=("NAME", "VALUE"),
        help="first try the values of a parameter in other draws, and graduate with the best one, "
        "such as --choose objective.caution 0 1 2",
    )  # fmt: skip
    parser.add_argument("--key", type=Path, help="Ed25519 private key (PEM) to sign the stamp with")


def run(arguments: argparse.Namespace) -> int:
    """Graduate; return 1 if it fails.

    Raises:
        ValueError: for an invalid argument, checkpoint or file.
        OSError: if a file cannot be read or written.
    """
    from mbrl_ros.evaluation.graduation.course import graduate
    from mbrl_ros.evaluation.graduation.settings import read_graduation
    from mbrl_ros.models.checkpoint import load_expected
    from mbrl_ros.reports import graduation as report
    from mbrl_ros.simulation import graphics
    from mbrl_ros.simulation.film import film_strip
    from mbrl_ros.system.configuration import check_free, parse_assignments, read_task
    from mbrl_ros.system.graduation_stamp import file_digest, make_stamp, sign
    from mbrl_ros.system.rehearsal import task_of

    if arguments.jobs < 1:
        raise SettingsError(f"--jobs: expected at least 1, got {arguments.jobs}")
    began = time.monotonic()
    try:
        graphics.choose(camera=True)
    except ValueError:  # then without a film
        graphics.choose(camera=False)
    # The file may be another one by the end.
    digest = file_digest(arguments.model)
    model = load_expected(arguments.model, digest)
    if len(arguments.choose) == 1:
        raise SettingsError(f"--choose {arguments.choose[0]}: expected values to try, got none")
    name, *values = arguments.choose or [""]
    # The same, but for the value; or one, as it is.
    trials = [[f"{name}:={value}"] for value in values] or [[]]
    words = [[*arguments.parameters, *trial] for trial in trials]
    configurations = [read_task(arguments.task, parse_assignments(each)) for each in words]
    settings = read_graduation(arguments.settings, configurations[0])
    check_free(arguments.out, "--out")
    sign({}, arguments.key)  # that it can be used is to be known now
    stages = [
        make_stage(each, arguments.task, model, settings, arguments.standin)
        for each in configurations
    ]
    effort: dict[str, Any] = _effort(stages[0]) if settings.tune else {}
    stages = [_with_effort(stage, effort) for stage in stages]
    arguments.out.mkdir(parents=True, exist_ok=True)
    chosen: dict[str, Any] = {}
    number = 0
    several = arguments.ray or arguments.jobs > 1
    with workers(arguments.jobs, arguments.ray) if several else nullcontext() as pool:
        if values:
            chosen, number = choose(name, [*zip(values, stages, strict=True)], settings, pool)
        stage, configuration = stages[number], configurations[number]
        arguments.parameters = words[number]
        course = graduate(stage, settings, pool, _tell)
    if course.passed and settings.processes:
        from mbrl_ros.cli.graduation_processes import rehearse_processes

        rehearse_processes(stage, arguments, digest, settings, course, _tell)
    stamp = make_stamp(configuration, digest, course.passed)
    told = {
        "task": arguments.task,
        "model": str(arguments.model),
        "settings": flat(settings),
        "effort": effort,
        "chosen": chosen,
        "seconds": round(time.monotonic() - began, 1),
        **report.figures(course),
        "stamp": stamp,
        "seal": sign(stamp, arguments.key),
    }
    task = task_of(configuration)
    suite = f"graduation.{task.task}"
    print(report.write(arguments.out, "graduation.json", json_text(told)))
    print(report.write(arguments.out, "graduation.xml", report.junit(course, suite)))
    hardest = course.worst
    film = None
    if hardest is not None and hardest.record is not None and stage.standin is not None:
        film = film_strip(str(stage.standin["model"]), hardest.record.places)
    shown = {
        "model": f"{arguments.model} (SHA-256 {stamp['model_sha256'][:12]}…)",
        "planner": ", ".join(f"{name} {value}" for name, value in effort.items())
        or "as configured",
        **({f"{name}, chosen": chosen_told(chosen)} if chosen else {}),
        "versions": ", ".join(f"{name} {value}" for name, value in stamp["versions"].items()),
        "seconds": f"{told['seconds']:g}",
    }
    page = report.page(course, settings, task, shown, film)
    print(report.write(arguments.out, "graduation.html", page))
    print(_verdict(course, told["seconds"]))
    return 0 if course.passed else 1


def _effort(stage: Stage) -> dict[str, Any]:
    """Return what the controller would find it has the time for, on this machine."""
    from mbrl_ros.control.autotune import EFFORTS
    from mbrl_ros.control.tuning import tune
    from mbrl_ros.control.turns import Turns
    from mbrl_ros.evaluation.graduation.course import AS_THE_MODEL
    from mbrl_ros.system.rehearsal import Rehearsal

    own = stage.configuration.nodes.get("mpc_controller", {})
    pinned = [name for name in asdict(EFFORTS[0]) if f"planner.{name}" in own]
    controller = Rehearsal(stage.configuration, stage.plant(AS_THE_MODEL), stage.model).controller
    if not controller.settings.autotune or controller.agent.planner is None:
        return {}
    return asdict(tune(controller, pinned, Turns()).effort)


def _with_effort(stage: Stage, effort: dict[str, Any]) -> Stage:
    nodes = dict(stage.configuration.nodes)
    changed = {f"planner.{name}": value for name, value in effort.items()}
    nodes["mpc_controller"] = {**nodes.get("mpc_controller", {}), **changed}
    return replace(stage, configuration=replace(stage.configuration, nodes=nodes))


def _tell(outcome: Outcome) -> None:
    state = "passed" if outcome.passed else f"failed: {'; '.join(outcome.failed)}"
    print(f"{outcome.kind:12s} share {outcome.share:5.2f}  {state}", flush=True)


def _verdict(course: Course, seconds: float) -> str:
    if course.passed:
        hardest = course.worst
        least = f", worst case {hardest.share:.2f} of the return" if hardest else ""
        return f"passed in {seconds:.0f} s: {course.pass_rate:.2f} of the draws{least}"
    lines = [f"failed: {reason}" for reason in [*course.findings, *course.failed]]
    return "\n".join([*lines, *(f"note: {each}" for each in course.warnings)])
