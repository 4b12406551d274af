"""Transitions that were missed, asked of the logger."""

from copy import copy
from functools import partial
from types import SimpleNamespace

import pytest
from support.waiting import eventually

ros = pytest.importorskip("mbrl_ros.ros")
ri = pytest.importorskip("mbrl_ros.ros.interfaces")

from mbrl_ros.nodes import logged_transitions  # noqa: E402
from mbrl_ros.nodes.logged_transitions import LoggedTransitions  # noqa: E402
from mbrl_ros.nodes.qos import EVENTS  # noqa: E402


def row(index, step=None):
    step = index if step is None else step
    return ri.Transition(
        index=index, step=step, observation=[0.0], action=[0.0], next_observation=[0.0]
    )


FILE = 300


class Logger:
    """A logger, its topic and its service in one: also the node that its listener is made with."""

    def __init__(self):
        self.rows, self.ready, self.asked = [], True, []
        self.taken = []
        self._pending = []
        self.log = LoggedTransitions(self, lambda transition: self.taken.append(transition.step))

    def create_subscription(self, kind, topic, heard, qos):
        self.say = heard

    def create_client(self, kind, name):
        return SimpleNamespace(service_is_ready=lambda: self.ready, call_async=self._call)

    def record(self, steps, heard=True):
        for step in steps:
            self.rows.append(row(self.rows[-1].index + 1 if self.rows else 0, step))
            if heard:
                self.say(self.rows[-1])

    def answer(self):
        """Answer until nothing is asked."""
        while self._pending:
            assert len(self.asked) < 200
            request, done = self._pending.pop()
            there = [row for row in self.rows if row.index >= request.first][: request.count]
            # A page ends with its file.
            there = [row for row in there if row.index // FILE == there[0].index // FILE]
            response = ri.GetTransitions.Response(
                total=self.rows[-1].index + 1 if self.rows else 0, transitions=there
            )
            done(
                SimpleNamespace(
                    cancelled=bool, exception=lambda: None, result=partial(copy, response)
                )
            )

    def look(self):
        self.log.look()
        self.answer()

    def _call(self, request):
        self.asked.append(request.first)
        return SimpleNamespace(add_done_callback=lambda done: self._pending.append((request, done)))


@pytest.mark.parametrize("heard", [0, 3, 40])  # before anything is asked
@pytest.mark.parametrize("lost", [1, 7, 30, 2000])
@pytest.mark.parametrize("before", [2000, 7000])
def test_what_was_learned_is_not_learned_again_after_a_log_lost_its_end(before, lost, heard):
    logger = Logger()
    logger.record(range(before))
    del logger.rows[-lost:]
    logger.record(range(before, before + heard))
    logger.look()
    logger.record(range(before + heard, before + 60))
    logger.look()
    assert logger.taken == list(range(before + 60))
    assert len(logger.asked) < 20  # the log is not read again


@pytest.mark.parametrize("heard", [True, False])
def test_a_log_that_lost_its_end_while_nobody_listened_is_followed_from_there(heard):
    logger = Logger()
    logger.record(range(100))
    del logger.rows[-10:]
    logger.record(range(100, 105), heard)
    logger.record(range(105, 150), heard=False)
    logger.record(range(150, 200))
    logger.look()
    logger.answer()
    logger.record(range(200, 210))
    assert logger.taken == list(range(210))


@pytest.mark.parametrize("heard", [0, 3, 40])
@pytest.mark.parametrize("before", [20, 3000])
def test_a_new_log_is_followed_from_its_beginning(before, heard):
    logger = Logger()
    logger.record(range(before))
    logger.rows.clear()
    logger.record(range(5000, 5000 + heard))
    logger.look()
    logger.record(range(5000 + heard, 5060))
    logger.look()
    assert logger.taken == [*range(before), *range(5000, 5060)]


def test_what_a_bag_has_no_more_is_not_waited_for():
    logger = Logger()
    logger.record(range(2000), heard=False)
    del logger.rows[:700]
    logger.look()
    logger.record(range(2000, 2010))
    assert logger.taken == list(range(700, 2010))


def test_what_is_said_again_is_taken_once():
    logger = Logger()
    logger.record(range(100))
    for again in logger.rows[30:]:
        logger.say(again)
    logger.look()
    assert logger.taken == list(range(100))
    assert logger.asked == []


def test_a_doubt_waits_for_the_logger():
    logger = Logger()
    logger.record(range(100))
    logger.ready = False
    del logger.rows[-10:]
    logger.record(range(100, 120))
    logger.look()
    logger.ready = True
    logger.record(range(120, 130))
    logger.look()
    assert logger.taken == list(range(130))


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(logged_transitions, "_MEMORY", 50)
    logger = Logger()
    logger.record(range(1000))
    assert len(logger.log._taken) == 50


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


@pytest.mark.process
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
