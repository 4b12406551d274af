import pytest

pytestmark = pytest.mark.process


def test_service(gadget, tool):
    code, out, _ = tool("service", "list", "-t")
    assert "/lab/gadget/switch [std_srvs/srv/SetBool]" in out.splitlines()
    assert tool("service", "type", "/lab/gadget/switch")[:2] == (0, "std_srvs/srv/SetBool\n")
    words = ("/lab/gadget/switch", "std_srvs/srv/SetBool", "{data: true}")
    code, out, _ = tool("service", "call", *words)
    assert code == 0
    assert "response:\nstd_srvs.srv.SetBool_Response(success=True, message='switched')\n" in out
