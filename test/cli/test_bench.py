import os
import subprocess
import time
from pathlib import Path

import pytest
from support.waiting import eventually

from mbrl_ros.cli.bench.engines import Setting, make_model, ours
from mbrl_ros.cli.bench.idle import IdleThread
from mbrl_ros.cli.bench.memory import MemoryWatch
from mbrl_ros.cli.bench.planning import measure
from mbrl_ros.cli.bench.tick import _jitter
from mbrl_ros.cli.main import main
from mbrl_ros.cli.node_process import node_command

CONFIG = Path(__file__).parents[2] / "config" / "cartpole_swingup.yaml"
SMALL = Setting("small", (8, 16), candidates=12, iterations=2, horizon=3, particles=20)
KEYS = {
    "engine", "setting", "candidates", "model_evals_per_s", "gflops", "fraction_of_limit",
    "ms_per_plan",
}  # fmt: skip


def test_evaluations_and_operations_are_counted_as_a_plain_network_needs_them():
    # Five observations and an action in, five changes out.
    assert SMALL.flops == 2 * (6 * 8 + 8 * 16 + 16 * 5)
    assert SMALL.evaluations(5) == 12 * 2 * 3 * 5
    assert make_model(SMALL).network.layers == (6, 8, 16, 10)


@pytest.mark.parametrize("plain", [False, True])
def test_a_plan_evaluates_as_many_as_are_counted(plain):
    plan, evaluations = ours(SMALL, plain=plain)
    result = plan()
    assert evaluations == 360
    assert result.complete
    assert result.actions.shape == (3, 1)


def test_every_installed_engine_has_a_row_of_plausible_figures():
    lines = []
    rows = measure(SMALL, 2, lines.append)
    engines = [row["engine"] for row in rows]
    ours = [name for name in engines if name.startswith("mbrl_ros ")]
    assert ours[0] == "mbrl_ros float32"
    assert "mbrl_ros bfloat16" in ours
    assert engines[len(ours)] == "torch"
    *missing, limit = lines
    assert len(engines) - len(ours) + len(missing) == 3
    assert all("is not installed" in line for line in missing)
    assert "the limit is " in limit
    assert ", float32 " in limit
    for row in rows:
        assert set(row) == KEYS
        assert (row["setting"], row["candidates"]) == ("small", 12)
        assert row["gflops"] == pytest.approx(1e-9 * row["model_evals_per_s"] * SMALL.flops)
        assert row["ms_per_plan"] > 0
        assert 0 < row["fraction_of_limit"] < 1
        particles = 20 if row["engine"] == "mbrl-lib" else 5
        evaluated = 1e-3 * row["ms_per_plan"] * row["model_evals_per_s"]
        assert evaluated == pytest.approx(SMALL.evaluations(particles))


def test_jitter_is_the_distance_from_the_period():
    intervals = [0.020] * 98 + [0.0235, 0.0165, float("nan")]
    assert _jitter(intervals) == pytest.approx(3.5)
    assert _jitter([0.020] * 100) == pytest.approx(0.0)


def test_an_idle_thread_wakes_once_a_period():
    idle = IdleThread(0.01)
    idle.start()
    time.sleep(0.2)
    idle.stop()
    assert 2 < len(idle.intervals) <= 21
    assert sum(idle.intervals) == pytest.approx(0.01 * len(idle.intervals), abs=0.1)


@pytest.mark.process
def test_the_memory_of_nodes_is_watched_and_of_nothing_else(domain):
    watch = MemoryWatch(os.getpid())
    words = ["--ros-args", "--params-file", str(CONFIG)]  # without one it ends at once
    node = subprocess.Popen(node_command("safety_guard", words), stderr=subprocess.DEVNULL)
    other = subprocess.Popen(["sleep", "60"])
    try:
        eventually(lambda: watch.samples)
    finally:
        for child in (node, other):
            child.kill()
            child.wait()
        watch.stop()
    assert list(watch.samples) == ["safety_guard"]
    assert min(watch.samples["safety_guard"]) > 1.0


def test_growth_is_told_from_the_second_tenth_to_the_last():
    watch = MemoryWatch(0)
    watch.stop()
    watch.samples["trainer"] = [1000.0] * 10 + [50.0] * 10 + [60.0] * 70 + [53.0] * 10
    watch.samples["short"] = [1.0] * 5
    assert watch.growth() == {"trainer": (3.0, pytest.approx(0.06))}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["planning", "--repetitions", "0"], "--repetitions: expected an integer >= 1, got 0"),
        (["planning", "--threads", "-1"], "--threads: expected an integer >= 1, got -1"),
        (["tick", "--seconds", "nan"], "--seconds: expected a number >= 1, got nan"),
        (["tick", "--seconds", "5", "--json", "/nowhere/file"], "/nowhere/file: No such file"),
        (["tick", "--seconds", "5", "horizon:=3"], "unknown parameter 'horizon'"),
    ],
)
def test_bad_arguments_are_refused_at_once(arguments, message, capfd):
    assert main(["bench", *arguments]) == 2
    assert message in capfd.readouterr().err
