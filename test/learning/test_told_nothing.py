"""What is found in environments that nothing is told of but their ids."""

import pytest

from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.lock_step import LockStepSystem


@pytest.mark.learning
def test_a_rare_reward_is_found_by_curiosity():
    """Acrobot-v1 pays -1 for each step until the tip is up; without curiosity it never is."""
    effort = {"planner.candidates": 32, "model.members": 3, "optimizer.updates_per_transition": 2.0}
    system = LockStepSystem(read_task("Acrobot-v1", effort))
    system.run(700)
    returns = [episode.total_reward for episode in system.episodes]
    assert len(returns) >= 2
    assert max(returns) > -300
