"""Event files: read back by TensorBoard where it is installed, by protobuf everywhere."""

import math
import resource
import time

import pytest
from support.events import crc32c, read_events, read_scalars, read_texts

from mbrl_ros.reports.curves import Curves
from mbrl_ros.reports.event_file import MAX_PENDING, EventFile


def write(folder):
    file = EventFile(folder)
    file.scalars(0, {"a/zero": 0.0, "a/negative": -1.5})
    file.scalars(2**40 + 300, {"a/zero": 1e-30})
    file.text(7, "words", "schön: " + 200 * "long ")
    file.flush()
    file.close()


def test_every_record_is_as_it_should_be(tmp_path):
    assert crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C
    before = time.time()
    write(tmp_path)
    first, *events = read_events(tmp_path)
    assert (first.file_version, first.step) == ("brain.Event:2", 0)
    assert [event.step for event in events] == [0, 2**40 + 300, 7]
    times = [before, *(event.wall_time for event in (first, *events)), time.time()]
    assert times == sorted(times)
    scalars = read_scalars(tmp_path)
    assert scalars["a/negative"] == [(0, -1.5)]
    assert scalars["a/zero"] == [(0, 0.0), (2**40 + 300, pytest.approx(1e-30))]
    assert read_texts(tmp_path) == {"words": [(7, "schön: " + 200 * "long ")]}
    (tensor,) = events[-1].summary.value
    assert tensor.tensor.dtype == 7  # DT_STRING


def test_tensorboard_reads_the_same(tmp_path):
    name = "tensorboard.backend.event_processing.event_accumulator"
    accumulator = pytest.importorskip(name).EventAccumulator(str(tmp_path))
    write(tmp_path)
    accumulator.Reload()
    assert accumulator.file_version == 2
    assert [(e.step, e.value) for e in accumulator.Scalars("a/negative")] == [(0, -1.5)]
    assert [e.step for e in accumulator.Scalars("a/zero")] == [0, 2**40 + 300]
    (text,) = accumulator.Tensors("words")
    assert text.tensor_proto.string_val[0].decode() == "schön: " + 200 * "long "
    assert accumulator.SummaryMetadata("words").plugin_data.plugin_name == "text"


def test_what_is_no_number_of_float32_is_left_out(tmp_path):
    file = EventFile(tmp_path)
    largest = 3.4028234663852886e38
    file.scalars(1, {"nan": math.nan, "inf": -math.inf, "more": 3.5e38, "most": largest})
    file.scalars(2, {"nan": math.nan})
    file.flush()
    assert read_scalars(tmp_path) == {"most": [(1, largest)]}
    assert len(read_events(tmp_path)) == 2


@pytest.fixture
def full_disk(tmp_path):
    """Whole events fit at first; lifted by calling it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_told_once_and_delays_but_loses_nothing(tmp_path, full_disk):
    told = []
    curves = Curves(tmp_path, told.append)
    for step in range(100):
        curves.episode(step, 0.5 * step, step)
        curves.flush()
    assert told == ["tensorboard: File too large"]
    full_disk()
    curves.close()
    returns = read_scalars(tmp_path / "tensorboard")["episode/return"]
    assert returns == [(step, 0.5 * step) for step in range(100)]
    assert len(told) == 1


@pytest.mark.process
def test_a_disk_that_stays_full_costs_little_memory(tmp_path, full_disk):
    curves = Curves(tmp_path, lambda _: None)
    for step in range(60_000):
        curves.episode(step, 0.0, 0)
    curves.flush()
    assert len(curves._file._pending) < MAX_PENDING + 1000
    full_disk()
    curves.close()
    returns = read_scalars(tmp_path / "tensorboard")["episode/return"]
    assert [step for step, _ in returns] == list(range(len(returns)))
    assert len(returns) < 60_000
