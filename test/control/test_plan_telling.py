"""Plans that are told while somebody listens, whatever comes of telling them."""

from dataclasses import replace

import pytest
from known import controller, reading
from support.waiting import eventually

from mbrl_ros.nodes.plan_telling import PlanTelling

ros = pytest.importorskip("mbrl_ros.ros")
ri = pytest.importorskip("mbrl_ros.ros.interfaces")

pytestmark = pytest.mark.process


class Listener:
    """A node that tells plans, and hears them itself."""

    def __init__(self):
        self.node = ros.Node("telling")
        self.heard = {"plan": [], "plan_gains": []}
        self.telling = PlanTelling(self.node)
        for topic, kind in (("plan", ri.Plan), ("plan_gains", ri.PlanGains)):
            self.node.create_subscription(kind, topic, self.heard[topic].append, 10)

    def tell(self, planned):
        self.telling.tell(planned, self.node.get_clock().now().to_msg())

    def until(self, condition, planned):
        def again():
            self.tell(planned)
            ros.spin_once(self.node, timeout_sec=0.01)

        return eventually(condition, meanwhile=again)


@pytest.fixture
def listener(domain):
    ros.init(args=[])
    listener = Listener()
    yield listener
    listener.node.destroy_node()
    ros.shutdown()


@pytest.fixture
def planned():
    made = controller()
    made.tick(reading(0))
    return made.planned


def test_a_plan_is_told_with_its_gains(listener, planned):
    listener.until(lambda: all(listener.heard.values()), planned)
    assert listener.heard["plan"][0].horizon == 8
    assert listener.heard["plan_gains"][0].episode == 0


class Failing:
    """A problem of which a user's own code fails whenever it is asked."""

    @property
    def model(self):
        raise TypeError("as of a user's own kind")


def test_a_plan_that_cannot_be_told_ends_nothing(listener, planned, monkeypatch):
    listener.until(lambda: all(listener.heard.values()), planned)
    listener.tell(replace(planned, problem=Failing()))
    # What fails of the one does not keep the other from being told.
    for topic in ("plan", "plan_gains"):
        listener.until(lambda topic=topic: listener.heard[topic], planned)
    with monkeypatch.context() as patched:
        patched.setattr(type(planned), "gains", lambda self: [][0])
        listener.heard["plan"].clear()
        listener.until(lambda: listener.heard["plan"], planned)
