"""``mbrl-ros real2sim BAG…``: a simulation's physics from recorded data."""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from mbrl_ros.cli.bag_configuration import configuration_of
from mbrl_ros.cli.terminal import Terminal
from mbrl_ros.core.json_text import json_text
from mbrl_ros.core.settings import SettingsError, build, specs
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.system.configuration import parse_assignments
from mbrl_ros.system.filling import filled
from mbrl_ros.system.task_file import read_task_file

if TYPE_CHECKING:
    from mbrl_ros.evaluation.real2sim import Identified

_FIT = ("mass", "friction", "gain", "delay")
_MARK = "real2sim"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "bags", nargs="+", metavar="bag|name:=value",
        help="bags with transitions; further parameters",
    )  # fmt: skip
    parser.add_argument(
        "--task",
        help="shipped task or parameter file (default: config.yaml in or beside the first bag)",
    )
    parser.add_argument(
        "--model", help="Gymnasium id or MJCF file (default: mujoco_sim.environment of the task)"
    )
    parser.add_argument(
        "--fit", nargs="+", choices=_FIT,
        help="what to fit (default: friction gain delay, and mass with --bodies)",
    )  # fmt: skip
    parser.add_argument("--bodies", nargs="+", default=[], help="whose masses (default: all)")
    parser.add_argument("--horizon", type=int, default=12, help="steps of open-loop predictions")
    parser.add_argument("--max-delay", type=int, default=5, help="longest delay [control steps]")
    parser.add_argument(
        "-o", "--out", type=Path, help="parameter file (.yaml) or MJCF file (.xml) to write"
    )
    parser.add_argument("--write", type=Path, help="parameter file to write into")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument(
        "--newest", type=int, default=0, metavar="N",
        help="only the newest transitions (default: all), so that what has changed shows",
    )  # fmt: skip
    parser.add_argument(
        "--follow", action="store_true",
        help="fit again while the bags grow, tell it on /diagnostics; until Ctrl-C",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Fit, print and write.

    Raises:
        ValueError: naming the invalid argument, parameter or file.
        OSError: if a file cannot be written.
    """
    for name, least, most in (("horizon", 1, 1000), ("max_delay", 0, 20), ("newest", 0, 10**9)):
        value = getattr(arguments, name)
        if not least <= value <= most:
            option = f"--{name.replace('_', '-')}"
            raise SettingsError(f"{option}: expected an integer in [{least}, {most}], got {value}")
    out: Path | None = arguments.out
    if out is not None and out.suffix not in (".yaml", ".xml"):
        raise SettingsError(f"-o: expected a file that ends with .yaml or .xml, got {out}")
    bags = [Path(word) for word in arguments.bags if ":=" not in word]
    if not bags:
        raise SettingsError("expected at least one bag")
    words = [word for word in arguments.bags if ":=" in word]
    configuration = configuration_of(bags[0], arguments.task, parse_assignments(words))
    # Slow to import, and bad arguments should be refused at once.
    from mbrl_ros.data.bag_records import read_transitions
    from mbrl_ros.evaluation.real2sim import identify
    from mbrl_ros.simulation.mujoco_steps import MujocoSteps
    from mbrl_ros.simulation.settings import SimulatorSettings

    task = build(TaskSettings, configuration.shared)
    plant = configuration.build("mujoco_sim")
    # As it is: what a bag from a simulation says of its physics is what is to be found.
    simulation = SimulatorSettings(
        environment=arguments.model or plant.environment, task_module=plant.task_module
    )
    if not simulation.environment:
        raise SettingsError("--model: expected one, since the task has no mujoco_sim.environment")
    if out is not None and out.suffix == ".xml" and not simulation.environment.endswith(".xml"):
        raise SettingsError(
            f"-o: expected .yaml, since '{simulation.environment}' is no MJCF file, got {out}"
        )
    spaces = task.observation_space(), task.action_space()
    steps = MujocoSteps(simulation, *spaces, task.period)
    fitted = arguments.fit or [f for f in _FIT if f != "mass" or arguments.bodies]
    console = Terminal()

    def fit() -> Identified:
        return identify(
            steps, read_transitions(bags, *spaces)[-arguments.newest :], fitted, arguments.bodies,
            horizon=arguments.horizon, max_delay=arguments.max_delay,
        )  # fmt: skip

    def write(found: Identified) -> None:
        if arguments.follow and not _values(found, {}):
            return  # they tell nothing yet
        texts = _texts(found, arguments, Path(simulation.environment))
        _write_all(texts)
        if not arguments.follow:
            for path in texts:
                console.print(f"  {path}")

    if arguments.follow:
        from mbrl_ros.cli.real2sim_following import follow

        follow(bags, fit, write, console)
        return 0
    found = fit()
    for table in (_parameters(found), _gap(found)):
        console.print(table)
    for note in found.notes:
        console.print(note)
    write(found)
    return 0


def _texts(found: Identified, arguments: argparse.Namespace, model: Path) -> dict[Path, str]:
    """Return the files that were asked for.

    Args:
        found: by the fit.
        arguments: of the command line.
        model: MJCF file of the simulation.

    Raises:
        ValueError: if there is nothing to write, or it does not fit the file.
    """
    texts = {}
    out: Path | None = arguments.out
    if out is not None and out.suffix == ".xml":
        from mbrl_ros.simulation.mjcf_writing import mjcf_text

        texts[out] = mjcf_text(model, found.physics)
    elif out is not None:
        texts[out] = _filled(out, "", _values(found, {}))
    if (path := arguments.write) is not None:
        nodes = read_task_file(path).nodes
        texts[path] = _filled(path, path.read_text(encoding="utf-8"), _values(found, nodes))
    if arguments.json is not None:
        texts[arguments.json] = json_text(_figures(found))
    return texts


def _parameters(found: Identified) -> Table:
    table = Table(title=f"{found.windows} stretches of {len(found.before)} steps")
    for name in ("parameter", "as it is", "fitted", "95 %"):
        table.add_column(name, justify="left" if name == "parameter" else "right")
    for e in found.estimates:
        told = math.isfinite(e.high)
        interval = f"{e.low:.4g} to {e.high:.4g}" if told else "not told by these data"
        table.add_row(f"physics.{e.name}", "1", f"{e.value:.4g}" if told else "?", interval)
    if found.delay_errors:
        errors = " ".join(f"{error:.3g}" for error in found.delay_errors)
        table.add_row("delay [control steps]", "0", str(found.delay), f"errors {errors}")
    return table


def _gap(found: Identified) -> Table:
    table = Table(title=f"RMS error over 1 to {len(found.before)} steps, open loop")
    for name in ("dimension", "before", "after"):
        table.add_column(name, justify="left" if name == "dimension" else "right")
    for name, before, after in zip(found.names, *_errors(found), strict=True):
        table.add_row(name, f"{before:.4g}", f"{after:.4g}")
    return table


def _errors(found: Identified) -> tuple[list[float], list[float]]:
    """Return the RMS errors of each dimension over all steps, before and after."""
    before, after = ((gap**2).mean(axis=0) ** 0.5 for gap in (found.before, found.after))
    return before.tolist(), after.tolist()


def _figures(found: Identified) -> dict[str, Any]:
    before, after = _errors(found)
    return {
        "windows": found.windows,
        "horizon": len(found.before),
        "estimates": [asdict(estimate) for estimate in found.estimates],
        "delay": found.delay,
        "delay_errors": list(found.delay_errors),
        "notes": list(found.notes),
        "gap": {
            name: {"before": b, "after": a, "before_each": list(bs), "after_each": list(as_)}
            for name, b, a, bs, as_ in zip(
                found.names, before, after, found.before.T, found.after.T, strict=True
            )
        },
    }


def _values(found: Identified, nodes: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the parameters that say what was found, as far as the data tell it.

    Args:
        found: by the fit.
        nodes: of the file to be filled; empty: a new one, for the simulation only.
    """
    from mbrl_ros.system.schema import node_settings

    scales: dict[str, Any] = {
        e.name: round(e.value, 6) for e in found.estimates if math.isfinite(e.high)
    }
    if "mass_scale" in scales and found.physics.bodies:
        scales["bodies"] = list(found.physics.bodies)
    plant: dict[str, Any] = {f"physics.{name}": value for name, value in scales.items()}
    values: dict[str, dict[str, Any]] = {"mujoco_sim": plant}
    if found.delay_errors:
        plant |= {"actuation_delay": found.delay, "actuation_delay_told": False}
        trainer = {spec.name for spec in specs(node_settings(nodes)["model_trainer"])}
        if nodes and "model.delay" in trainer:
            values["model_trainer"] = {"model.delay": found.delay}
    if nodes.get("**", {}).get("prior.model") == "mujoco":
        values["**"] = {f"prior.{name}": value for name, value in scales.items()}
    return {node: own for node, own in values.items() if own}


def _filled(path: Path, text: str, values: dict[str, dict[str, Any]]) -> str:
    if not values:
        raise SettingsError(f"{path}: nothing to write: the data tell none of what was fitted")
    return filled(text, values, str(path), _MARK)


def _write_all(texts: dict[Path, str]) -> None:
    """Write all files; none of them where one cannot be written.

    Raises:
        OSError: if one cannot be written.
    """
    temporary = {path: path.with_name(f".{path.name}.new") for path in texts}
    # What is no file, such as /dev/stdout, is not replaced; a folder fails here.
    temporary |= {path: path for path in texts if path.exists() and not path.is_file()}
    try:
        for path, text in texts.items():
            try:
                temporary[path].write_text(text, encoding="utf-8")
            except OSError as error:
                error.filename = str(path)
                raise
        for path, made in temporary.items():
            if made != path:
                made.replace(path)
    finally:
        for path, made in temporary.items():
            if made != path:
                made.unlink(missing_ok=True)
