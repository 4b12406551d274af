import pytest

from mbrl_ros.control.kept_state import KeptState, StateFile
from mbrl_ros.objectives.sequence import Waypoint

KEPT = KeptState(
    estopped=True,
    lifecycle="inactive",
    planner={"planner.horizon": 22, "planner.proposals": []},
    objective={"active": "left", "centered.target": [float("inf")], "x.weight": 1.0},
    goal={"x": -0.5},
    waypoints=(Waypoint({"x": 1.0}, {"x": 0.1}, 2.0), Waypoint({"x": 2.0}, {"x": 0.1})),
    index=1,
)


def test_it_survives_the_process(tmp_path):
    assert StateFile(tmp_path).read() == KeptState()
    StateFile(tmp_path).write(KeptState())
    StateFile(tmp_path).write(KEPT)
    assert StateFile(tmp_path).read() == KEPT
    assert [path.name for path in tmp_path.iterdir()] == ["controller_state.json"]


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", "{}", '{"waypoints": 3}', '{"waypoints": [], "other": 1}'),
        *('{"waypoints": [], "estopped": "no"}', '{"waypoints": [], "goal": 3}'),
    ],
)
def test_a_file_that_is_none_of_ours_is_named(text, tmp_path):
    file = StateFile(tmp_path)
    file.path.write_text(text)
    with pytest.raises(ValueError, match=r"controller_state\.json: \w"):
        file.read()


@pytest.mark.parametrize(
    ("before", "after_crash", "estopped", "lifecycle", "told"),
    [
        (KeptState(), "hold", False, "", []),  # started for the first time, or ended cleanly
        (KeptState(lifecycle="active"), "resume", False, "active", []),
        (KeptState(lifecycle="active"), "hold", True, "active", ["after a crash"]),
        (KeptState(lifecycle="active"), "inactive", False, "inactive", ["started again: inactive"]),
        (KeptState(True, "active"), "resume", True, "active", ["still e-stopped"]),
        (KeptState(True, "active"), "hold", True, "active", ["still e-stopped"]),
        (
            KeptState(True, "active"),
            *("inactive", True, "inactive", ["still e-stopped", "started again: inactive"]),
        ),
        (KeptState(lifecycle="inactive"), "resume", False, "inactive", ["started again: inactive"]),
        (
            KeptState(lifecycle="finalized"),
            "hold",
            False,
            "finalized",
            ["started again: finalized"],
        ),
    ],
)
def test_what_a_process_that_is_started_again_begins_with(
    before, after_crash, estopped, lifecycle, told
):
    begun, said = before.begin(after_crash)
    assert (begun.estopped, begun.lifecycle) == (estopped, lifecycle)
    assert len(said) == len(told)
    assert all(text.startswith(start) for text, start in zip(said, told, strict=True))
