"""Files that are whole at any moment."""

import os

import pytest

from mbrl_ros.core.whole_file import write_whole


def test_a_file_is_replaced_at_once(tmp_path):
    path = tmp_path / "a.json"
    write_whole(path, "one ä")
    with path.open("rb") as before:
        write_whole(path, b"two")
        assert before.read() == "one ä".encode()
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_where_it_cannot_be_written_the_old_one_stays_and_no_part_is_left(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_whole(path, "one")

    def full(self, _):
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, "two")
    assert path.read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_file_is_written_to(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_whole(pipe, "one")
    assert os.read(reader, 10) == b"one"
    os.close(reader)
    assert pipe.is_fifo()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path, "one")
