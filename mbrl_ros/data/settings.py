"""Settings of what is kept."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.core.settings import setting


@dataclass(frozen=True)
class LoggerSettings:
    """What is recorded beside the transitions."""

    record: bool = setting(True, "write a bag to run_dir/bag")
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
            ValueError: for an entry of another form.
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
    """What is kept of the data; memory does not grow beyond it."""

    recent: int = setting(20_000, "newest transitions, all of which are kept", low=100)
    old: int = setting(
        80_000, "transitions kept of all those before, every one with the same chance", low=0
    )
    recent_share: float = setting(
        0.5,
        "least share of a batch that is drawn from the recent ones, however many are old",
        low=0.0,
        high=1.0,
    )
    holdout: int = setting(5_000, "transitions kept back of all, at most", low=100)
