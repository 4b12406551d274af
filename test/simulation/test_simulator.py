from dataclasses import replace

import numpy as np
import pytest

from mbrl_ros.simulation.simulator import Simulator


def answer(simulator: Simulator, value: float) -> None:
    seen = simulator.observation
    simulator.command([value], seen.episode, seen.step, seen.time)


def test_first_observation(cartpole):
    seen = cartpole().observation
    assert (seen.episode, seen.step, seen.action_step) == (0, 0, -1)
    assert seen.time == pytest.approx(0.04)
    assert seen.action.tolist() == [0.0]
    assert np.isnan(seen.reward)
    assert not seen.ended


def test_the_same_seed_gives_the_same_run(cartpole):
    def run(seed):
        simulator = cartpole(seed=seed)
        rng = np.random.default_rng(0)
        rows = []
        for step in range(60):
            if step == 20:
                simulator.reset()
            answer(simulator, rng.uniform(-1, 1))
            rows.append(simulator.advance().values)
        return np.array(rows)

    np.testing.assert_array_equal(run(1), run(1))
    assert not np.array_equal(run(1)[0], run(2)[0])


def test_an_episode_does_not_depend_on_the_one_before(cartpole):
    one, other = cartpole(seed=3), cartpole(seed=3)
    for _ in range(5):
        answer(one, 1.0)
        one.advance()
    np.testing.assert_array_equal(one.reset().values, other.reset().values)
    assert not np.array_equal(one.reset().values, one.reset().values)
    np.testing.assert_array_equal(one.reset(seed=9).values, other.reset(seed=9).values)


def test_lock_step_applies_the_answer_at_once(cartpole):
    simulator = cartpole()
    assert not simulator.answered
    answer(simulator, 0.5)
    assert simulator.answered
    seen = simulator.advance()
    assert (seen.step, seen.action_step, seen.action[0]) == (1, 0, 0.5)
    assert not simulator.answered
    # Nothing answers step 1: the safe command.
    seen = simulator.advance()
    assert (seen.step, seen.action_step, seen.action[0]) == (2, -1, 0.0)
    assert simulator.env_steps == 8


def test_real_time_applies_the_answer_one_step_later(cartpole):
    simulator = cartpole(lock_step=False)
    answer(simulator, 0.5)
    assert simulator.advance().action_step == -1
    answer(simulator, -0.5)
    seen = simulator.advance()
    assert (seen.step, seen.action_step, seen.action[0]) == (2, 0, 0.5)
    seen = simulator.advance()
    assert (seen.step, seen.action_step, seen.action[0]) == (3, 1, -0.5)


def test_an_old_command_gives_way_to_the_safe_one(cartpole):
    simulator = cartpole(lock_step=False, command_timeout=0.1)
    simulator.advance()
    seen = simulator.observation
    simulator.command([0.5], 0, 1, seen.time + 0.03)
    applied = [simulator.advance().action_step for _ in range(6)]
    # Latched 0.01, 0.05 and 0.09 s after it came, and no more at 0.13 s.
    assert applied == [-1, 1, 1, 1, -1, -1]


def test_safe_commands(cartpole):
    held = cartpole(task={"safe_command": "hold"})
    answer(held, 0.7)
    held.advance()
    seen = held.advance()
    assert (seen.action[0], seen.action_step) == (0.7, -1)
    held.reset()
    assert held.advance().action[0] == 0.0

    damp = {"safe_command": "damp", "safe_velocities": ["v"], "safe_damping": 0.1}
    damped = cartpole(task=damp)
    for _ in range(10):
        answer(damped, 1.0)
        damped.advance()
    speed = damped.observation.values[3]
    assert speed > 0
    assert damped.advance().action[0] == pytest.approx(-0.1 * speed)
    assert damped.observation.values[3] < speed


def test_damp_needs_the_velocity_of_each_action():
    from mbrl_ros.core.task import ActionSettings, ObservationSettings, TaskSettings
    from mbrl_ros.simulation.settings import SimulatorSettings
    from mbrl_ros.simulation.simulator import make_simulator

    task = TaskSettings(
        period=0.05,
        observation=ObservationSettings(["c", "s", "w"]),
        action=ActionSettings(["u"], [-2.0], [2.0]),
    )
    task = replace(task, safe_command="damp")
    with pytest.raises(ValueError, match="safe_velocities: expected an observation dimension for"):
        make_simulator(task, SimulatorSettings(environment="Pendulum-v1"))


@pytest.mark.parametrize(
    ("values", "episode", "step", "words"),
    [
        ([np.nan], 0, 0, "'motor' is nan, expected a finite number"),
        ([np.inf], 0, 0, "'motor' is inf"),
        ([], 0, 0, "expected 1 values"),
        ([0.1, 0.2], 0, 0, "expected 1 values"),
        ([0.1], 0, 1, "answers step 1 of episode 0, but the plant is at step 0"),
        ([0.1], 5, 0, "episode 5"),
    ],
)
def test_malformed_commands_change_nothing(cartpole, values, episode, step, words):
    simulator = cartpole()
    answer(simulator, 0.25)
    with pytest.raises(ValueError, match=r"^action: ") as refusal:
        simulator.command(values, episode, step, 0.0)
    assert words in str(refusal.value)
    assert simulator.refused == 1
    assert simulator.advance().action[0] == 0.25


def test_commands_are_clipped_and_those_of_an_earlier_episode_ignored(cartpole):
    simulator = cartpole()
    answer(simulator, 7.0)
    assert simulator.advance().action[0] == 1.0
    simulator.reset()
    assert not simulator.command([0.5], 0, 1, 0.0)
    assert simulator.refused == 0
    assert simulator.advance().action_step == -1


def test_an_applied_action_is_nobody_elses(cartpole):
    simulator = cartpole()
    values = np.array([0.5])
    simulator.command(values, 0, 0, 0.0)
    values[0] = -1.0
    seen = simulator.advance()
    seen.action[0] = 9.0
    assert simulator.advance().action[0] == 0.0


def test_an_ended_episode_is_followed_by_the_next(cartpole):
    simulator = cartpole(time_limit=0.08)
    simulator.advance()
    ended = simulator.advance()
    assert ended.truncated
    assert ended.ended
    new = simulator.advance()
    assert (new.episode, new.step, new.ended) == (1, 0, False)


def test_a_cut_episode_is_truncated_and_takes_its_seed(cartpole):
    simulator = cartpole()
    simulator.advance()
    simulator.cut(seed=77)
    assert simulator.restarting
    last = simulator.advance()
    assert (last.episode, last.step, last.truncated) == (0, 2, True)
    new = simulator.advance()
    assert (new.episode, new.step) == (1, 0)
    assert not simulator.restarting
    np.testing.assert_array_equal(new.values, simulator.reset(seed=77).values)


def test_time_never_runs_backwards(cartpole):
    simulator = cartpole(time_limit=0.2)
    times = [simulator.observation.time]
    for i in range(30):
        if i == 10:
            simulator.reset()
        else:
            simulator.advance()
        times.append(simulator.observation.time)
    np.testing.assert_allclose(np.diff(times), 0.04)
    assert simulator.observation.episode >= 4


def test_a_diverged_simulation_starts_over(cartpole):
    simulator = cartpole()
    simulator.advance()
    simulator.plant.physics.data.qvel[0] = np.nan
    seen = simulator.advance()
    assert (seen.episode, seen.step, simulator.diverged) == (1, 0, 1)
    assert np.isfinite(seen.values).all()
    assert simulator.advance().step == 1


@pytest.mark.parametrize("delay", [1, 3])
def test_with_an_actuation_delay_commands_act_so_much_later(cartpole, delay):
    simulator = cartpole(actuation_delay=delay)
    applied = []
    for step in range(6):
        answer(simulator, 0.1 * step)
        seen = simulator.advance()
        applied.append((seen.action_step, seen.action[0]))
    assert applied[:delay] == [(-1, 0.0)] * delay
    assert applied[delay:] == [(k, 0.1 * k) for k in range(6 - delay)]
    simulator.reset()
    answer(simulator, 0.7)
    # Nothing of the episode before is under way any more.
    assert simulator.advance().action_step == -1


@pytest.mark.parametrize("delay", [1, 3])
@pytest.mark.parametrize("lock_step", [True, False])
def test_motors_with_a_delay_of_their_own_act_later_than_the_plant_tells(
    cartpole, delay, lock_step
):
    slow = cartpole(actuation_delay=delay, actuation_delay_told=False, lock_step=lock_step)
    prompt = cartpole(lock_step=lock_step)
    commands = [0.1, -0.7, 0.9, None, 0.4, -0.2, 0.8, 0.3]
    for _ in range(2):
        told, moved, expected = [], [slow.observation.values], [prompt.observation.values]
        for command in commands:
            if command is not None:
                answer(slow, command)
            seen = slow.advance()
            told.append((seen.action_step, seen.action[0]))
            moved.append(seen.values)
        # The same commands, so many steps later, after the safe one: nothing of the episode before.
        for command in ([None] * delay + commands)[: len(commands)]:
            if command is not None:
                answer(prompt, command)
            expected.append(prompt.advance().values)
        np.testing.assert_array_equal(moved, expected)
        assert len(set(np.array(moved)[:, 3])) > 3
        if lock_step:
            answers = [(-1, 0.0) if c is None else (k, c) for k, c in enumerate(commands)]
            assert told == answers
        slow.reset()
        prompt.reset()
