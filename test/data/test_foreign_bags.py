"""Bags of other versions of the messages, and MCAP files as other tools leave them."""

import json
from pathlib import Path

import numpy as np
import pytest
from bag_messages import ACTION_SPACE, OBSERVATION_SPACE, TRANSITIONS, transition
from mcap.reader import SeekingReader
from mcap.writer import CompressionType, Writer
from mcap_ros2.writer import Writer as RosWriter
from support.messages import cdr

from mbrl_ros.cli.main import main
from mbrl_ros.core.records import Actor
from mbrl_ros.core.resources import resource_directory
from mbrl_ros.data.bag_records import read_transitions
from mbrl_ros.data.bag_summary import summarize
from mbrl_ros.data.bags import BagError, passed_over, read_messages
from mbrl_ros.data.finishing import finish
from mbrl_ros.data.recorder import Recorder
from mbrl_ros.reports.history import read_history
from mbrl_ros.system.configuration import read_task

STAMP = "std_msgs/Header header\nuint64 index\nuint64 episode\nuint64 step\n"
NESTED = (
    f"\n{'=' * 80}\nMSG: std_msgs/Header\nbuiltin_interfaces/Time stamp\nstring frame_id\n"
    f"{'=' * 80}\nMSG: builtin_interfaces/Time\nint32 sec\nuint32 nanosec"
)
SPACES = OBSERVATION_SPACE, ACTION_SPACE


def written(folder, fields, **row):
    """A bag with one transition of other fields."""
    folder.mkdir(exist_ok=True)
    with (folder / "bag_0.mcap").open("wb") as file:
        writer = RosWriter(file)
        schema = writer.register_msgdef(TRANSITIONS.type, STAMP + "\n".join(fields) + NESTED)
        header = {"stamp": {"sec": 1, "nanosec": 5}, "frame_id": ""}
        message = {"header": header, "index": 0, "episode": 2, "step": 3, **row}
        writer.write_message("/transition", schema, message, log_time=1, publish_time=1)
        writer.finish()
    return folder


def fields_of(kind, observation="observation", ends=("bool terminated", "bool truncated")):
    vectors = (observation, "action", f"next_{observation}")
    return [*(f"{kind} {name}" for name in vectors), f"{kind.split('[')[0]} reward", *ends]


ROW = {
    "observation": [1.0, 2.0], "action": [0.5], "next_observation": [3.0, 4.0], "reward": 7.0,
    "terminated": True, "truncated": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "ends"),
    [
        (fields_of("float32[]"), (True, False)),
        (fields_of("float64[<=8]"), (True, False)),
        (fields_of("float64[]", ends=("uint8 terminated", "uint8 truncated")), (1, 0)),
    ],
)
def test_fields_of_other_types_are_read(tmp_path, fields, ends):
    row = {**ROW, "terminated": ends[0], "truncated": ends[1]}
    log = read_transitions([written(tmp_path / "bag", fields, **row)], *SPACES)
    one = log.row(0)
    np.testing.assert_array_equal(one.next_observation, [3.0, 4.0])
    assert (one.reward, one.terminated, one.truncated) == (7.0, True, False)
    assert (one.episode, one.step, one.stamp) == (2, 3, 1_000_000_005)
    # Nobody told then, or told of somebody who is not known yet.
    assert one.source is Actor.UNKNOWN
    later = written(tmp_path / "later", [*fields, "uint8 source"], **row, source=200)
    assert read_transitions([later], *SPACES).row(0).source is Actor.UNKNOWN
    person = written(tmp_path / "person", [*fields, "uint8 source"], **row, source=2)
    assert read_transitions([person], *SPACES).row(0).source is Actor.PERSON


@pytest.mark.parametrize(
    ("fields", "row", "words"),
    [
        (
            fields_of("float64[]", "state"),
            {"state": [1.0, 2.0], "next_state": [3.0, 4.0]},
            "no field 'observation', only header, index, episode, step, state, action, next_state",
        ),
        (
            fields_of("float64[]", ends=("bool done",)),
            {"done": True},
            "no field 'terminated', only header, index, ",
        ),
        (
            [*fields_of("float64[]")[1:], "string observation"],
            {"observation": "far"},
            "transition of step 3 of episode 2: observation: expected 2 numbers",
        ),
    ],
)
@pytest.mark.parametrize("spaces", [SPACES, ()])
def test_what_an_earlier_message_lacks_is_named(tmp_path, fields, row, words, spaces):
    given = {k: v for k, v in {**ROW, **row}.items() if any(f.endswith(f" {k}") for f in fields)}
    bag = written(tmp_path / "bag", fields, **given)
    with pytest.raises(BagError) as refusal:
        read_transitions([bag], *spaces)
    message = str(refusal.value)
    assert message.startswith(f"{bag}: ")
    assert "\n" not in message
    assert "damaged" not in message
    if spaces or "string" not in fields[-1]:
        assert words in message


def recorded(folder, count=5):
    recorder = Recorder(folder)
    for i in range(count):
        recorder.write(TRANSITIONS, cdr(transition(i)))
    assert recorder.close() == ""
    return folder


def with_notes(folder, chunked=True):
    """Add a file with transitions and notes of other tools to a bag."""
    path = folder / "bag_1.mcap"
    with path.open("wb") as file:
        writer = Writer(file, compression=CompressionType.LZ4, use_chunking=chunked)
        writer.start(profile="")
        kinds = (("json", "jsonschema", b"{}"), ("protobuf", "protobuf", b"\x0a\x03"))
        for encoding, kind, data in kinds:
            schema = writer.register_schema("Note", kind, data)
            channel = writer.register_channel(f"/{encoding}", encoding, schema)
            writer.add_message(channel, 1, json.dumps({"text": "nudged"}).encode(), 1)
        bare = writer.register_channel("/bare", "json", 0)
        writer.add_message(bare, 2, b"{}", 2)
        text = TRANSITIONS.definition.encode()
        schema = writer.register_schema(TRANSITIONS.type, "ros2msg", text)
        channel = writer.register_channel("/transition", "cdr", schema)
        writer.add_message(channel, 3, cdr(transition(5)), 3)
        writer.finish()
    return path


def test_other_encodings_are_passed_over_by_name(tmp_path):
    bag = recorded(tmp_path / "bag")
    path = with_notes(bag)
    assert len(read_transitions([bag], *SPACES)) == 6
    assert {m.topic for m in read_messages(bag)} == {"/transition"}
    assert passed_over(bag) == ["/json (json)", "/protobuf (protobuf)", "/bare (json)"]
    # A tool that was killed leaves the same without an index.
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 200])
    assert len(read_transitions([bag], *SPACES)) == 6
    path.write_bytes(whole[:120] + b"\xff" * 40 + whole[160:])
    with pytest.raises(BagError, match=r"bag_1\.mcap: damaged"):
        read_transitions([bag], *SPACES)


def test_a_tool_killed_behind_a_chunk_left_nothing_damaged(tmp_path):
    path = with_notes(recorded(tmp_path / "bag"))
    with path.open("rb") as file:
        chunk = SeekingReader(file).get_summary().chunk_indexes[-1]
    end = chunk.chunk_start_offset + chunk.chunk_length + chunk.message_index_length
    path.write_bytes(path.read_bytes()[:end])
    found = summarize(path)
    assert (found.unfinished, found.damaged) == ([path], {})
    with path.open("ab") as file:
        file.write(b"\x05torn")
    assert summarize(path).damaged == {path: 5}
    assert finish(path) == f"{path}: finished with 4 messages, 5 damaged bytes at its end left out"


def foreign(path, encoding, kind, definition):
    """Write a file with one transition of another tool."""
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start()
        schema = writer.register_schema(TRANSITIONS.type, kind, definition)
        channel = writer.register_channel("/transition", encoding, schema)
        writer.add_message(channel, 1, b"\x00\x01\x00\x00", 1)
        writer.finish()
    return path


def test_where_all_is_passed_over_that_is_the_reason(tmp_path):
    path = foreign(tmp_path / "odd.mcap", "json", "jsonschema", b"{}")
    with pytest.raises(BagError, match=r"no transitions; passed over: /transition \(json\)"):
        read_transitions([path])


def test_a_definition_that_cannot_be_read_is_no_damage(tmp_path):
    path = foreign(tmp_path / "odd.mcap", "cdr", "ros2msg", b"}{ what\n=== is this")
    with pytest.raises(BagError, match=r"odd\.mcap: mbrl_ros/msg/Transition: its definition"):
        read_transitions([path])


STATUS = Path(resource_directory("msg") / "TrainingStatus.msg").read_text()


@pytest.mark.parametrize(
    ("old", "new", "note"),
    [
        ("uint64 left_out", "uint64 thrown_away", ""),  # of a bag from before it was counted
        ("float64 holdout_error", "float64 error", "TrainingStatus has no field 'holdout_error', "),
        ("string gate", "string gate\nuint64 mood", ""),
    ],
)
def test_a_report_reads_fields_by_name_and_passes_over_what_has_others(tmp_path, old, new, note):
    run = tmp_path / "run"
    run.mkdir()
    read_task("cartpole_v1").write(run / "config.yaml")
    (run / "bag").mkdir()
    status = STATUS.replace(old, new)
    assert status != STATUS
    with (run / "bag" / "bag_0.mcap").open("wb") as file:
        writer = RosWriter(file)
        kinds = {
            kind: writer.register_msgdef(f"mbrl_ros/msg/{kind}", text + NESTED)
            for kind, text in (
                ("TrainingStatus", status),
                ("Transition", STAMP + "\n".join(fields_of("float64[]"))),
            )
        }
        for index in range(3):
            row = {**ROW, "observation": [1.0] * 4, "next_observation": [3.0] * 4, "action": [0.0]}
            row |= {"episode": 0, "step": index, "index": index}
            for kind, fields in (("TrainingStatus", {"transitions": 7}), ("Transition", row)):
                writer.write_message(f"/{kind}", kinds[kind], fields, log_time=1 + index)
        writer.finish()
    history = read_history(run)
    assert len(history.transitions) == 3
    if note:
        (said,) = [text for text in history.notes if note in text]
        assert said.endswith("it is of another version")
    else:
        assert history.metrics.trained == 7
        assert not [text for text in history.notes if "version" in text]


def test_decisions_of_another_version_are_refused_in_a_line(tmp_path, capsys):
    run = tmp_path / "run"
    run.mkdir()
    read_task("cartpole_v1").write(run / "config.yaml")
    (run / "bag").mkdir()
    with (run / "bag" / "bag_0.mcap").open("wb") as file:
        writer = RosWriter(file)
        kind = writer.register_msgdef("mbrl_ros/msg/Action", "std_msgs/Header header" + NESTED)
        writer.write_message("/action", kind, {}, log_time=1)
        writer.finish()
    assert main(["replay", str(run / "bag")]) == 2
    assert "mbrl_ros/msg/Action has no field 'source', only header" in capsys.readouterr().err
