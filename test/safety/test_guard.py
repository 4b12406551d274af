"""The guard between controller and plant, in times that the tests choose."""

import numpy as np
import pytest
from support.waiting import PATIENCE

from mbrl_ros.core.limits import LimitSettings
from mbrl_ros.core.records import Observation
from mbrl_ros.core.task import ActionSettings, ObservationSettings, TaskSettings
from mbrl_ros.safety.guard import Guard
from mbrl_ros.safety.guard_memory import GuardMemory
from mbrl_ros.safety.settings import GuardSettings, TakeoverSettings

PERIOD = 0.04


def task(**values):
    return TaskSettings(
        period=PERIOD,
        observation=ObservationSettings(["x", "v"]),
        action=ActionSettings(["u"], [-1.0], [1.0]),
        **values,
    )


class Loop:
    """A guard, an observation every period, and a controller that may answer it."""

    def __init__(self, settings=None, **of_task):
        self.guard = Guard(task(**of_task), settings or GuardSettings())
        self.now, self.step, self.episode, self.applied = 100.0, -1, 0, 0.0

    def observe(self, values=(0.0, 0.0), **fields):
        """Let a period pass and the plant tell where it is."""
        self.now, self.step = self.now + PERIOD, self.step + 1
        seen = Observation(
            self.episode, self.step, np.array(values, float), np.array([self.applied]), **fields
        )
        return self.guard.observe(seen, self.now)

    def propose(self, value, step=None, episode=None, safe=False, later=0.005):
        return self.guard.propose(
            value if isinstance(value, list) else [value],
            self.episode if episode is None else episode,
            self.step if step is None else step,
            safe,
            self.now + later,
        )

    def round(self, value):
        self.observe()
        verdict = self.propose(value)
        self.applied = float(verdict.values[0])
        return verdict

    def round_or_person(self, value):
        return self.observe() or self.propose(value)

    def silent(self, seconds):
        return self.guard.silence(self.now + seconds)


def test_a_good_command_passes_as_it_is():
    loop = Loop()
    verdict = loop.round(0.3)
    assert (verdict.episode, verdict.step, verdict.safe, verdict.reason) == (0, 0, False, "")
    assert verdict.values.tolist() == [0.3]
    assert loop.round(7.0).values.tolist() == [1.0]
    assert loop.round(-7.0).reason == "outside the limits: u"
    assert (loop.guard.passed, loop.guard.changed) == (1, 2)
    # The controller's own safe command is passed on as such.
    loop.observe()
    assert loop.propose(0.0, safe=True).safe


@pytest.mark.parametrize("value", [[np.nan], [np.inf], [-np.inf], [], [0.1, 0.2], ["x"], None])
def test_what_is_no_command_is_dropped_and_told(value):
    loop = Loop()
    loop.round(0.3)
    loop.observe()
    assert loop.guard.propose(value, 0, 1, False, loop.now) is None
    assert loop.guard.refused == 1
    assert loop.guard.trouble.startswith("action: ")
    # And what came before goes on until it is too old.
    assert loop.silent(0.05) is None
    assert loop.silent(0.11).safe


def test_a_command_of_the_past_or_of_another_episode_is_not_passed():
    loop = Loop()
    for _ in range(5):
        loop.round(0.3)
    assert loop.propose(0.5, step=3) is None
    assert loop.propose(0.5, episode=-1) is None
    loop.episode, loop.step = 1, -1
    loop.observe()
    assert loop.propose(0.5, episode=0, step=5) is None
    assert loop.propose(0.5).values.tolist() == [0.5]


def test_an_answer_to_an_observation_long_ago_is_not_passed_though_it_comes_just_now():
    loop = Loop()
    loop.round(0.3)
    for _ in range(20):
        loop.observe()
    verdict = loop.propose(0.5, step=3)
    assert verdict.safe
    assert verdict.reason == "answers step 3, but the plant is at step 20"
    assert loop.propose(0.5, step=18).values.tolist() == [0.5]


def test_an_answer_that_overtakes_its_observation_waits_for_it():
    loop = Loop()
    loop.round(0.3)
    assert loop.propose(0.4, step=1) is None
    verdict = loop.observe()
    assert (verdict.step, verdict.values.tolist()) == (1, [0.4])
    # But not for ever: it may be a stranger's, or of before a silence.
    assert loop.propose(0.4, step=2) is None
    loop.now += 0.3
    assert loop.observe() is None
    # One of the far future is refused, and nothing waits for it.
    assert loop.propose(0.5, step=10**9) is None
    assert loop.propose(0.5, episode=10**9) is None
    assert loop.guard.refused == 2
    assert loop.observe() is None


def test_without_commands_the_safe_command_comes_after_the_time_out_and_stays():
    loop = Loop(safe_command="hold")
    for _ in range(3):
        loop.round(0.3)
    assert loop.silent(0.1) is None
    verdict = loop.silent(0.12)
    assert (verdict.safe, verdict.values.tolist()) == (True, [0.3])
    assert verdict.reason == "no command for 0.12 s"
    assert loop.silent(0.13) is None  # once a period
    assert loop.silent(0.16).safe
    # A plant that holds something else is not followed.
    loop.applied = 0.2
    loop.observe()
    assert loop.silent(0.2).values.tolist() == [0.3]
    loop.now += 0.2
    assert loop.round(0.5).reason == ""


def test_a_controller_that_said_farewell_is_not_missed():
    loop = Loop()
    loop.round(0.3)
    loop.observe()
    assert loop.propose(0.0, safe=True).safe
    assert loop.silent(5.0) is None


def test_without_observations_nothing_else_passes():
    loop = Loop()
    loop.round(0.3)
    late = loop.propose(0.4, later=0.5)
    assert late.safe
    assert late.reason == "no observation for 0.50 s"
    assert loop.silent(0.55).reason == "no observation for 0.55 s"
    loop.observe([np.nan, 0.0])
    assert loop.guard.trouble == "observation: 'x' is nan, expected a finite number"
    loop.observe([0.0])
    assert loop.guard.refused == 2
    # The same reading once more is no new one.
    repeated = Observation(0, 0, np.zeros(2), np.zeros(1))
    loop.guard.observe(repeated, loop.now + 1.0)
    assert loop.silent(1.0).safe


def test_a_velocity_of_long_ago_is_not_damped():
    loop = Loop(safe_command="damp", safe_velocities=["v"], safe_damping=0.5)
    loop.round(0.3)
    loop.observe([0.0, 0.8])
    assert loop.silent(0.15).values.tolist() == [-0.4]
    assert loop.silent(0.55).values.tolist() == [0.0]
    assert loop.guard.stop("button", loop.now + 0.6).values.tolist() == [0.0]


def test_a_law_of_ones_own_that_fails_is_told_with_the_reason(tmp_path):
    law = "def land(seen):\n    return [float(seen[0]) / float(seen[1])]\n"
    (tmp_path / "laws.py").write_text(law)
    loop = Loop(safe_command=f"{tmp_path / 'laws.py'}:land", safe_fallback="hold")
    loop.guard.safe.patience = PATIENCE
    loop.round(0.3)
    loop.observe([0.2, 0.5])
    stopped = loop.guard.stop("button", loop.now)
    assert (stopped.values.tolist(), stopped.reason) == ([0.4], "button")
    loop.observe([0.2, 0.0])
    stopped = loop.guard.stop("button", loop.now)
    assert stopped.values.tolist() == [0.3]
    assert stopped.reason.startswith("button; safe_command: ")
    assert stopped.reason.endswith(": hold instead")


def test_an_e_stop_is_at_once_and_ends_by_arming_only():
    loop = Loop()
    loop.round(0.3)
    assert loop.guard.stop("button", loop.now + 0.01).safe
    for _ in range(3):
        verdict = loop.round(0.3)
        assert (verdict.safe, verdict.reason) == (True, "button")
    assert loop.silent(0.05).safe
    loop.guard.stop("another", loop.now)
    assert loop.guard.estopped == "button"
    loop.guard.arm()
    assert loop.round(0.3).reason == ""


def test_a_person_takes_over_and_hands_back_without_a_jump():
    loop = Loop(GuardSettings(takeover=TakeoverSettings(timeout=0.3, handback=0.5)))
    loop.round(1.0)
    loop.guard.take_over([-1.0], loop.now)
    for _ in range(5):
        verdict = loop.observe()
        assert (verdict.values.tolist(), verdict.person, verdict.reason) == ([-1.0], True, "")
        assert loop.propose(1.0) is None
        assert loop.silent(0.03) is None
        loop.guard.take_over([-1.0], loop.now + 0.01)
    values = [-1.0]
    for _ in range(30):
        verdict = loop.round_or_person(1.0)
        values.append(float(verdict.values[0]))
    # The person's last command acts for the time-out, then at most the range in half a second.
    assert values[:8] == [-1.0] * 8
    assert max(np.diff(values)) == pytest.approx(2.0 * PERIOD / 0.5)
    assert values[-1] == 1.0
    with pytest.raises(ValueError, match="override: 'u' is nan"):
        loop.guard.take_over([np.nan], loop.now)
    # Limits and the e-stop hold for a person as well.
    loop.guard.take_over([9.0], loop.now)
    assert loop.observe().values.tolist() == [1.0]
    loop.guard.stop("e-stop", loop.now)
    loop.guard.take_over([9.0], loop.now)
    assert loop.observe().safe


def test_a_person_hands_back_at_once_and_may_be_missed():
    loop = Loop(GuardSettings(takeover=TakeoverSettings(silence="stop")))
    loop.round(0.2)
    loop.guard.take_over([0.3], loop.now)
    assert loop.observe().person
    loop.guard.take_over([], loop.now)  # let go of the button
    assert (loop.guard.person, loop.guard.handover) == (False, "handed back")
    assert loop.round(0.3).reason == ""
    loop.guard.take_over([], loop.now)  # nothing to hand back
    assert loop.guard.estopped == ""
    # A joystick, or its node, that has died.
    loop.guard.take_over([0.5], loop.now)
    assert loop.observe().person
    for _ in range(7):
        verdict = loop.round_or_person(0.3)
    assert (verdict.safe, verdict.reason) == (True, "the person has been silent for 0.32 s")
    loop.guard.take_over([0.5], loop.now)  # back again: it must be armed
    assert loop.observe().safe
    loop.guard.take_over([], loop.now)
    loop.guard.arm()
    assert loop.round(0.1).reason == ""


@pytest.mark.parametrize("safe", ["hold", "a law, or else hold"])
def test_servos_do_not_jump_to_where_a_leaders_are(safe, tmp_path):
    (tmp_path / "laws.py").write_text("def stay(seen):\n    return [0.0]\n")
    law = {"safe_command": f"{tmp_path / 'laws.py'}:stay", "safe_fallback": "hold"}
    loop = Loop(**({"safe_command": safe} if safe == "hold" else law))
    loop.round(-1.0)
    values = [-1.0]
    for _ in range(20):
        loop.guard.take_over([1.0], loop.now)
        values.append(float(loop.observe().values[0]))
    assert max(np.diff(values)) == pytest.approx(2.0 * PERIOD / 0.5)
    assert values[-1] == 1.0
    # A drive that is stopped by a person is stopped at once.
    drive = Loop()
    drive.round(1.0)
    drive.guard.take_over([-1.0], drive.now)
    assert drive.observe().values.tolist() == [-1.0]


def test_a_person_who_lets_go_of_a_plant_without_a_controller_leaves_it_safe():
    loop = Loop()
    loop.observe()
    loop.guard.take_over([0.5], loop.now)
    assert loop.observe().values.tolist() == [0.5]
    assert loop.silent(0.15) is None
    loop.now += 0.2
    loop.observe()
    assert loop.silent(0.1).safe


def test_limits_are_the_tasks():
    limits = LimitSettings(of=["x"], high=[1.0], command=["velocity"], moves=["x"], rate=[5.0])
    loop = Loop(limits=limits)
    assert loop.round(1.0).reason == "changed too fast: u"
    loop.observe([1.0, 0.0])
    verdict = loop.propose(0.4)
    assert (verdict.values.tolist(), verdict.reason) == ([0.0], "kept: x <= 1")
    loop.observe([2.0, 0.0])
    assert loop.propose(0.4).values.max() < 0.0


def test_a_plant_that_was_restarted_is_followed():
    loop = Loop()
    for _ in range(10):
        loop.round(0.3)
    loop.step, loop.now = -1, loop.now + 0.3
    for _ in range(10):
        assert loop.round(0.4).reason == ""
    # While it is heard, what does not follow is old, or somebody else's.
    for stranger in ((10**6, 5), (0, 0), (0, 60), (-3, 7)):
        loop.guard.observe(Observation(*stranger, np.zeros(2), np.zeros(1)), loop.now + 0.01)
        assert loop.propose(0.4, step=stranger[1], episode=stranger[0]) is None
        assert loop.round(0.4).reason == ""


def test_in_lock_step_no_time_passes():
    loop = Loop(lock_step=True)
    loop.round(0.3)
    loop.now += 60.0
    assert loop.guard.silence(loop.now) is None
    assert loop.propose(0.4).reason == ""


def test_what_is_kept_across_a_restart(tmp_path):
    memory = GuardMemory(tmp_path)
    assert memory.begin(True) == ""
    assert memory.keep("", True) == ""
    assert GuardMemory(tmp_path).begin(True) == "after a crash"
    assert GuardMemory(tmp_path).begin(False) == ""
    memory.keep("button", True)
    assert GuardMemory(tmp_path).begin(False) == "button"
    memory.keep("", False)
    assert GuardMemory(tmp_path).begin(True) == ""
    (tmp_path / "guard_state.json").write_text("{")
    assert "guard_state.json: JSONDecodeError" in GuardMemory(tmp_path).begin(False)
    (tmp_path / "guard_state.json").write_text('{"estopped": 1, "running": true}')
    assert "expected text and true or false" in GuardMemory(tmp_path).begin(False)
    assert GuardMemory(None).begin(True) == GuardMemory(None).keep("x", True) == ""
    gone = GuardMemory(tmp_path / "gone")
    assert "guard_state.json: No such file or directory: forgotten" in gone.keep("x", True)
