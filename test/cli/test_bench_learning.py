"""`mbrl-ros bench learning`, with curves too short to mean anything."""

import importlib.util
import json
import math
import runpy
from pathlib import Path
from statistics import fmean

import pytest

from mbrl_ros.cli.bench.curve import Job
from mbrl_ros.cli.bench.curve_markdown import comparison, references, results
from mbrl_ros.cli.bench.curve_table import curve_table
from mbrl_ros.cli.bench.published import TOLD
from mbrl_ros.cli.main import main
from mbrl_ros.core.json_text import json_text
from mbrl_ros.evaluation.episodes import Played
from mbrl_ros.system.configuration import read_task

WORDS = (
    *("bench", "learning", "--tasks", "inverted_pendulum", "--seeds", "0", "1"),
    *("--points", "50", "90", "--episodes", "2"),
    *("model.members:=2", "model.hidden:=[16]", "optimizer.updates_per_transition:=1.0"),
    *("planner.horizon:=6", "planner.candidates:=12", "planner.iterations:=1"),
    *("gate.first_transitions:=40", "gate.first_error:=10.0", "time_limit:=2.0"),
)
MBRL_CARTPOLE = str(Path(__file__).parents[2] / "benchmarks" / "mbrl_cartpole.yaml")
WITH_MBRL = importlib.util.find_spec("mbrl") is not None


def put(path, curve):
    """Change a kept curve."""
    path.write_text(json.dumps({**json.loads(path.read_text()), "curve": curve}))


@pytest.mark.process
def test_curves_are_learned_once_and_told(tmp_path, capsys):
    out, file = tmp_path / "out", tmp_path / "curves.json"
    words = [*WORDS, "--out", str(out), "--json", str(file)]
    assert main(words) == 0
    rows = json.loads(file.read_text())
    assert [(row["task"], row["method"]) for row in rows] == [
        ("inverted_pendulum", method)
        for method in ("mbrl_ros", "random", "true dynamics")
        for _ in range(2)
    ]
    assert [row["seed"] for row in rows] == [0, 1] * 3
    for row in rows:
        ours = row["method"] == "mbrl_ros"
        assert [steps for steps, _ in row["curve"]] == ([50, 90] if ours else [0])
        assert all(value > 0 for _, value in row["curve"])
    assert (out / "curves.png").stat().st_size > 10_000
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("inverted_pendulum", "random", "true dynamics"))

    # `learn` judges by the same episodes, whatever was judged before, and so does `evaluate`.
    learned = tmp_path / "learned"
    words = ["inverted_pendulum", *WORDS[WORDS.index("--episodes") + 2 :]]
    more = ["--steps=90", "--seed=1", "--eval-episodes=2", "--true-dynamics", "--out", str(learned)]
    assert main(["learn", *words, *more]) == 0
    shown = capsys.readouterr().out
    summary = json.loads((learned / "summary.json").read_text())
    assert summary["eval_return_mean"] == rows[1]["curve"][1][1]
    ceiling = rows[5]["curve"][0][1]
    assert fmean(summary["true_dynamics_returns"]) == ceiling
    assert summary["share_of_ceiling"] == 100 * summary["eval_return_mean"] / ceiling
    assert summary["eval_return_margin"] > 0
    assert f"mean return {Played(summary['eval_returns'])}" in shown
    assert "from the same starts: mean return" in shown
    model = str(learned / "checkpoints" / "model-0-000001.safetensors")
    more = ["--seed=1", "--episodes=2", "--json", str(file)]
    assert main(["evaluate", model, "--task", *words, *more]) == 0
    assert json.loads(file.read_text())["task"]["returns"] == summary["eval_returns"]

    # What is there is not measured again; other parameters are another curve.
    words = [*WORDS, "--out", str(out), "--json", str(file)]
    (kept,) = out.glob("inverted_pendulum-0-*.json")
    put(kept, [[50, [7.0]], [90, [8.0]]])
    (kept,) = out.glob("inverted_pendulum-random-0-*.json")
    put(kept, [[0, [9.0]]])
    assert main(words) == 0
    rows = json.loads(file.read_text())
    assert rows[0]["curve"] == [[50, 7.0], [90, 8.0]]
    assert rows[2]["curve"] == [[0, 9.0]]
    put(kept, [[0, [9.0]], 7])
    assert main(words) == 2
    assert f"{kept}: expected a curve" in capsys.readouterr().err


def test_the_table_has_intervals_and_the_share_of_the_ceiling_on_the_same_starts():
    returns = {
        "mbrl_ros": [[[50, 80.0]], [[50, 95.0]]],
        "random": [[[0, 10.0]], [[0, 12.0]]],
        "true dynamics": [[[0, 100.0]], [[0, 100.0]]],
    }
    rows = [
        {"task": "pendulum_swingup", "method": method, "seed": seed, "curve": curve}
        for method, curves in returns.items()
        for seed, curve in enumerate(curves)
    ]
    table = curve_table(rows, {})
    columns = {column.header: list(column.cells) for column in table.columns}
    # t(0.975, 1) = 12.706, s / sqrt(2) = 7.5 and 1.
    assert columns["return"][:3] == ["88 ± 95", "11 ± 13", "100 ± 0"]
    assert columns["of the ceiling"][:3] == ["88 ± 95 %", "", ""]
    assert columns["return"][3:6] == ["724", "824", "842"]
    assert columns["of the ceiling"][3:] == [""] * 9
    # Of the episodes that both have played.
    for row in rows:
        row["returns"] = [[value, 7.0] for _, value in row["curve"]]
    rows[-1]["returns"] = [[50.0]]
    columns = {c.header: list(c.cells) for c in curve_table(rows, {}).columns}
    assert columns["of the ceiling"][0] == f"{(87 / 107 + 95 / 50) * 50:.0f} ± 691 %"
    for row in rows:
        del row["returns"]
    # With one seed nothing is known of others, and a ceiling below zero is none.
    for row in rows:
        row["curve"] = [[steps, -value] for steps, value in row["curve"]]
    table = curve_table(rows[::2], {})
    columns = {column.header: list(column.cells) for column in table.columns}
    assert columns["return"][:3] == ["-80", "-10", "-100"]
    assert columns["of the ceiling"][0] == ""


@pytest.mark.parametrize("task", TOLD)
def test_what_is_said_to_be_told_is_so(task):
    """Also what is not said."""
    nodes, told = read_task(task).nodes, TOLD[task]
    model, plant, goal = (nodes[n] for n in ("model_trainer", "mujoco_sim", "mpc_controller"))
    assert bool(model.get("model.mirrored")) == ("mirror symmetry" in told)
    assert bool(model.get("model.ignored")) == ("does not move" in told)
    assert (plant["action_repeat"] != 2) == ("steps of the suite" in told)
    assert ("time_limit" in plant) == ("episodes of" in told)
    others = any(name.startswith("objective.variants.environment.") for name in goal)
    assert others == ("function, with" in told)


def test_a_curve_is_measured_again_once_a_parameter_or_a_default_has_changed(tmp_path):
    job = Job("inverted_pendulum", 0, 1, {}, (100,))
    other = Job("inverted_pendulum", 0, 1, {"planner.horizon": 5}, (100,))
    assert other.path(tmp_path) != job.path(tmp_path)
    told = json.loads(json_text({"curve": [[100, [7.0, None]]], "settings": job.settings}))
    job.path(tmp_path).write_text(json.dumps(told))
    ((steps, returns),) = job.kept(tmp_path)
    assert (steps, returns[0], math.isnan(returns[1])) == (100, 7.0, True)
    assert told["settings"]["0.mpc_controller.planner.candidates"] == 64
    # One that is new since then is as it was.
    told["settings"].pop("0.mpc_controller.planner.candidates")
    job.path(tmp_path).write_text(json.dumps(told))
    assert job.kept(tmp_path)
    told["settings"]["0.mpc_controller.planner.candidates"] = 32
    job.path(tmp_path).write_text(json.dumps(told))
    assert job.kept(tmp_path) is None


def test_the_documented_tables_have_what_is_finished(tmp_path):
    curves = runpy.run_path(str(Path(MBRL_CARTPOLE).with_name("curves.py")))
    curves["measurements"].__globals__["SEEDS"] = range(4)
    made = curves["measurements"]()
    assert len(made) == len({m.path(tmp_path) for m in made}) == 4 * (2 * 2 + 3 * 3)

    def keep(task, method, seed, *returns):
        (m,) = (m for m in made if (m.name, m.method, m.seed) == (task, method, seed))
        told = {"curve": [[getattr(m, "points", (0,))[0], returns]], "settings": m.settings}
        m.path(tmp_path).write_text(json_text(told))

    keep("pendulum_swingup", "mbrl_ros", 0, 80.0, 40.0)
    keep("pendulum_swingup", "mbrl_ros", 1, 90.0, 40.0)
    keep("pendulum_swingup", "true dynamics", 0, 100.0)
    keep("pendulum_swingup", "random", 1, 5.0)
    keep("cartpole_v1", "mbrl_ros", 3, 490.0)
    rows = curves["finished"](made, tmp_path)
    page = "<!-- results: make curves -->\nold\n<!-- end -->\nrest"
    page = curves["filled"](page, {"results": results(rows)})
    # The share is of the episode that both have played, of the one seed with a ceiling.
    line = "| `pendulum_swingup` | 3000 | 60 s | 2 x 2 | 62 ± 32 | 80 % | 60, 65 |"
    assert line in page.splitlines()
    assert "| `cartpole_v1` | 1000 | 20 s | 1 x 1 | 490 | 98 % |  |" in page.splitlines()
    assert "old" not in page
    assert page.endswith("<!-- end -->\nrest")
    assert "| `pendulum_swingup` | 5.0 | 1 x 1 | 100 | 1 x 1 |" in references(rows)
    (told,) = (line for line in comparison(rows).splitlines() if "pendulum" in line)
    assert "62 ± 32 after 3000 | 724 / 824 / 842" in told
    assert TOLD["pendulum_swingup"] in told


def test_a_task_whose_file_has_changed_is_measured_anew(tmp_path):
    shipped = Path(__file__).parents[2] / "config" / "reacher_easy.yaml"
    task = tmp_path / shipped.name
    paths = set()
    for limit in ("5.0", "4.0"):
        task.write_text(shipped.read_text().replace("time_limit: 5.0", f"time_limit: {limit}"))
        job = Job(str(task), 0, 1, {}, (100,))
        paths |= {job.path(tmp_path), Job(str(task), 0, 1, {}, (100,)).path(tmp_path)}
    assert len(paths) == 2


@pytest.mark.process
@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        (["planner.type:=ilqr"], "planner.type: ilqr needs derivatives"),
        (["actuation_delay:=2"], "actuation_delay: pending commands are not supported"),
    ],
)
def test_true_dynamics_that_cannot_be_planned_with_are_left_out(
    tmp_path, capsys, parameters, reason
):
    file = tmp_path / "curves.json"
    words = [*WORDS, *parameters, "--seeds", "0", "--points", "20", "--episodes", "1"]
    assert main([*words, "--out", str(tmp_path / "out"), "--json", str(file)]) == 0
    assert [row["method"] for row in json.loads(file.read_text())] == ["mbrl_ros", "random"]
    assert f"true dynamics, seed 0: {reason}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--points", "200", "100"], "--points: expected rising numbers >= 1, got [200, 100]"),
        (["--episodes", "0"], "--episodes: expected an integer >= 1, got 0"),
        (["--tasks", "juggling"], "unknown task 'juggling'"),
        (["planner.horizn:=3"], "planner.horizn"),
        (["--mbrl"], "--mbrl: expected benchmarks/mbrl_cartpole.yaml among --tasks"),
        pytest.param(
            ["--tasks", MBRL_CARTPOLE],
            "needs mbrl-lib, which is not installed here",
            marks=pytest.mark.skipif(WITH_MBRL, reason="it is installed"),
        ),
    ],
)
def test_bad_arguments_are_refused_at_once(tmp_path, capsys, words, message):
    assert main(["bench", "learning", *words, "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.learning
@pytest.mark.skipif(not WITH_MBRL, reason="needs mbrl-lib (make bench-learning)")
def test_mbrl_lib_learns_its_own_cart_pole(tmp_path, capsys):
    file = tmp_path / "curves.json"
    words = [*WORDS, "--tasks", MBRL_CARTPOLE, "--seeds", "0", "--points", "201", "--mbrl"]
    assert main([*words, "--out", str(tmp_path / "out"), "--json", str(file)]) == 0
    *ours, theirs = json.loads(file.read_text())
    assert [row["method"] for row in ours] == ["mbrl_ros", "random", "true dynamics"]
    assert theirs["method"] == "mbrl-lib 0.2.0"
    assert theirs["curve"][-1][0] > 200
    assert theirs["curve"][-1][1] > 0
