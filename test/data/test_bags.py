import errno
import math
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from bag_messages import ACTION_SPACE, GOALS, OBSERVATION_SPACE, TRANSITIONS, goal, transition
from mcap.reader import make_reader
from mcap.writer import CompressionType, Writer
from mcap_ros2.decoder import DecoderFactory
from rosbags.highlevel import AnyReader
from rosbags.interfaces import QosDurability, QosReliability
from rosbags.rosbag2 import Reader
from support.messages import cdr, make
from support.waiting import PATIENCE, eventually

from mbrl_ros.data import live_file, streaming
from mbrl_ros.data import recorder as recorder_module
from mbrl_ros.data.bag_check import check_bag
from mbrl_ros.data.bag_records import read_transitions
from mbrl_ros.data.bag_summary import summarize
from mbrl_ros.data.bags import BagError, read_messages
from mbrl_ros.data.editing import merge
from mbrl_ros.data.finishing import finish, mcap_files, recover, write_metadata
from mbrl_ros.data.recorder import Recorder
from mbrl_ros.data.settings import LoggerSettings
from mbrl_ros.data.streaming import is_finished


def record(folder, count, first=0):
    recorder = Recorder(folder, {"config.yaml": "seed: 7\n"}, {"task": "test", "seed": "7"})
    recorder.write(GOALS, cdr(goal(1.5)))
    for i in range(first, first + count):
        recorder.write(TRANSITIONS, cdr(transition(i)))
    return recorder


def indices(path):
    return [m.index for _, _, m in read_messages(path, types=[TRANSITIONS.type])]


@pytest.fixture
def bag(tmp_path):
    return tmp_path / "bag"


def test_a_finished_bag_opens_everywhere(bag):
    before = time.time_ns()
    assert record(bag, 50).close() == ""
    (file,) = bag.glob("*.mcap")

    for path in (bag, file):
        with AnyReader([path]) as reader:
            assert reader.message_count == 51
            assert before <= reader.start_time <= reader.end_time <= time.time_ns()
            (connection,) = (c for c in reader.connections if c.topic == TRANSITIONS.name)
            for i, (_, _, data) in enumerate(reader.messages(connections=[connection])):
                assert data == cdr(transition(i))
                assert reader.deserialize(data, connection.msgtype).index == i

    with file.open("rb") as stream:
        reader = make_reader(stream, decoder_factories=[DecoderFactory()])
        read = [m for _, _, _, m in reader.iter_decoded_messages(topics=[TRANSITIONS.name])]
        assert [m.index for m in read] == list(range(50))
        assert list(read[3].next_observation) == [4.0, 0.5]
        (attachment,) = reader.iter_attachments()
        assert (attachment.name, attachment.data) == ("config.yaml", b"seed: 7\n")
    information = yaml.safe_load((bag / "metadata.yaml").read_text())
    assert information["rosbag2_bagfile_information"]["custom_data"] == {
        "task": "test",
        "seed": "7",
    }


def test_latched_topics_are_offered_as_latched(bag):
    record(bag, 1).close()
    for path in (bag, next(bag.glob("*.mcap"))):
        with Reader(path) as reader:
            qos = {c.topic: c.ext.offered_qos_profiles[0] for c in reader.connections}
            hashes = {c.topic: c.digest for c in reader.connections}
        assert qos["/goal"].durability == QosDurability.TRANSIENT_LOCAL
        assert qos["/transition"].durability == QosDurability.VOLATILE
        assert {q.reliability for q in qos.values()} == {QosReliability.RELIABLE}
        if path == bag:
            assert hashes["/goal"] == GOALS.hash


def test_transitions_read_back_as_they_were(bag):
    record(bag, 300).close()
    table = read_transitions([bag], OBSERVATION_SPACE, ACTION_SPACE)
    assert len(table) == 300
    assert np.array_equal(table.observation[:, 0], np.arange(300))
    assert np.array_equal(table.step, np.arange(300) % 100)
    assert math.isnan(table.reward[7])
    assert table.reward[8] == 8.0
    assert list(np.flatnonzero(table.truncated)) == [99, 199, 299]
    assert table.stamp[0] == 40_000_000
    assert read_transitions([bag]).observation_space.names == ("observation[0]", "observation[1]")


def test_a_bag_continues_in_further_files_without_repeats(bag, monkeypatch):
    monkeypatch.setattr(recorder_module, "MAX_MESSAGES", 40)
    record(bag, 100).close()
    record(bag, 30, first=100).close()
    files = sorted(p.name for p in bag.glob("*.mcap"))
    assert files == ["bag_0.mcap", "bag_1.mcap", "bag_2.mcap", "bag_3.mcap"]
    assert indices(bag) == list(range(130))
    with Reader(bag) as reader:
        assert reader.message_count == 132
        count = {c.topic: c.msgcount for c in reader.connections}
        assert count == {"/goal": 2, "/transition": 130}
        assert len(list(reader.messages())) == 132


def test_a_bag_can_be_read_while_it_is_recorded_and_has_one_recorder(bag):
    recorder = record(bag, 20)
    assert indices(bag) == list(range(20))
    assert recover(bag) == []
    with pytest.raises(OSError, match="another process is recording to this bag"):
        Recorder(bag)
    recorder.write(TRANSITIONS, cdr(transition(20)))
    recorder.close()
    assert indices(bag) == list(range(21))
    assert not list(bag.glob("*.partial"))


def test_a_recorder_without_messages_leaves_no_file(bag):
    Recorder(bag).close()
    assert list(bag.iterdir()) == []


WRITER = """
import sys
sys.path[:0] = sys.argv[2:]
from pathlib import Path
from bag_messages import TRANSITIONS, transition
from support.messages import cdr, make
from mbrl_ros.data.recorder import Recorder
recorder = Recorder(Path(sys.argv[1]))
i = 0
while True:
    recorder.write(TRANSITIONS, cdr(transition(i)))
    print(i, flush=True)
    i += 1
"""


@pytest.mark.process
def test_a_killed_recorder_loses_nothing(bag):
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, bag, *Path(__file__).parents[:2]],
        stdout=subprocess.PIPE,
        text=True,
    )
    for line in writer.stdout:
        if int(line) >= 500:
            break
    writer.send_signal(signal.SIGKILL)
    said = [500, *map(int, writer.stdout.read().split())]
    writer.wait()

    assert indices(bag)[: said[-1] + 1] == list(range(said[-1] + 1))
    (file,) = bag.glob("*.mcap")
    assert not is_finished(file)
    recorder = record(bag, 10, first=len(indices(bag)))
    assert len(recorder.notes) == 1
    assert "finished with" in recorder.notes[0]
    recorder.close()
    assert indices(bag) == list(range(len(indices(bag))))
    with Reader(bag) as reader:
        assert reader.message_count == len(list(reader.messages())) == len(indices(bag)) + 1


@pytest.mark.parametrize("cut", [1, 7, 100, 500, 5000])
def test_a_torn_end_costs_only_what_is_torn(bag, cut):
    recorder = record(bag, 100)
    recorder.retry()
    (file,) = bag.glob("*.mcap")
    whole = file.read_bytes()
    recorder.close()
    file.write_bytes(whole[:-cut])
    (bag / "metadata.yaml").unlink()
    kept = indices(bag)
    assert kept == list(range(len(kept)))
    assert 100 - len(kept) <= cut // 100 + 1
    (note,) = recover(bag)
    assert "damaged bytes at its end left out" in note
    assert recover(bag) == []
    assert indices(bag) == kept
    with Reader(bag) as reader:
        assert reader.message_count == len(kept) + 1


def test_foreign_and_empty_files_are_set_aside(bag):
    record(bag, 5).close()
    (bag / "bag_1.mcap").write_bytes(b"\0" * 5000)
    (bag / "bag_2.mcap").touch()
    with pytest.raises(BagError, match=r"bag_1\.mcap: not an MCAP file"):
        indices(bag)
    (note,) = recover(bag)
    assert "bag_1.mcap: not an MCAP file, set aside as bag_1.mcap.damaged" in note
    assert indices(bag) == list(range(5))
    assert not (bag / "bag_2.mcap").exists()


def test_damage_inside_a_finished_file_is_one_clear_error(bag):
    record(bag, 200).close()
    (file,) = bag.glob("*.mcap")
    data = bytearray(file.read_bytes())
    middle = len(data) // 3
    data[middle : middle + 20] = b"\xff" * 20
    file.write_bytes(data)
    with pytest.raises(BagError, match=r"bag_0\.mcap: damaged: ") as caught:
        indices(bag)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("compression", CompressionType)
def test_a_chunk_that_would_fill_the_memory_is_not_unpacked(bag, compression, monkeypatch):
    bag.mkdir()
    with (bag / "bag_0.mcap").open("wb") as file:
        writer = Writer(file, compression=compression)
        writer.start("ros2", "")
        schema = writer.register_schema("std_msgs/msg/String", "ros2msg", b"string data")
        channel = writer.register_channel("/said", "cdr", schema)
        said = cdr(make("std_msgs/msg/String", data=10_000 * "a"))
        writer.add_message(channel, log_time=1, publish_time=1, data=said)
        writer.finish()
    ((_, _, message),) = read_messages(bag)
    assert message.data == 10_000 * "a"
    monkeypatch.setattr(streaming, "_MOST", 5_000)
    with pytest.raises(BagError, match=r"bag_0.mcap: damaged: a chunk of \d+ bytes or more"):
        list(read_messages(bag))


def test_what_is_no_bag_is_refused_by_name(tmp_path):
    with pytest.raises(BagError, match="none: no such file or folder"):
        read_transitions([tmp_path / "none"])
    with pytest.raises(BagError, match="not a bag"):
        read_transitions([tmp_path])
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    with pytest.raises(BagError, match=r"notes\.txt"):
        read_transitions([text])


def test_transitions_of_another_task_are_refused(bag):
    record(bag, 3).close()
    with pytest.raises(BagError, match="transition of step 0 of episode 0: action: expected 2"):
        read_transitions([bag], OBSERVATION_SPACE, OBSERVATION_SPACE)
    other = bag.with_name("other")
    recorder = Recorder(other)
    recorder.write(GOALS, cdr(goal(1.0)))
    recorder.close()
    with pytest.raises(BagError, match="no transitions"):
        read_transitions([other])


def test_a_budget_refuses_what_is_beyond_and_says_so(bag):
    recorder = Recorder(bag, budget=20_000)
    for i in range(300):
        recorder.write(TRANSITIONS, cdr(transition(i)))
    kept = recorder.counts["/transition"]
    assert 20 < kept < 300
    assert f"its budget of 0.02 MB is used up, {300 - kept} messages were not" in recorder.trouble
    assert not recorder.close()
    assert indices(bag) == list(range(kept))
    # Finished it is smaller, and a new recorder counts what is there.
    assert sum(file.stat().st_size for file in bag.glob("*.mcap")) <= 20_000


def test_a_budget_may_drop_the_oldest_files_instead(bag):
    record(bag, 100).close()
    recorder = Recorder(bag, budget=60_000, drop_oldest=True)
    for i in range(100, 3000):
        recorder.write(TRANSITIONS, cdr(transition(i)))
        if i % 100 == 0:
            assert sum(file.stat().st_size for file in bag.glob("*.mcap")) <= 60_000
    assert not recorder.trouble
    assert not recorder.close()
    kept = indices(bag)
    assert kept == list(range(kept[0], 3000))
    assert len(kept) > 300
    with Reader(bag) as reader:
        assert reader.message_count == len(kept)


def test_a_budget_holds_at_once_where_a_new_file_begins_with_the_configuration(bag):
    recorder = Recorder(bag, {"config.yaml": "a: 1\n" * 800}, budget=100_000, drop_oldest=True)
    for i in range(600):
        recorder.write(TRANSITIONS, cdr(transition(i)))
        assert sum(file.stat().st_size for file in bag.glob("*.mcap")) <= 100_000
    assert not recorder.close()
    assert indices(bag)[-1] == 599


def test_a_budget_drops_no_more_where_the_disk_takes_no_metadata(bag, monkeypatch):
    monkeypatch.setattr(recorder_module, "MAX_MESSAGES", 20)
    recorder = Recorder(bag, budget=20_000, drop_oldest=True)
    for i in range(200):
        recorder.write(TRANSITIONS, cdr(transition(i)))
    recorder._await_finishing()
    files, size = len(mcap_files(bag)), recorder._stored()

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(recorder_module, "write_metadata", full)
    for i in range(200, 300):
        recorder.write(TRANSITIONS, cdr(transition(i)))
    recorder._await_finishing()
    assert len(mcap_files(bag)) >= files - 1
    assert recorder._stored() > 0.5 * size
    assert recorder.notes == [f"{bag}/metadata.yaml: could not be written: No space left on device"]
    monkeypatch.undo()
    recorder.close()
    assert indices(bag) == list(range(indices(bag)[0], 300))


def test_a_file_that_is_removed_while_it_is_recorded_is_left(bag):
    recorder = record(bag, 10)
    (file,) = mcap_files(bag)
    file.unlink()
    recorder.retry()
    assert recorder.trouble == ""
    for i in range(10, 20):
        recorder.write(TRANSITIONS, cdr(transition(i)))
    recorder._await_finishing()
    assert recorder.notes == [f"{file}: not finished: No such file or directory"]
    shutil.rmtree(bag)
    recorder.retry()
    assert "bag_1.mcap: was removed, and with it what is recorded" in recorder.trouble
    bag.mkdir()
    recorder.retry()
    for i in range(20, 30):
        recorder.write(TRANSITIONS, cdr(transition(i)))
    assert recorder.trouble == recorder.close() == ""
    assert indices(bag) == list(range(20, 30))


def test_messages_of_any_time_are_kept(bag):
    file = live_file.LiveFile(bag.with_name("any_0.mcap"), {}, {})
    for stamp in (0, 2**63, 2**64 - 1):
        file.write(TRANSITIONS, stamp, cdr(transition(0)))
    file.close()
    assert "finished with 3 messages" in finish(file.path)


def test_whoever_reads_goes_on_without_a_file_that_makes_room_meanwhile(bag, monkeypatch, caplog):
    monkeypatch.setattr(recorder_module, "MAX_MESSAGES", 100)
    record(bag, 299).close()
    first, second, third = mcap_files(bag)

    def gone(folder):
        found = mcap_files(folder)
        first.unlink(missing_ok=True)
        return [first, second, third] if folder == bag else found

    # As if it went between the look into the folder and its turn.
    for module in ("finishing", "bag_summary"):
        monkeypatch.setattr(f"mbrl_ros.data.{module}.mcap_files", gone)
    assert indices(bag) == list(range(99, 299))
    assert len(read_transitions([bag], OBSERVATION_SPACE, ACTION_SPACE)) == 200
    assert summarize(bag).files == [second, third]
    assert check_bag(bag).transitions == 200
    assert merge([bag], bag.with_name("merged")) == 200
    write_metadata(bag)
    assert caplog.messages == [
        f"warning: {first}: is gone, as where a recorder makes room; the rest is read"
    ]
    with pytest.raises(BagError, match=f"{first}: no such file"):
        indices(first)


def test_without_a_budget_there_is_nothing_to_drop(bag):
    recorder = Recorder(bag, drop_oldest=True)
    for i in range(50):
        recorder.write(TRANSITIONS, cdr(transition(i)))
    recorder.close()
    assert indices(bag) == list(range(50))
    assert len(list(bag.glob("*.mcap"))) == 1


def test_the_disk_itself_is_asked_to_hold_it_and_may_be_slow(bag, monkeypatch):
    asked, lets_go = threading.Event(), threading.Event()

    def fsync(fd):
        asked.set()
        assert lets_go.wait(PATIENCE)

    monkeypatch.setattr(live_file.os, "fsync", fsync)
    monkeypatch.setattr(recorder_module, "_SLOW", 0.05)
    recorder = Recorder(bag, fsync=0.01)
    recorder.write(TRANSITIONS, cdr(transition(0)))
    assert asked.wait(PATIENCE)
    eventually(lambda: "the disk is slow" in recorder.slow)
    assert not recorder.trouble  # everything is written
    # Nobody waits for it.
    recorder.write(TRANSITIONS, cdr(transition(1)))
    assert indices(bag) == [0, 1]
    lets_go.set()
    eventually(lambda: not recorder.slow)
    recorder.close()


def test_what_a_disk_has_not_taken_is_asked_of_it_again(bag, monkeypatch):
    answers = [OSError(errno.EIO, "Input/output error")]

    def fsync(fd):
        if answers:
            raise answers.pop()
        held.append(fd)

    held = []
    monkeypatch.setattr(live_file.os, "fsync", fsync)
    file = live_file.LiveFile(bag.parent / "live.mcap", {}, {})
    file.write(TRANSITIONS, 1, cdr(transition(0)))
    with pytest.raises(OSError, match="Input/output error"):
        file.sync()
    file.sync()
    file.sync()
    assert len(held) == 1  # and nothing was written since
    file.close()


@pytest.fixture
def small_disk(tmp_path):
    mount = tmp_path / "disk"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(mount)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("needs the right to mount a tmpfs")
    yield mount
    subprocess.run(["umount", "-l", str(mount)], check=True)


def test_a_full_disk_delays_but_loses_nothing(small_disk):
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"\0" * 200_000)
    bag = small_disk / "bag"
    recorder = record(bag, 600)
    recorder.retry()
    assert "No space left on device" in recorder.trouble
    written = indices(bag)
    assert written == list(range(len(written)))
    assert 0 < len(written) < 600
    ballast.unlink()
    recorder.retry()
    assert recorder.trouble == ""
    assert indices(bag) == list(range(600))
    assert recorder.close() == ""
    assert is_finished(bag / "bag_0.mcap")
    assert indices(bag) == list(range(600))


def test_a_disk_that_stays_full_keeps_what_was_written(small_disk):
    bag = small_disk / "bag"
    recorder = record(bag, 3000)
    recorder.retry()
    written = indices(bag)
    trouble = recorder.close()
    assert "bytes could not be written: No space left on device" in trouble
    assert indices(bag)[: len(written)] == written


def test_topics_are_named_with_their_type():
    settings = LoggerSettings(topics=["imu  sensor_msgs/msg/Imu"])
    assert settings.further_topics() == [("imu", "sensor_msgs/msg/Imu")]
    with pytest.raises(ValueError, match="expected 'name package/msg/Type', got 'imu'"):
        LoggerSettings(topics=["imu"]).further_topics()


def test_a_disk_that_turns_read_only_and_back_loses_nothing(small_disk):
    def remount(how):
        subprocess.run(["mount", "-o", f"remount,{how}", str(small_disk)], check=True)

    bag = small_disk / "bag"
    record(bag, 20).close()
    remount("ro")
    # As a logger does that was started again meanwhile.
    recorder = record(bag, 10, first=20)
    assert "Read-only file system" in recorder.trouble
    assert indices(bag) == list(range(20))
    remount("rw")
    recorder.retry()
    assert not recorder.trouble
    assert indices(bag) == list(range(30))
    assert not recorder.close()
