"""Looking into bags, checking, cutting and merging them; their exchange with other datasets."""

import json
import math
import shutil

import numpy as np
import pytest
from bag_messages import (
    ACTION_SPACE,
    FRAMES,
    GOALS,
    OBSERVATION_SPACE,
    TRANSITIONS,
    goal,
    transition,
)
from bag_messages import frame as frame_message
from support.messages import cdr

from mbrl_ros.cli.main import main
from mbrl_ros.core.records import Frame
from mbrl_ros.data.bag_check import check_bag
from mbrl_ros.data.bag_records import read_transitions
from mbrl_ros.data.bag_summary import summarize
from mbrl_ros.data.bags import read_messages
from mbrl_ros.data.editing import cut, merge
from mbrl_ros.data.exchange import lerobot_dataset, minari_dataset, numpy_archive
from mbrl_ros.data.exchange.dataset import Dataset
from mbrl_ros.data.finishing import Part
from mbrl_ros.data.frames import encode
from mbrl_ros.data.live_file import LiveFile
from mbrl_ros.data.recorder import Recorder
from mbrl_ros.data.streaming import BagError

CONFIG = """
/**:
  ros__parameters:
    task: mass
    period: 0.04
    observation: {names: [x, v]}
    action: {names: [force], low: [-1.0], high: [1.0]}
"""


def record(folder, indices, attachments=None):
    recorder = Recorder(folder, attachments, {"robot": "mass"})
    recorder.write(GOALS, cdr(goal(0.5)))
    for index in indices:
        recorder.write(TRANSITIONS, cdr(transition(index)))
    assert not recorder.close()
    return folder


def table(*bags):
    return read_transitions(bags, OBSERVATION_SPACE, ACTION_SPACE)


def seen(bag):
    return [m.index for _, _, m in read_messages(bag, types=[TRANSITIONS.type])]


def picture(index, camera="front"):
    image = np.full((8, 6, 3), index % 256, np.uint8)
    episode, step = divmod(index, 100)
    return Frame(episode, step, camera, "png", 6, 8, encode(image, "png"), 40_000_000 * index)


def test_a_summary_says_what_a_bag_holds_finished_or_not(tmp_path, capsys):
    bag = record(tmp_path / "bag", range(120), {"config.yaml": CONFIG})
    found = summarize(bag)
    assert found.counts == {"/transition": 120, "/goal": 1}
    assert found.types["/goal"] == GOALS.type
    assert found.metadata["robot"] == "mass"
    assert found.attachments["config.yaml"] == CONFIG
    assert 0 < found.start < found.end
    assert not found.unfinished
    # A file that is still written, and torn in the midst of a record.
    live = LiveFile(bag / "bag_7.mcap", {}, {})
    for index in range(120, 125):
        live.write(TRANSITIONS, found.end + index, cdr(transition(index)))
    torn = live.path.read_bytes()[:-20]
    live.path.write_bytes(torn)
    now = summarize(bag)
    assert now.counts["/transition"] == 124
    assert now.unfinished == [live.path]
    assert now.damaged[live.path] > 0
    assert main(["bag", "info", str(bag), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["topics"]["/transition"]["count"] == 124
    assert main(["bag", "info", str(bag)]) == 0
    assert "1 unfinished" in capsys.readouterr().out
    assert main(["bag", "recover", str(bag)]) == 0
    assert "damaged bytes at its end left out" in capsys.readouterr().out
    assert not summarize(bag).unfinished


@pytest.mark.parametrize(
    ("indices", "words"),
    [
        ([*range(40), *range(43, 120)], "3 transitions that the logger made are not in the bag"),
        ([*range(40), *range(43, 120)], "3 steps are missing in the midst of episodes"),
        ([*range(40), *range(39, 120)], "1 transitions are of a step that the bag has already"),
    ],
)
def test_a_check_counts_what_is_missing_or_told_twice(tmp_path, capsys, indices, words):
    sound = check_bag(record(tmp_path / "sound", range(120)))
    assert (sound.problems, sound.episodes) == ([], 2)
    bag = record(tmp_path / "bag", indices)
    assert main(["bag", "check", str(bag)]) == 1
    assert words in capsys.readouterr().out


def test_a_check_reads_every_byte_and_minds_every_frame(tmp_path):
    bag = tmp_path / "bag"
    recorder = Recorder(bag)
    for index in range(60):
        recorder.write(TRANSITIONS, cdr(transition(index)))
        recorder.write(FRAMES, cdr(frame_message(picture(index))))
    recorder.write(FRAMES, cdr(frame_message(picture(900))))
    recorder.close()
    check = check_bag(bag, (OBSERVATION_SPACE, ACTION_SPACE))
    assert (check.frames, check.frames_alone) == (61, 1)
    assert check.problems == ["1 of 61 frames have no observation in the bag"]
    (file,) = check.summary.files
    broken = bytearray(file.read_bytes())
    broken[len(broken) // 4] ^= 255
    file.write_bytes(broken)
    assert any("damaged" in problem for problem in check_bag(bag).problems)


def test_a_part_keeps_what_was_latched_before_it(tmp_path, capsys):
    bag = record(tmp_path / "bag", range(320))
    assert main(["bag", "cut", str(bag), "--episodes", "1-2", "-o", str(tmp_path / "part")]) == 0
    assert "201 messages" in capsys.readouterr().out
    assert seen(tmp_path / "part") == [*range(100, 300)]
    assert check_bag(tmp_path / "part").problems == []  # it lacks nothing but the rest
    (told,) = read_messages(tmp_path / "part", topics=["/goal"])
    assert told.message.values.tolist() == [0.5]
    assert (tmp_path / "part" / "metadata.yaml").is_file()
    # By time, over several files.
    record(bag, range(320, 330))
    times = [time for _, time, _ in read_messages(bag, topics=["/transition"])]
    cut(bag, tmp_path / "late", Part(times[318], times[325]))
    assert seen(tmp_path / "late") == [*range(318, 326)]
    assert len([*read_messages(tmp_path / "late", topics=["/goal"])]) == 2
    with pytest.raises(BagError, match="nothing of that time"):
        cut(bag, tmp_path / "none", Part(1, 2))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "expected either --episodes, or --start, --end or both"),
        (["--episodes", "a-b"], "--episodes: expected 3-7 or 3, got 'a-b'"),
        (["--episodes", "9"], "holds no episode from 9 to 9"),
    ],
)
def test_a_part_that_is_none_is_refused(tmp_path, capsys, words, message):
    bag = record(tmp_path / "bag", range(5))
    assert main(["bag", "cut", str(bag), *words, "-o", str(tmp_path / "part")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "part").exists()


def test_bags_that_follow_each_other_become_one(tmp_path, capsys):
    first, second = record(tmp_path / "a", range(150)), record(tmp_path / "b", range(80))
    assert merge([second, first], tmp_path / "both") == 232
    assert seen(tmp_path / "both") == [*range(150), *range(80)]
    whole, apart = table(tmp_path / "both"), table(first, second)
    for name, values in apart.columns.items():
        np.testing.assert_array_equal(whole.columns[name], values)
    with pytest.raises(BagError, match="recorded at the same time"):
        merge([first, shutil.copytree(first, tmp_path / "copy")], tmp_path / "no")
    assert main(["bag", "merge", str(first), "-o", str(tmp_path / "both")]) == 2
    assert "--out" in capsys.readouterr().err


def test_numpy_has_every_column_and_the_names(tmp_path):
    log = table(record(tmp_path / "bag", range(130)))
    found = np.load(numpy_archive.write(Dataset("mass", 0.04, log), tmp_path), allow_pickle=False)
    np.testing.assert_array_equal(found["next_observation"], log.next_observation)
    assert found["observation_names"].tolist() == ["x", "v"]
    assert (found["task"], found["period"]) == ("mass", 0.04)


def same(found, log, last):
    """Check that a table is another one, but perhaps for the last rows of episodes."""
    rows = [i for e in log.episodes() for i in range(e.start, e.stop - (not last))]
    for name in ("observation", "action", "next_observation", "reward", "step"):
        values = getattr(log, name)[rows]
        np.testing.assert_allclose(getattr(found, name), values, rtol=1e-6, err_msg=name)


def test_minari_and_back(tmp_path):
    minari = pytest.importorskip("minari")
    log = table(record(tmp_path / "bag", range(130)))
    folder = minari_dataset.write(Dataset("mass, 2 kg", 0.04, log), tmp_path / "minari")
    theirs = minari.MinariDataset(folder / "data")
    assert (theirs.total_episodes, theirs.total_steps) == (2, 130)
    assert theirs.action_space.low.tolist() == [-1.0]
    assert [e.truncations[-1] for e in theirs.iterate_episodes()] == [True, True]
    same(minari_dataset.read(folder).log, log, last=True)
    for broken in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(BagError, match="not a Minari dataset"):
            minari_dataset.read(broken)


def test_lerobot_and_back(tmp_path, monkeypatch):
    monkeypatch.setattr(lerobot_dataset, "_GROUP", 32)  # of rows that are in memory at once
    parquet = pytest.importorskip("pyarrow.parquet")
    pytest.importorskip("pandas")
    log = table(record(tmp_path / "bag", range(130)))
    frames = [picture(index) for index in range(130)] + [picture(3, "seldom")]
    frames[30], frames[35] = frames[35], frames[30]  # they come about in order
    out = lerobot_dataset.write(Dataset("mass", 0.04, log, lambda: frames), tmp_path / "lerobot")
    info = json.loads((out / "meta/info.json").read_text())
    assert (info["codebase_version"], info["fps"], info["total_episodes"]) == ("v3.0", 25, 2)
    assert info["features"]["observation.state"]["names"] == ["x", "v"]
    assert info["features"]["observation.images.front"]["shape"] == [8, 6, 3]
    assert "observation.images.seldom" not in info["features"]
    rows = parquet.read_table(out / "data/chunk-000/file-000.parquet").to_pylist()
    assert [*rows[105]] == [*info["features"]]
    assert rows[105]["observation.images.front"]["bytes"] == frames[105].data
    assert rows[30]["observation.images.front"]["bytes"] == frames[35].data
    assert (rows[105]["episode_index"], rows[105]["frame_index"], rows[105]["index"]) == (1, 5, 105)
    assert math.isclose(rows[105]["timestamp"], 0.2, rel_tol=1e-6)
    episodes = parquet.read_table(out / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    assert [(e["dataset_from_index"], e["dataset_to_index"]) for e in episodes] == [
        (0, 100),
        (100, 130),
    ]
    stats = json.loads((out / "meta/stats.json").read_text(), parse_constant=pytest.fail)
    known = log.reward[np.isfinite(log.reward)]
    assert stats["next.reward"]["count"] == [len(known)]
    assert math.isclose(stats["next.reward"]["mean"][0], known.mean(), rel_tol=1e-6)
    found = lerobot_dataset.read(out)
    assert (found.period, found.log.observation_space.names) == (0.04, ("x", "v"))
    same(found.log, log, last=False)
    (out / "data/chunk-000/file-000.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(BagError, match="damaged"):
        lerobot_dataset.read(out)
    (out / "meta/info.json").write_text('{"codebase_version": "v2.1", "features": {}, "fps": 1}')
    with pytest.raises(BagError, match=r"expected a LeRobot dataset of version 3, got v2\.1"):
        lerobot_dataset.read(out)


@pytest.mark.process
def test_what_is_imported_can_be_learned_from(tmp_path, capsys):
    pytest.importorskip("minari")
    bag = record(tmp_path / "bag", range(150), {"config.yaml": CONFIG})
    out = tmp_path / "minari"
    assert main(["bag", "export", str(bag), "--format", "minari", "-o", str(out)]) == 0
    unknown = record(tmp_path / "alone", range(20))
    words = ["bag", "export", str(unknown), "--format", "lerobot", "-o", str(tmp_path / "no")]
    assert main(words) == 2
    assert "--period: expected seconds above 0" in capsys.readouterr().err
    words = ["bag", "import", str(out / "mbrl_ros" / "mass-v0"), "--format", "minari"]
    there = ["-o", str(tmp_path / "back")]
    assert main([*words, *there]) == 2
    assert "--period: expected seconds" in capsys.readouterr().err
    assert main([*words, "--period", "0.04", *there]) == 0
    assert main(["bag", "check", str(tmp_path / "back")]) == 0
    small = ["model.members:=1", "model.hidden:=[16]", "optimizer.updates_per_transition:=2.0"]
    # Away from its run's folder a bag still says what it was recorded for.
    assert main(["train", str(tmp_path / "back"), "--out", str(tmp_path / "run"), *small]) == 0
