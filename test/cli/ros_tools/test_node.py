import pytest

pytestmark = pytest.mark.process


def test_node(gadget, tool):
    assert "/lab/gadget" in tool("node", "list")[1].splitlines()
    code, out, _ = tool("node", "info", "/lab/gadget")
    assert code == 0
    assert out.startswith("/lab/gadget\n  Subscribers:\n    /lab/goal: mbrl_ros/msg/Goal\n")
    assert "  Publishers:\n    /lab/big: std_msgs/msg/Float64MultiArray\n" in out
    assert "    /lab/gadget/switch: std_srvs/srv/SetBool\n  Service Clients:\n" in out
