import json

import pytest

from mbrl_ros.cli.main import main


@pytest.mark.parametrize("plant", [[], ["--robot"]], ids=["simulated", "robot"])
def test_the_whole_system_is_measured(tmp_path, domain, plant):
    file = tmp_path / "tick.json"
    few = ["gate.first_transitions:=40", "planner.candidates:=16", "planner.horizon:=10"]
    for seconds in ("14", "60"):  # a busy machine may take longer for a first model
        words = ["--seconds", seconds, "--json", str(file), *plant]
        ended = main(["bench", "tick", *words, *few])
        if not ended:
            break
    assert ended == 0
    figures = json.loads(file.read_text())
    assert set(figures) == {
        "ticks", "late_fraction", "longest_interval_periods", "jitter_ms_p99",
        "idle_jitter_ms_p99", "plan_ms_p50", "plan_ms_p99", "rss_growth_mb",
    }  # fmt: skip
    assert figures["ticks"] > 50
    assert 0 <= figures["late_fraction"] <= 1
    assert figures["longest_interval_periods"] >= 1
    assert 0 < figures["plan_ms_p50"] <= figures["plan_ms_p99"]
    assert figures["rss_growth_mb"] != 0  # nobody's memory is the same twice
