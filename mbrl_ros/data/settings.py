"""Settings of recording and of the replay buffer."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.core.settings import setting


@dataclass(frozen=True)
class LoggerSettings:
    """What is recorded besides the transitions."""

    record: bool = setting(True, "write a bag to run_dir/bag")
    fsync: float = setting(
        1.0,
        "interval of having the disk itself hold what was written, which a power cut may cost [s]; "
        "0: left to the system",
        low=0.0,
        high=3600.0,
    )
    disk_budget: float = setting(
        0.0, "size of the bag at most [MB]; nothing more is recorded then; 0: none", low=0.0
    )
    drop_oldest: bool = setting(
        False, "at disk_budget, drop the bag's oldest closed files and go on recording"
    )
    topics: list[str] = setting(
        [
            "joint_states sensor_msgs/msg/JointState",
            "/rosout rcl_interfaces/msg/Log",
            "/parameter_events rcl_interfaces/msg/ParameterEvent",
        ],
        "further topics for the bag, each as 'name package/msg/Type'",
    )

    def further_topics(self) -> list[tuple[str, str]]:
        """Return the names and types of `topics`.

        Raises:
            ValueError: for a malformed entry.
        """
        pairs = []
        for text in self.topics:
            words = text.split()
            if len(words) != 2:
                raise ValueError(f"topics: expected 'name package/msg/Type', got '{text}'")
            pairs.append((words[0], words[1]))
        return pairs


@dataclass(frozen=True)
class ReplaySettings:
    """What learning is from; size and sampling of the replay buffer, which bound memory."""

    screen: bool = setting(True, "leave transitions from and to absurd readings out")
    recent: int = setting(20_000, "size of the ring of newest transitions", low=100)
    old: int = setting(80_000, "size of the uniform sample of all older transitions", low=0)
    recent_share: float = setting(
        0.5,
        "minimum share of recent transitions in a batch",
        low=0.0,
        high=1.0,
    )
    holdout: int = setting(5_000, "maximum number of transitions in the hold-out", low=100)
