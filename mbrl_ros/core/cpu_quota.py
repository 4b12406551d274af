"""How much of the machine the kernel lets this process use."""

from __future__ import annotations

import math
import os
from pathlib import Path, PurePosixPath

_GROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


def cpu_quota(groups: Path = _GROUPS, own: Path = _OWN) -> float:
    """Return how many cores a control group leaves to this process; inf: there is no limit.

    That is `cpu.max` of cgroup 2 and the quota of cgroup 1, as systemd (CPUQuota), docker (--cpus)
    and Kubernetes set them. A limit holds for everything below it, so the least one counts.

    Args:
        groups: where they are mounted.
        own: tells which of them this process is in.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return math.inf
    limits = [math.inf]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        mount = groups / controllers
        if controllers and "cpu" not in controllers.split(","):
            continue
        # In a container the path may be that of the host: then only the topmost is here.
        below = PurePosixPath(path.lstrip("/"))
        limits += [_limit(mount / each) for each in (below, *below.parents)]
    return min(limits)


def usable_cores() -> int:
    """Return how many processes this one may keep busy at once, at least 1.

    Pinning (taskset, cpusets) and control groups count; what other processes do does not.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not everywhere
        cores = os.cpu_count() or 1
    return max(1, math.floor(min(cores, cpu_quota())))


def _limit(group: Path) -> float:
    try:
        if (group / "cpu.max").exists():
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota = (group / "cpu.cfs_quota_us").read_text()
            period = (group / "cpu.cfs_period_us").read_text()
        cores = float(quota) / float(period)
    except (OSError, ValueError, ZeroDivisionError):  # no such group, or the limit is "max"
        return math.inf
    return cores if cores > 0 else math.inf
