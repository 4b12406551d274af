"""A policy that is learned while the system runs, for the objective of the moment."""

import numpy as np
from support.waiting import eventually

from mbrl_ros.models.packing import make_world_model
from mbrl_ros.ros import interfaces as ri
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.lock_step import LockStepSystem

from .test_lock_step import FAST
from .test_system import QUICK, listener

__all__ = ["listener"]  # a fixture
POLICY = {
    "model_trainer.policy.learn": True,
    "model_trainer.policy.hidden": [16],
    "model_trainer.policy.batch_size": 16,
    "model_trainer.policy.updates_per_transition": 0.25,
}


def system(agent):
    values = {**FAST, **POLICY, "agent": agent, "seed": 5}
    return LockStepSystem(read_task("inverted_pendulum", values))


def test_in_lock_step_each_agent_gets_a_policy_of_the_present_objective():
    for agent in ("policy", "planner+policy"):
        made = system(agent)
        made.run(200)
        assert made.models >= 2
        model = made.controller.models.active.model
        assert model.policy.objective == model.value.objective == made.manager.objective.digest
        assert made.learner.policy.updates == 50
        # Evaluated, it draws nothing by chance.
        assert made.controller.agent.exploring
        first = made.evaluate(1)
        assert made.controller.agent.exploring
        assert np.isfinite(first).all()
        received = make_world_model(made.published)
        features = model.features(model.initial(1))
        assert (received.policy(features) == model.policy(features)).all()


def test_the_trainer_hears_what_to_learn_for_and_the_status_tells_what_it_learned(launch, listener):
    given = [f"{name}:={value}" for name, value in POLICY.items()]
    launch(*QUICK, "agent:=policy", *given)

    def decides_for(wanted):
        def is_so(m):
            # Between episodes nothing is decided.
            ours = m.policy_objective == m.objective_digest and wanted(m.objective_digest)
            return ours and m.source == ri.Action.PLANNED

        return listener.hears("controller_status", is_so)

    status = decides_for(lambda digest: True)
    assert status.planner == "policy"
    goals = listener.node.create_publisher(ri.Goal, "goal", 10)
    eventually(lambda: goals.get_subscription_count() >= 2)
    goals.publish(ri.Goal(names=["cart_position"], values=[0.25]))
    listener.hears("controller_status", lambda m: m.objective_digest != status.objective_digest)
    decides_for(lambda digest: digest != status.objective_digest)
