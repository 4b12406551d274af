"""Parameters of the data logger."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.settings import setting


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
