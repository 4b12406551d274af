"""Transitions that were missed, asked of the logger."""

import pytest
from support.waiting import eventually

ros = pytest.importorskip("mbrl_ros.ros")
ri = pytest.importorskip("mbrl_ros.ros.interfaces")

from mbrl_ros.nodes.logged_transitions import LoggedTransitions  # noqa: E402
from mbrl_ros.nodes.qos import EVENTS  # noqa: E402

pytestmark = pytest.mark.process


def row(index):
    return ri.Transition(
        index=index, step=index, observation=[0.0], action=[0.0], next_observation=[0.0]
    )


@pytest.fixture
def nodes(domain):
    context = ros.Context()
    ros.init(args=[], context=context)
    executor = ros.SingleThreadedExecutor(context=context)
    made = [ros.Node(name, context=context) for name in ("data_logger", "trainer")]
    for node in made:
        executor.add_node(node)
    yield *made, executor
    executor.shutdown()
    for node in made:
        node.destroy_node()
    ros.shutdown(context=context)


def test_what_the_logger_cannot_read_is_not_asked_for_with_every_transition(nodes):
    logger, trainer, executor = nodes
    asked, readable, heard, taken = [], [], [], []

    def answer(request, response):
        asked.append(request.first)
        response.total = 40
        response.transitions = [row(i) for i in readable if i >= request.first]
        return response

    logger.create_service(ri.GetTransitions, "~/get_transitions", answer)
    publisher = logger.create_publisher(ri.Transition, "transition", EVENTS)
    trainer.create_subscription(ri.Transition, "transition", heard.append, EVENTS)
    log = LoggedTransitions(trainer, taken.append)

    def live():
        executor.spin_once(timeout_sec=0.01)

    def knows():
        return publisher.get_subscription_count() == 2 and log._earlier.service_is_ready()

    eventually(knows, meanwhile=live)
    publisher.publish(row(7))
    eventually(lambda: asked == [0] and log._asking is None, meanwhile=live)
    for i in range(8, 40):
        publisher.publish(row(i))
    eventually(lambda: len(heard) == 33, meanwhile=live)
    for _ in range(5):
        live()
    assert asked == [0]
    # The file is there again.
    readable += range(40)
    log.look()
    eventually(lambda: len(taken) == 40, meanwhile=live)
    assert [transition.step for transition in taken] == list(range(40))
