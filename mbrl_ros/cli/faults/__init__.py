"""``mbrl-ros faults``: harms a running system in every way, and judges what becomes of it."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mbrl_ros.core.settings import SettingsError
from mbrl_ros.system.launch_kinds import SIM
from mbrl_ros.system.launching import plan

if TYPE_CHECKING:
    from mbrl_ros.cli.faults.world import World

# Time for a system to work [s]: at first, until a model is learned, and again after a fault.
_START, _RECOVERY = 180.0, 90.0
# Small plans and models: it is not about how good they are.
_QUICK = {
    "task": "inverted_pendulum",
    "duration": "0",
    "view": "none",
    "planner.horizon": "8",
    "planner.candidates": "16",
    "autotune": "false",
    "model.hidden": "[32, 32]",
    "model.members": "2",
    "gate.first_transitions": "40",
    "gate.first_error": "100.0",
    "gate.good_error": "100.0",
    "limits.rate": "[60.0]",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--count", type=int, default=100, help="faults (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the order and of what is random")
    parser.add_argument("--only", default="", metavar="TEXT", help="kinds whose name has this text")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument(
        "--run-dir", type=Path, metavar="FOLDER",
        help="new folder of the run; on a disk of its own of at most 256 MB it is filled up, too",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Run the command; 1 if a command was unsafe, something was lost, or did not recover."""
    from mbrl_ros.cli.domain import claim_domain
    from mbrl_ros.cli.faults.kinds import DISK_FAULTS, FAULTS
    from mbrl_ros.cli.faults.world import World
    from mbrl_ros.cli.run import middleware

    folder = arguments.run_dir or Path(tempfile.mkdtemp(prefix="mbrl_faults_")) / "run"
    kinds = {**FAULTS, **(DISK_FAULTS if _small(folder) else {})}
    kinds = {name: fault for name, fault in kinds.items() if arguments.only in name}
    if not kinds or arguments.count < 1:
        known = ", ".join({**FAULTS, **DISK_FAULTS})
        raise SettingsError(f"--only, --count: expected at least one of these faults: {known}")
    system = plan(SIM, {**_QUICK, "run_dir": str(folder)})
    results: list[dict[str, Any]] = []
    with claim_domain(system.namespace), middleware(system):
        system.prepare_folder("embedded")
        world = World(system, arguments.seed)
        world.start()
        try:
            if not world.until(lambda: not world.observer.missing(0.0), _START):
                print(f"error: it does not start: {world.observer.missing(0.0)}")
                return 1
            while len(results) < arguments.count:
                for name in world.rng.permutation(list(kinds)).tolist():
                    if len(results) == arguments.count:
                        break
                    results.append(_harm(world, name, kinds[name]))
                    print(_line(len(results), results[-1]), flush=True)
        finally:
            world.stop()
    lost = _lost(world)
    report = _report(results, world, lost)
    print(_table(report))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    bad = report["unsafe"] or lost or report["not_recovered"]
    return 1 if bad else 0


def _harm(world: World, name: str, fault: Any) -> dict[str, Any]:
    observer = world.observer
    world.wait(float(world.rng.uniform(0.0, 1.0)))
    unsafe = len(observer.judge.unsafe)
    fault(world)
    over = time.monotonic()
    observer.forget()
    recovered = world.until(lambda: not observer.missing(over), _RECOVERY)
    return {
        "kind": name,
        "recovery": round(time.monotonic() - over, 3) if recovered else None,
        "missing": "" if recovered else observer.missing(over),
        "unsafe": observer.judge.unsafe[unsafe:],
    }


def _lost(world: World) -> list[int]:
    """Return the transitions that were published, and are not in the bag as they were."""
    from mbrl_ros.data.bags import read_messages

    kept = {
        int(m.message.index): (int(m.message.episode), int(m.message.step))
        for m in read_messages(world.system.run_dir / "bag", types=["mbrl_ros/msg/Transition"])
    }
    return [i for i, place in sorted(world.observer.transitions.items()) if kept.get(i) != place]


def _small(folder: Path) -> bool:
    """Return whether a folder is on a disk that may be filled up."""
    try:
        disk = os.statvfs(folder.parent)
    except OSError:
        return False
    return disk.f_blocks * disk.f_frsize <= 256 * 2**20


def _line(number: int, result: dict[str, Any]) -> str:
    recovery = result["recovery"]
    text = f"{recovery:.1f} s" if recovery is not None else f"NOT: {result['missing']}"
    unsafe = f", UNSAFE: {'; '.join(result['unsafe'][:3])}" if result["unsafe"] else ""
    return f"{number:5d}  {result['kind']}: recovered in {text}{unsafe}"


def _report(results: list[dict[str, Any]], world: World, lost: list[int]) -> dict[str, Any]:
    kinds: dict[str, Any] = {}
    for name in sorted({result["kind"] for result in results}):
        own = [result for result in results if result["kind"] == name]
        times = [each["recovery"] for each in own if each["recovery"] is not None]
        kinds[name] = {
            "faults": len(own),
            "recovery_p50_s": statistics.median(times) if times else None,
            "recovery_max_s": max(times, default=None),
            "not_recovered": len(own) - len(times),
            "unsafe": sum(len(each["unsafe"]) for each in own),
        }
    observer, judge = world.observer, world.observer.judge
    return {
        "faults": len(results),
        "commands": judge.commands,
        "applied": judge.applied,
        "unsafe": len(judge.unsafe),
        "unsafe_told": judge.unsafe[:20],
        "transitions": len(observer.transitions),
        "lost_transitions": len(lost),
        "not_recovered": sum(result["recovery"] is None for result in results),
        "restarts": world.supervisor.restarts,
        "kinds": kinds,
    }


def _table(report: dict[str, Any]) -> str:
    rows = ["| fault | times | recovery p50 [s] | max [s] | unsafe |", "|---|---|---|---|---|"]
    for name, each in report["kinds"].items():
        p50, most = each["recovery_p50_s"], each["recovery_max_s"]
        times = ("-", "-") if p50 is None else (f"{p50:.1f}", f"{most:.1f}")
        rows.append(f"| {name} | {each['faults']} | {times[0]} | {times[1]} | {each['unsafe']} |")
    rows.append(
        f"{report['faults']} faults: {report['unsafe']} unsafe of {report['commands']} commands "
        f"and {report['applied']} actions, {report['lost_transitions']} lost of "
        f"{report['transitions']} transitions, {report['not_recovered']} times not recovered"
    )
    return "\n".join(rows)
