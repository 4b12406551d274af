import pytest

pytestmark = pytest.mark.process


def test_lifecycle(gadget, tool):
    assert tool("lifecycle", "get", "/lab/gadget")[:2] == (0, "unconfigured [1]\n")
    assert tool("lifecycle", "set", "/lab/gadget", "configure")[0] == 0
    assert gadget.stdout.readline() == "configured\n"
    assert tool("lifecycle", "get")[1] == "/lab/gadget: inactive [2]\n"
    code, out, _ = tool("lifecycle", "list", "/lab/gadget")
    assert out.startswith("- cleanup [2]\n\tStart: inactive\n\tGoal: cleaningup\n- activate [3]\n")
    code, _, err = tool("lifecycle", "set", "/lab/gadget", "configure")
    assert code == 1
    assert err.startswith("Unknown transition requested, available ones are:\n- cleanup [2]\n")
