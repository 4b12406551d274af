"""What viewers steer by reaches the topics and services, through the node as it is."""

import itertools

import pytest
from support.waiting import eventually

ros = pytest.importorskip("mbrl_ros.ros")
ri = pytest.importorskip("mbrl_ros.ros.interfaces")
pytest.importorskip("viser", reason="the page needs viser")
from support.viewers import viewing  # noqa: E402

from mbrl_ros.nodes import web_monitor  # noqa: E402

pytestmark = pytest.mark.process


class System:
    """The node, and another one that is controller, plant and guard in one."""

    def __init__(self):
        ros.init(args=[])
        self.monitor, self.other = web_monitor.WebMonitor(), ros.Node("other")
        self.executor = ros.SingleThreadedExecutor()
        for node in (self.monitor, self.other):
            self.executor.add_node(node)
        self.goals, self.overrides, self.asked, self.steps = [], [], [], []
        self.plan = {}
        sub = self.other.create_subscription
        sub(ri.Goal, "goal", self.goals.append, 10)
        sub(ri.Float64MultiArray, "action_override", lambda m: self.overrides.append([*m.data]), 50)
        self.other.create_service(ri.WhatIf, "mpc_controller/what_if", self.what_if)
        self.other.create_service(ri.SetBool, "mujoco_sim/pause", self.pause)
        self.other.create_service(ri.Step, "mujoco_sim/step", self.step)

    def live(self):
        self.executor.spin_once(timeout_sec=0.01)

    def until(self, condition):
        return eventually(condition, meanwhile=self.live)

    def what_if(self, request, response):
        self.asked.append(request.name)
        response.success = bool(self.plan)
        response.message = "" if self.plan else "there is no plan now"
        response.plan = ri.Plan(objective=request.name, **self.plan)
        return response

    def pause(self, request, response):
        self.steps.append(bool(request.data))
        response.success = True
        return response

    def step(self, request, response):
        self.steps.append(request.steps)
        response.success = True
        return response

    def arming(self, who, success, message):
        """Offer to arm one of them, and say this."""

        def arm(request, response):
            self.asked.append(who)
            response.success, response.message = success, message
            return response

        return self.other.create_service(ri.Trigger, f"{who}/arm", arm)

    def close(self):
        self.executor.shutdown()
        for node in (self.monitor, self.other):
            node.destroy_node()
        ros.try_shutdown()


@pytest.fixture
def system(domain):
    made = System()
    yield made
    made.close()


def test_goals_commands_and_steps_reach_the_system(system):
    monitor = system.monitor
    system.until(lambda: monitor._goals.get_subscription_count() > 0)
    system.until(lambda: system.goals or monitor.aim({"x": 1.5, "y": -2.0}))
    assert (list(system.goals[0].names), list(system.goals[0].values)) == (["x", "y"], [1.5, -2.0])

    system.until(lambda: system.overrides or not monitor.command(7, [0.5, -1]))
    assert system.overrides[0] == [0.5, -1.0]
    # Nothing more is said: it hands back by itself.
    system.until(lambda: [] in system.overrides)
    assert system.overrides[-1] == []

    system.until(lambda: all(monitor._called[f"mujoco_sim/{name}"].service_is_ready()
                             for name in ("pause", "step")))  # fmt: skip
    monitor.call("step")
    system.until(lambda: system.steps == [True, 1])
    monitor._remote["mujoco_sim"].values = {"period": 0.04}
    monitor.call("second")
    system.until(lambda: system.steps == [True, 1, True, 25])


def test_a_plant_that_is_no_simulator_is_told_by_its_name(system, monkeypatch):
    monitor, said = system.monitor, []
    monkeypatch.setattr(monitor._page, "show_no_robot", said.append)
    observations = system.other.create_publisher(ri.Observation, "observation", 10)
    numbers = itertools.count()

    def heard():
        observations.publish(ri.Observation(step=next(numbers), values=[1.0], action=[0.0]))
        return [*monitor._watched.metrics.ages(0.0)] == ["other"]

    system.until(heard)
    assert said == ["expected drawn.model, since other tells of none"]


def test_the_first_that_refuses_is_told_and_ends_a_request(system, monkeypatch):
    monitor, said = system.monitor, []
    monkeypatch.setattr(monitor._page, "say", lambda text, good=True: said.append((text, good)))
    monitor.call("rollback")
    system.until(lambda: said)
    assert said.pop() == ("rollback: nobody offers that", False)

    def arm(guard, controller):
        services = [
            system.arming("safety_guard", *guard), system.arming("mpc_controller", *controller)
        ]  # fmt: skip
        names = ("safety_guard/arm", "mpc_controller/arm")
        system.until(lambda: all(monitor._called[name].service_is_ready() for name in names))
        monitor.call("arm")
        system.until(lambda: said)
        for service in services:
            system.other.destroy_service(service)
        system.until(lambda: not any(monitor._called[name].service_is_ready() for name in names))
        return said.pop()

    armed = True, "armed"
    assert arm((False, "estop_input: pressed"), armed) == ("arm: estop_input: pressed", False)
    assert system.asked == ["safety_guard"]
    assert arm(armed, (False, "no")) == ("arm: no", False)
    assert arm(armed, armed) == ("arm: armed", True)
    assert not said


def test_another_objective_is_asked_for_while_it_is_chosen_and_somebody_looks(system, monkeypatch):
    monkeypatch.setattr(web_monitor, "_WHAT_IF_PERIOD", 0.05)
    monitor, watched = system.monitor, system.monitor._watched
    watched.tell({"observation.names": ["x"]})
    system.plan = {"horizon": 1, "observation_names": ["x"], "observations": [0.0, 1.0],
                   "observation_stds": [0.0, 0.0], "expected_return": 3.0}  # fmt: skip
    system.until(monitor._what_if.service_is_ready)
    monitor.suppose("left")
    for _ in range(30):
        system.live()
    assert system.asked == []  # nobody looks
    with viewing(monitor._page.url):
        system.until(lambda: len(system.asked) > 2 and watched.supposed)
        assert {*system.asked} == {"left"}
        assert (watched.supposed.objective, watched.supposed.expected_return) == ("left", 3.0)
        # The end of the plan ends what is shown; then it is chosen no more.
        system.plan = {}
        system.until(lambda: watched.supposed is None)
        system.plan = {"observation_names": ["x"], "observations": [0.0],
                       "observation_stds": [0.0]}  # fmt: skip
        system.until(lambda: watched.supposed is not None)
        monitor.suppose("")
        system.until(lambda: watched.supposed is None)
        so_many = len(system.asked)
        for _ in range(30):
            system.live()
        assert len(system.asked) <= so_many + 1  # one may have been under way
        assert watched.supposed is None
