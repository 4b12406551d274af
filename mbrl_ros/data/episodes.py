"""An episode store: each observation and frame once, sampled as sequences."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mbrl_ros.core.records import Frame, Transition
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.joining import JoinedFrames
from mbrl_ros.data.sequences import Sequence
from mbrl_ros.data.steps import Rows, Steps
from mbrl_ros.data.transitions import checked, goes_on


class EpisodeStore:
    """The newest episodes of a log, with the frames of their observations.

    Transitions are appended in log order; frames may arrive at any time, and are joined to the
    newest observation of their episode and step that has none. They stay encoded until sampled.

    Steps are consecutive as in ``Transitions.windows``. A sequence ends at missing steps and where
    a restarted plant counts its episodes from 0 again. After such a break, a first observation in
    mid-episode is dropped: the action before it is unknown.

    A sequence continues from an episode into the next one if that begins with its first step,
    marked by ``is_first``, as in DreamerV3. So episodes shorter than a sequence are used too, and
    the end of an episode is sampled as often as its middle.
    """

    def __init__(self, observation_space: Space, action_space: Space, capacity: int) -> None:
        """Create an empty store.

        Args:
            observation_space: names and size of the observations.
            action_space: names and size of the actions.
            capacity: maximum number of observations: one per transition, and the first of each
                episode. The oldest episode is evicted as a whole, with its frames; one longer than
                half the capacity in such halves.

        Raises:
            ValueError: if ``capacity`` is less than 2.
        """
        self.observation_space = observation_space
        self.action_space = action_space
        self._steps = Steps(observation_space.dim, action_space.dim, capacity)
        self._frames = JoinedFrames(capacity)
        self._last: Transition | None = None
        # From this row on, episodes and steps are increasing.
        self._log = 0

    def __len__(self) -> int:
        """Return the number of observations kept."""
        return len(self._steps)

    @property
    def frames_dropped(self) -> int:
        """Frames so far whose observation did not arrive, or had already been evicted."""
        return self._frames.dropped

    def append(self, transition: Transition) -> None:
        """Add one transition.

        Raises:
            ValueError: for a wrong size, a non-finite number or a negative count.
        """
        new = checked(transition, self.observation_space, self.action_space)
        follows = self._last is not None and goes_on(self._last, new)
        if not follows:
            self._begin(new)
        self._add(
            episode=new.episode,
            step=new.step + 1,
            observations=new.next_observation,
            actions=new.action,
            rewards=new.reward,
            terminated=new.terminated,
            truncated=new.truncated,
            linked=follows or new.step == 0,
        )
        self._last = new

    def add_frame(self, frame: Frame) -> None:
        """Add one frame; duplicates are ignored.

        Raises:
            ValueError: naming the invalid field, its value and the expected one.
        """
        self._frames.check(frame)
        self._frames.add(frame, self._steps.find(frame.episode, frame.step, self._log))

    def end_log(self) -> None:
        """Treat following data as another log, unrelated to the present one."""
        self._last = None
        self._log = self._steps.end
        self._frames.drop_waiting(lambda _: True)

    def sequences(self, length: int, cameras: Collection[str] = ()) -> int:
        """Return the number of different sequences that can be sampled.

        Raises:
            ValueError: for a length of 0.
        """
        if any(camera not in self._frames.cameras for camera in cameras):
            return 0
        return int(self._places(length, cameras)[1].sum())

    def sample(
        self,
        batch: int,
        length: int,
        rng: np.random.Generator,
        cameras: Collection[str] = (),
    ) -> Sequence:
        """Sample sequences, with uniformly distributed starts.

        Args:
            batch: number B of sequences.
            length: control steps L in each.
            rng: samples the starts.
            cameras: whose images to return; sequences then have one at every step.

        Raises:
            ValueError: if there is no such sequence or camera.
        """
        if batch < 1:
            raise ValueError(f"batch: expected at least 1, got {batch}")
        begins, places = self._places(length, cameras)
        total = np.cumsum(places)
        if not places.any():
            seen = f" with a frame of {' and '.join(cameras)} at each" if cameras else ""
            raise ValueError(f"length: the store has no {length} steps in a row{seen}")
        drawn = rng.integers(total[-1], size=batch)
        run = np.searchsorted(total, drawn, side="right")
        starts = begins[run] + drawn - (total - places)[run]
        rows = starts[:, None] + np.arange(length)
        columns = self._steps.columns(rows)
        return Sequence(
            columns["observations"],
            columns["actions"],
            columns["rewards"],
            columns["terminated"],
            columns["truncated"],
            columns["is_first"],
            {camera: self._frames.images(camera, rows) for camera in cameras},
        )

    def newest(self, count: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return the newest observations, at most so many, and which follow the one before.

        Args:
            count: N, if as many are kept.

        Returns:
            shapes ``(N, O)`` and ``(N,)``; the first follows none.
        """
        rows = np.arange(max(self._steps.first, self._steps.end - count), self._steps.end)
        columns = self._steps.columns(rows)
        follows = columns["linked"] & ~columns["is_first"]
        return columns["observations"], follows & (rows > rows[:1])

    def _begin(self, new: Transition) -> None:
        """Start a new run, with a transition that does not follow the last one."""
        first = (new.episode, new.step + 1 if new.step else 0)
        last = self._last
        if last is None or (new.episode, new.step) > (last.episode, last.step):
            self._frames.drop_waiting(lambda key: key < first)
        else:
            # The plant was restarted. Its frames among the waiting ones are of steps that the log
            # already had.
            self._log = self._steps.end
            newest = (last.episode, last.step + 1)
            self._frames.drop_waiting(
                lambda key: key[0] != new.episode or not first <= key <= newest
            )
        if new.step == 0:
            self._add(
                episode=new.episode,
                step=0,
                observations=new.observation,
                is_first=True,
                linked=True,
            )

    def _add(self, episode: int, step: int, **values: Any) -> None:
        """Add an observation, and join the frames that arrived before it."""
        oldest = self._steps.first
        self._steps.add({"episode": episode, "step": step, **values})
        self._frames.forget(range(oldest, self._steps.first))
        self._frames.claim(self._steps.end - 1, episode, step)

    def _places(self, length: int, cameras: Collection[str]) -> tuple[Rows, Rows]:
        """Return where runs of rows begin, and the number of possible sequence starts in each."""
        if length < 1:
            raise ValueError(f"length: expected at least 1, got {length}")
        usable = np.ones(len(self), np.bool_)
        for camera in cameras:
            if camera not in self._frames.cameras:
                known = ", ".join(self._frames.cameras) or "none"
                raise ValueError(f"cameras: no frame of '{camera}' came, there are: {known}")
            usable &= self._frames.known(camera, self._steps.first, self._steps.end)
        begins, ends = self._steps.runs(usable)
        return begins, np.maximum(0, ends - begins - length + 1)
