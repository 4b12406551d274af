"""Another node's parameters, also where that node loses a request."""

import pytest
from support.waiting import eventually

from mbrl_ros.nodes import remote_parameters

ros = pytest.importorskip("mbrl_ros.ros")
ri = pytest.importorskip("mbrl_ros.ros.interfaces")


pytestmark = pytest.mark.process


@pytest.fixture
def node(domain):
    context = ros.Context()
    ros.init(args=[], context=context)
    made = ros.Node("asking", context=context)
    executor = ros.SingleThreadedExecutor(context=context)
    executor.add_node(made)
    yield made, lambda: executor.spin_once(timeout_sec=0.01)
    made.destroy_node()
    executor.shutdown()
    ros.try_shutdown(context=context)


def test_what_is_never_answered_is_asked_again(node, monkeypatch):
    monkeypatch.setattr(remote_parameters, "_PATIENCE", 0.1)
    made, spin = node
    read, asked = [], []
    remote = remote_parameters.RemoteParameters(made, "other", lambda: read.append(1))

    def look():
        remote.update()
        spin()

    def get(request, response):
        response.values = [
            ros.Parameter(n, value=0.5).to_parameter_msg().value for n in request.names
        ]
        return response

    def names(request, response):
        asked.append(request)
        response.result.names = ["weight"]
        return response

    # It is only half there, as one that ends is, and the first request gets lost.
    made.create_service(ri.GetParameters, "other/get_parameters", get)
    made.create_service(
        ri.DescribeParameters, "other/describe_parameters", lambda _, answer: answer
    )
    eventually(lambda: remote._reading, meanwhile=look)
    made.create_service(ri.ListParameters, "other/list_parameters", names)
    eventually(lambda: read, meanwhile=look)
    assert remote.values == {"weight": 0.5}

    # What was read is not read again.
    so_many = len(asked)
    for _ in range(30):
        look()
    assert len(asked) == so_many
