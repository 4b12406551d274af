"""`mbrl-ros bench learning`, with curves too short to mean anything."""

import json

import pytest

from mbrl_ros.cli.main import main

WORDS = (
    *("bench", "learning", "--tasks", "inverted_pendulum", "--seeds", "0", "1"),
    *("--points", "50", "90", "--episodes", "2"),
    *("model.members:=2", "model.hidden:=[16]", "optimizer.updates_per_transition:=1.0"),
    *("planner.horizon:=6", "planner.candidates:=12", "planner.iterations:=1"),
)


def test_curves_are_learned_once_and_told(tmp_path, capsys):
    out, file = tmp_path / "out", tmp_path / "curves.json"
    words = [*WORDS, "--out", str(out), "--json", str(file)]
    assert main(words) == 0
    rows = json.loads(file.read_text())
    assert [(row["task"], row["seed"]) for row in rows] == [
        ("inverted_pendulum", 0),
        ("inverted_pendulum", 1),
    ]
    for row in rows:
        assert [steps for steps, _ in row["curve"]] == [50, 90]
        assert all(value > 0 for _, value in row["curve"])
    assert (out / "curves.png").stat().st_size > 10_000
    assert "inverted_pendulum" in capsys.readouterr().out

    # What is there is not learned again; other parameters are another curve.
    (kept,) = out.glob("inverted_pendulum-0-*.json")
    kept.write_text("[[50, 7.0], [90, 8.0]]")
    assert main(words) == 0
    assert json.loads(file.read_text())[0]["curve"] == [[50, 7.0], [90, 8.0]]
    assert main([*words, "planner.horizon:=5", "--seeds", "0"]) == 0
    assert json.loads(file.read_text())[0]["curve"] != [[50, 7.0], [90, 8.0]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--points", "200", "100"], "--points: expected rising numbers >= 1, got [200, 100]"),
        (["--episodes", "0"], "--episodes: expected an integer >= 1, got 0"),
        (["--tasks", "juggling"], "unknown task 'juggling'"),
        (["planner.horizn:=3"], "planner.horizn"),
    ],
)
def test_bad_arguments_are_refused_at_once(tmp_path, capsys, words, message):
    assert main(["bench", "learning", *words, "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
