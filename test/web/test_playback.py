"""A recorded run, as it was known at each time."""

import numpy as np
import pytest
import yaml
from mcap_ros2.writer import Writer as RosWriter
from reports import messages as m
from support.messages import cdr

from mbrl_ros.cli.main import main
from mbrl_ros.data.recorder import Recorder
from mbrl_ros.web.status import status_html

playback = pytest.importorskip("mbrl_ros.web.playback", reason="the page needs viser")
page = pytest.importorskip("mbrl_ros.web.page")

PARAMETERS = {
    "/**": {"ros__parameters": {"observation": {"names": ["x", "v"]}, "period": 0.1}},
    "mujoco_sim": {"ros__parameters": {"environment": "CartPole-v1"}},
}


@pytest.fixture
def run_dir(tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(PARAMETERS))
    recorder = Recorder(tmp_path / "bag")
    for step in range(50):
        message = m.observation(step // 20, step % 20, ended=step % 20 == 19)
        message.values = np.array([step, -step], dtype=float)
        recorder.write(m.topic("Observation"), cdr(message))
    assert recorder.close() == ""
    return tmp_path


def test_every_time_shows_what_was_known_then(run_dir):
    found = playback.Playback(run_dir)
    times = [message.time * 1e-9 - found._times[0] for message in found._messages]
    assert found.duration == times[-1]
    for step in (0, 30, 31, 49, 5):  # also back
        watched, now = found.at(times[step])
        assert watched.observation.tolist() == [step, -step]
        assert now == pytest.approx(found._times[step])
        assert len(watched.metrics.episodes) == (step + 1) // 20
    assert watched.names == ("x", "v")
    assert watched.period == 0.1


def test_transitions_alone_show_what_was_observed(tmp_path):
    """As `learn` writes them, whose time of day is not the plant's."""
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(PARAMETERS))
    recorder = Recorder(tmp_path / "bag")
    for index in range(30):
        message = m.transition(index, episode=index // 20, step=index % 20)
        message.terminated = index % 20 == 19
        recorder.write(m.topic("Transition"), cdr(message))
    recorder.close()
    found = playback.Playback(tmp_path)
    assert found.duration == pytest.approx(0.1 * (30 + 2 - 1))  # two episodes begin
    watched, _ = found.at(0.0)
    assert watched.observation.tolist() == [0.0, 1.0]
    assert "recorded without a controller" in status_html(watched, 0.0)
    watched, _ = found.at(0.1 * 5 + 0.05)
    assert watched.observation == pytest.approx([np.sin(0.5), np.cos(0.5)])
    watched, _ = found.at(found.duration)
    assert [each.total_reward for each in watched.metrics.episodes] == [20.0]
    assert watched.metrics.transitions == 30


def test_a_message_of_another_version_is_named(tmp_path):
    bag = tmp_path / "bag"
    bag.mkdir()
    with (bag / "bag_0.mcap").open("wb") as file:
        writer = RosWriter(file)
        schema = writer.register_msgdef("mbrl_ros/msg/TrainingStatus", "uint64 transitions")
        writer.write_message("/training_status", schema, {"transitions": 3}, 1, 1)
        writer.finish()
    with pytest.raises(ValueError, match=r"TrainingStatus has no field '\w+', only transitions"):
        playback.Playback(bag).at(0.0)


def test_a_bag_alone_and_what_cannot_be_posed(run_dir, tmp_path_factory):
    bag = tmp_path_factory.mktemp("alone") / "bag"
    (run_dir / "bag").rename(bag)
    with pytest.raises(ValueError, match="which plant it was is not known"):
        playback.Playback(bag).poser()
    (bag.parent / "config.yaml").write_text((run_dir / "config.yaml").read_text())
    with pytest.raises(ValueError, match="CartPole-v1 has no MuJoCo model"):
        playback.Playback(bag).poser()


def test_what_is_no_recording_is_told_in_one_line(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.mcap").write_bytes(b"nothing")
    for path in ("nowhere", "empty", "file.mcap"):
        assert main(["view", str(tmp_path / path)]) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert path in error
        assert error.count("\n") == 1


def test_time_passes_by_itself_and_goes_where_it_is_put():
    shown = page.Page("127.0.0.1", 0, "", None, "a run")
    times = shown.add_times(10.0)
    assert [round(times.passed(0.04), 2) for _ in range(3)] == [0.04, 0.08, 0.12]
    times._slider.value = 7.0
    assert times.passed(0.04) == pytest.approx(7.04)
    times._speed.value = "x 16"
    assert times.passed(0.1) == pytest.approx(8.64)
    assert times.passed(1.0) == times.passed(1.0) == 10.0
    times._speed.value, times._slider.value = "stopped", 3.0
    assert times.passed(1.0) == 3.0
    shown.close()
