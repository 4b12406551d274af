import statistics

import pytest

from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.lock_step import LockStepSystem


@pytest.mark.learning
def test_cartpole_swing_up_is_learned_in_5000_steps():
    system = LockStepSystem(read_task("cartpole_swingup", {"seed": 0}))
    system.run(5000)
    returns = system.evaluate(3)
    # Hanging down pays nothing at all; planning with the true dynamics comes to about 860.
    assert statistics.mean(returns) >= 800, returns
    assert system.episodes[0].total_reward < 400
