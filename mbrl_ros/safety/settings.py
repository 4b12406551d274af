"""Settings of the guard."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.core.settings import group, setting

CONTROLLER, STOP = "controller", "stop"


@dataclass(frozen=True)
class TakeoverSettings:
    """Take-over by a person."""

    timeout: float = setting(
        0.3, "a person commands for so long after the last command [s]", low=0.01
    )
    handback: float = setting(
        0.5,
        "time in which, after that, a command may change by no more than its whole range [s]; with "
        "safe_command or safe_fallback hold, as for position servos, also as a person takes over",
        low=0.0,
        high=60.0,
    )
    silence: str = setting(
        CONTROLLER,
        "who commands when a person has not handed back and is silent for timeout: the "
        "controller; or stop: nobody, an e-stop until ~/arm",
        choices=(CONTROLLER, STOP),
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
