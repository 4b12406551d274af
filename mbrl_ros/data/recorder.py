"""Recording of topics to a rosbag2 bag that survives a kill, a restart and a full disk."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from mbrl_ros.data.definitions import Topic
from mbrl_ros.data.finishing import (
    file_number,
    finish,
    locked,
    mcap_files,
    recover_locked,
    write_metadata,
)
from mbrl_ros.data.live_file import LiveFile
from mbrl_ros.data.streaming import unless_gone

# Messages or bytes per file. Finishing one takes 0.2 s and 0.5 MB of memory, while the next one is
# recorded.
MAX_MESSAGES = 10_000
MAX_BYTES = 64 * 2**20
# Files in which a budget is kept at least, so that the oldest is a small part of it.
_PARTS = 8
# From when on a disk that does not take what it was given is called slow [s].
_SLOW = 2.0


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
        fsync: float = 1.0,
        budget: int = 0,
        drop_oldest: bool = False,
    ) -> None:
        """Create the bag, or continue it with a further file.

        A disk that takes nothing is no error: it is told by `trouble`, and may take it later.

        Args:
            folder: the bag; created if missing.
            attachments: names to texts kept in each file, such as the run's configuration.
            metadata: keys to values kept in each file and in metadata.yaml.
            fsync: interval of having the disk itself hold what was written [s]; 0: never.
            budget: size of the bag at most [bytes]; 0: none.
            drop_oldest: whether its oldest files make room, instead of nothing more being recorded.

        Raises:
            OSError: if the folder cannot be made, or another process records to it.
        """
        self.folder = folder
        self.counts: Counter[str] = Counter()
        self._attachments = dict(attachments or {})
        self._metadata = dict(metadata or {})
        self._lock = ExitStack()
        self._last_stamp = 0
        self._finished_bytes = 0
        self._lost = self._refused = 0
        self._removed = False
        self._budget, self._drops = budget, drop_oldest and budget > 0
        self._over = threading.Event()
        # The last full file.
        self._finishing: threading.Thread | None = None
        self._sync_error = ""
        folder.mkdir(parents=True, exist_ok=True)
        if not self._lock.enter_context(locked(folder)):
            raise OSError(f"{folder}: another process is recording to this bag")
        try:
            try:
                self.notes = recover_locked(folder)
            except OSError as error:
                self.notes = [f"{folder}: not recovered: {error.strerror}"]
            self._file = self._open_next([])
            self._closed_bytes = self._stored()
        except BaseException:
            self._lock.close()
            raise
        if fsync > 0:
            threading.Thread(target=self._sync, args=(fsync,), daemon=True).start()

    @property
    def size(self) -> int:
        """Data recorded since this recorder was opened, before compression [bytes]."""
        return self._finished_bytes + self._file.size

    @property
    def trouble(self) -> str:
        """Description of what is not written, and why; empty: everything is."""
        file, lost = self._file, self._lost + self._file.lost
        found = []
        if file.error:
            found.append(f"{file.path}: {file.error}; {file.pending} bytes wait in memory")
        if self._removed:
            found.append(f"{file.path}: was removed, and with it what is recorded from now on")
        if self._refused:
            found.append(
                f"{self.folder}: its budget of {self._budget / 1e6:g} MB is used up, "
                f"{self._refused} messages were not recorded"
            )
        if lost:
            found.append(f"{lost} messages were not recorded")
        return "; ".join(found)

    @property
    def slow(self) -> str:
        """What the disk itself does not hold yet, though it was written; empty: it keeps up."""
        if self._sync_error:
            return f"{self._file.path}: not on the disk itself yet: {self._sync_error}"
        if (waited := self._file.syncing) > _SLOW:
            path = self._file.path
            return f"{path}: the disk is slow: for {waited:.1f} s it has not taken what was written"
        return ""

    def write(self, topic: Topic, data: bytes) -> Path | None:
        """Record one message, received now.

        Args:
            topic: of the message.
            data: CDR with its header.

        Returns:
            the file that has it, or will have it; None: it was refused.
        """
        if self._budget and not self._makes_room(len(data)):
            self._refused += 1
            return None
        # A clock set back must not reorder the bag.
        self._last_stamp = max(time.time_ns(), self._last_stamp)
        file = self._file
        file.write(topic, self._last_stamp, data)
        self.counts[topic.name] += 1
        most = min(MAX_BYTES, self._budget // _PARTS) if self._drops else MAX_BYTES
        if file.messages >= MAX_MESSAGES or file.size >= most:
            self._split()
        if self._drops:
            self._makes_room(0)  # for a record's head, and where a file ends and the next begins
        return file.path

    def retry(self) -> None:
        """Try to write pending data; leave a file that somebody has removed."""
        self._file.retry()
        if self._is_removed():
            self._split()
        self._removed = self._is_removed()

    def _is_removed(self) -> bool:
        return not self._file.error and not self._file.path.exists()

    def close(self) -> str:
        """Finish the bag.

        Returns:
            a description of problems; empty: none.
        """
        file = self._file
        self._over.set()
        self._await_finishing()
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
        following = self._open_next([self._file.path])
        if following.error:
            following.close()
            with suppress(OSError):
                following.path.unlink()
            return
        full, self._file = self._file, following
        full.close()
        self._finished_bytes += full.size
        self._lost += full.lost
        self._await_finishing()
        self._closed_bytes = self._stored()
        self._finishing = threading.Thread(target=self._finish, args=(full.path,), daemon=True)
        self._finishing.start()

    def _finish(self, path: Path) -> None:
        """Finish a file; on a thread, so that nothing waits for it."""
        try:
            finish(path)
        except OSError as error:
            # It is readable; `recover` finishes it.
            self.notes.append(f"{path}: not finished: {error.strerror}")
        self._tell_what_is_there()
        self._closed_bytes = self._stored()

    def _await_finishing(self) -> None:
        if self._finishing is not None:
            self._finishing.join()

    def _makes_room(self, size: int) -> bool:
        """Return whether a message fits into the budget, if need be without the oldest files."""
        while self._closed_bytes + self._file.size + size > self._budget:
            if not self._drops:
                return False
            self._await_finishing()
            oldest = next(iter(mcap_files(self.folder)), self._file.path)
            if oldest == self._file.path:
                return False
            try:
                oldest.unlink()
            except OSError:
                return False
            self._closed_bytes = self._stored()
            self._tell_what_is_there()
        return True

    def _tell_what_is_there(self) -> None:
        """Write metadata.yaml; where that fails the old one stays, and `recover` writes it."""
        try:
            write_metadata(self.folder)
        except OSError as error:
            note = f"{self.folder}/metadata.yaml: could not be written: {error.strerror}"
            if note not in self.notes:
                self.notes.append(note)

    def _stored(self) -> int:
        """Return the size of the files that are closed [bytes]."""
        size = 0
        for path in mcap_files(self.folder):
            if path != self._file.path:
                with unless_gone(path):
                    size += path.stat().st_size
        return size

    def _sync(self, interval: float) -> None:
        """Sync the present file again and again; on a thread of its own."""
        while not self._over.wait(interval):
            try:
                self._file.sync()
                self._sync_error = ""
            except OSError as error:
                self._sync_error = error.strerror or str(error)

    def _open_next(self, before: list[Path]) -> LiveFile:
        # The file before may have been removed, but is still to be finished by its name.
        known = [*mcap_files(self.folder)[-1:], *before]
        number = max(map(file_number, known), default=-1) + 1
        path = self.folder / f"{self.folder.name}_{number}.mcap"
        return LiveFile(path, self._attachments, self._metadata)
