"""Recording of topics to a rosbag2 bag that survives a kill, a restart and a full disk."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from mbrl_ros.data.definitions import Topic
from mbrl_ros.data.finishing import finish, locked, mcap_files, recover_locked, write_metadata
from mbrl_ros.data.live_file import LiveFile

# Messages or bytes per file. Finishing a file takes 0.2 s and 0.5 MB of memory; subscriptions queue
# longer than that.
MAX_MESSAGES = 10_000
MAX_BYTES = 64 * 2**20


class Recorder:
    """Writes messages as received to the MCAP files of one bag.

    Attributes:
        folder: the bag.
        notes: about files that an earlier recorder left unfinished.
        counts: topic name to messages recorded.
    """

    def __init__(
        self,
        folder: Path,
        attachments: Mapping[str, str] | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Create the bag, or continue it with a further file.

        Args:
            folder: the bag; created if missing.
            attachments: names to texts kept in each file, such as the run's configuration.
            metadata: keys to values kept in each file and in metadata.yaml.

        Raises:
            OSError: if it cannot be written, or another process records to it.
        """
        self.folder = folder
        self.counts: Counter[str] = Counter()
        self._attachments = dict(attachments or {})
        self._metadata = dict(metadata or {})
        self._lock = ExitStack()
        self._last_stamp = 0
        self._finished_bytes = 0
        self._lost = 0
        folder.mkdir(parents=True, exist_ok=True)
        if not self._lock.enter_context(locked(folder)):
            raise OSError(f"{folder}: another process is recording to this bag")
        try:
            self.notes = recover_locked(folder)
            self._file = self._open_next()
        except BaseException:
            self._lock.close()
            raise

    @property
    def size(self) -> int:
        """Data recorded since this recorder was opened, before compression [bytes]."""
        return self._finished_bytes + self._file.size

    @property
    def trouble(self) -> str:
        """Description of disk problems; empty: none."""
        lost = self._lost + self._file.lost
        text = ""
        if self._file.error:
            text = (
                f"{self._file.path}: {self._file.error}; {self._file.pending} bytes wait in memory"
            )
        if lost:
            text += f"{'; ' if text else ''}{lost} messages were not recorded"
        return text

    def write(self, topic: Topic, data: bytes) -> None:
        """Record one message, received now.

        Args:
            topic: of the message.
            data: CDR with its header.
        """
        # A clock set back must not reorder the bag.
        self._last_stamp = max(time.time_ns(), self._last_stamp)
        self._file.write(topic, self._last_stamp, data)
        self.counts[topic.name] += 1
        if self._file.messages >= MAX_MESSAGES or self._file.size >= MAX_BYTES:
            self._split()

    def retry(self) -> None:
        """Try to write pending data."""
        self._file.retry()

    def close(self) -> str:
        """Finish the bag.

        Returns:
            a description of problems; empty: none.
        """
        file = self._file
        pending = file.close()
        trouble = f"{pending} bytes could not be written: {file.error}" if pending else ""
        try:
            finish(file.path)
            write_metadata(self.folder)
        except OSError as error:
            trouble = "; ".join(filter(None, [trouble, f"not finished: {error.strerror}"]))
        finally:
            self._lock.close()
        return f"{file.path}: {trouble}" if trouble else ""

    def _split(self) -> None:
        """Continue in a new file, if the disk allows it."""
        if self._file.pending:
            return
        try:
            following = self._open_next()
        except OSError:
            return
        full, self._file = self._file, following
        full.close()
        self._finished_bytes += full.size
        self._lost += full.lost
        try:
            finish(full.path)
            write_metadata(self.folder)
        except OSError as error:
            # It is readable; `recover` finishes it.
            self.notes.append(f"{full.path}: not finished: {error.strerror}")

    def _open_next(self) -> LiveFile:
        last = mcap_files(self.folder)[-1:]
        digits = re.search(r"_(\d+)$", last[0].stem) if last else None
        number = int(digits.group(1)) + 1 if digits else 0
        path = self.folder / f"{self.folder.name}_{number}.mcap"
        return LiveFile(path, self._attachments, self._metadata)
