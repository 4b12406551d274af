"""Settings of the guard."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.core.settings import group, setting


@dataclass(frozen=True)
class TakeoverSettings:
    """Take-over by a person."""

    timeout: float = setting(
        0.3, "the controller commands again so long after the person's last command [s]", low=0.01
    )
    handback: float = setting(
        0.5,
        "time in which, after that, a command may change by no more than its whole range [s]",
        low=0.0,
        high=60.0,
    )
    twist: list[str] = setting(
        [],
        "also hear the topic override_twist (geometry_msgs/Twist): for each action the field that "
        "it is, such as linear.x; empty text: zero",
        choices=("linear.x", "linear.y", "linear.z", "angular.x", "angular.y", "angular.z", ""),
    )


@dataclass(frozen=True)
class GuardSettings:
    """Parameters of the node safety_guard."""

    command_timeout: float = setting(
        0.0,
        "without a command for so long, the safe command [s]; 0: 2.5 periods, at least 0.1 s",
        low=0.0,
        high=100.0,
    )
    observation_timeout: float = setting(
        0.0,
        "without a valid observation for so long, the safe command [s]; 0: 5 periods, at least "
        "0.2 s",
        low=0.0,
        high=100.0,
    )
    after_crash: str = setting(
        "resume",
        "what a guard does that ended uncleanly and is started again in its run: resume; hold (the "
        "safe command until ~/arm)",
        choices=("resume", "hold"),
    )
    estop_input: str = setting(
        "", "topic (std_msgs/Bool) of an e-stop button, true while it is pressed; empty: none"
    )
    estop_input_timeout: float = setting(
        0.0, "silence of that topic that counts as pressed [s]; 0: none does", low=0.0
    )
    takeover: TakeoverSettings = group(TakeoverSettings)

    def oldest_command(self, period: float) -> float:
        """Return the maximum age of a command at a control period [s]."""
        return self.command_timeout or max(0.1, 2.5 * period)

    def oldest_observation(self, period: float) -> float:
        """Return the maximum age of an observation at a control period [s]."""
        return self.observation_timeout or max(0.2, 5 * period)
