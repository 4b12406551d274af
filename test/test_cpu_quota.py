import math

import pytest

from mbrl_ros.core import cpu_quota as module
from mbrl_ros.core.cpu_quota import cpu_quota, usable_cores


@pytest.fixture
def tree(tmp_path):
    """Make files, and return the quota of a process in a group."""

    def quota(own, files):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        (tmp_path / "own").write_text(own)
        return cpu_quota(tmp_path, tmp_path / "own")

    return quota


def test_without_groups_or_limits_there_is_none(tree, tmp_path):
    assert cpu_quota(tmp_path / "none", tmp_path / "none") == math.inf
    assert tree("0::/a\n", {"a/cpu.max": "max 100000\n"}) == math.inf
    files = {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}
    assert tree("1:cpu:/\n", files) == math.inf


def test_the_least_limit_on_the_way_to_the_top_counts(tree):
    files = {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "25000 100000\n", "cpu.max": "2 1\n"}
    assert tree("0::/a/b\n", files) == 0.25


def test_the_quota_of_cgroup_1(tree):
    files = {
        "cpu,cpuacct/x/cpu.cfs_quota_us": "30000\n",
        "cpu,cpuacct/x/cpu.cfs_period_us": "20000\n",
        "memory/x/cpu.max": "1 1000\n",
    }
    assert tree("5:memory:/x\n2:cpu,cpuacct:/x\n0::/\n", files) == 1.5


def test_in_a_container_the_top_group_is_ones_own(tree):
    assert tree("0::/docker/4f2a\n", {"cpu.max": "50000 100000\n"}) == 0.5


@pytest.mark.parametrize("text", ["", "0 100000", "nonsense 1", "5 0"])
def test_what_is_no_limit_is_passed_over(tree, text):
    assert tree("0::/\n", {"cpu.max": text}) == math.inf


@pytest.mark.parametrize(("quota", "cores"), [(math.inf, 4), (2.7, 2), (0.3, 1), (9.0, 4)])
def test_as_many_processes_as_the_kernel_allows(monkeypatch, quota, cores):
    monkeypatch.setattr(module, "cpu_quota", lambda: quota)
    monkeypatch.setattr(module.os, "sched_getaffinity", lambda _: {0, 1, 4, 5}, raising=False)
    assert usable_cores() == cores
