import io

import pytest
from rich.console import Console

from mbrl_ros.reports.lines import clock, one_line
from mbrl_ros.reports.metrics import EpisodeReturn, RunMetrics
from mbrl_ros.reports.view import View, bars
from mbrl_ros.system.launch_kinds import SIM

from . import messages as m


@pytest.fixture
def metrics():
    made = RunMetrics()
    made.episodes = [EpisodeReturn(0.0, 0, 800.0 * i / 30) for i in range(31)]
    made.feed("Observation", m.observation(0, 7), 100.0)
    made.feed("ControllerStatus", m.controller_status(900, 3, (800, 50, 1, 40, 5, 4)), 100.0)
    made.feed("TrainingStatus", m.training_status(50, 1, 3, 0.05), 90.0)
    return made


def render(metrics, width, height, duration=90.0):
    terminal = Console(file=io.StringIO(), width=width, height=height, force_terminal=False)
    terminal.print(View(metrics, {"task": "cartpole", "seed": 4}, SIM.nodes, 50.0, duration))
    return terminal.file.getvalue().splitlines()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60), (46, 24), (80, 12)])
@pytest.mark.parametrize("empty", [False, True])
def test_it_fits_into_the_terminal(metrics, width, height, empty):
    lines = render(RunMetrics() if empty else metrics, width, height)
    assert max(map(len, lines)) <= min(width, 100)
    if (width, height) == (80, 24):
        assert len(lines) <= 20


def test_it_shows_what_matters(metrics):
    text = "\n".join(render(metrics, 80, 24))
    for part in ("cartpole", "seed 4", "best 800", "active", "20.0 / 30.0 of 34 ms", "3 (0.3 %)"):
        assert part in text
    for node in SIM.nodes:
        assert f"● {node}" in text


def test_without_an_end_there_is_no_time_left(metrics):
    assert "left" not in "\n".join(render(metrics, 80, 24, duration=0.0))


def test_bars():
    assert bars([0.0, 5.0, 10.0], 9, 2) == ["      ██ ", "▁▁ ██ ██ "]
    assert bars(list(range(100)), 10, 1) == ["".join(bars(list(range(90, 100)), 10, 1))]
    assert bars([-4.0, 0.0], 6, 1) == ["▁▁ ██ "]
    assert bars([0.0], 6, 2) == ["   ", "▁▁ "]


def test_clock():
    assert [clock(s) for s in (-1, 59.9, 61, 3661)] == ["00:00", "00:59", "01:01", "1:01:01"]


def test_one_line(metrics):
    line = one_line(metrics, 101.0, 51.0)
    assert line.startswith("00:51 | ")
    assert "last 800, best 800" in line
    assert line.endswith("silent: model_trainer")
