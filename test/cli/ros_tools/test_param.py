import pytest
import yaml

pytestmark = pytest.mark.process


def test_param(gadget, tool):
    code, out, _ = tool("param", "list", "/lab/gadget")
    assert out == "  count\n  gains\n  group.label\n  speed\n  use_sim_time\n"
    code, out, _ = tool("param", "list", "--param-type")
    assert "/lab/gadget:\n  count (type: integer)\n" in out
    code, out, _ = tool("param", "get", "lab/gadget", "gains")
    assert (code, out) == (0, "Double values are: [1.0, 2.0]\n")
    code, out, _ = tool("param", "set", "/lab/gadget", "speed", "1")
    assert (code, out) == (0, "Set parameter successful\n")
    # Several are one change, and refused as one.
    code, _, err = tool("param", "set", "/lab/gadget", "count", "9", "speed", "7.0")
    assert code == 1
    assert "speed" in err
    words = ("gains", "[1.0, 2.0]", "speed", "1")
    assert tool("param", "set", "/lab/gadget", *words)[0] == 0
    code, _, err = tool("param", "set", "/lab/gadget", "count", "9", "speed")
    assert (code, err) == (2, "error: parameter 'speed': expected a value after it\n")
    code, out, _ = tool("param", "dump", "/lab/gadget")
    assert yaml.safe_load(out)["/lab/gadget"]["ros__parameters"] == {
        "count": 3,
        "gains": [1.0, 2.0],
        "group": {"label": "hello"},
        "speed": 1.0,
        "use_sim_time": False,
    }
    code, out, _ = tool("param", "describe", "/lab/gadget", "speed")
    assert out == (
        "Parameter name: speed\n  Type: double\n  Description: How fast [m/s].\n  Constraints:\n"
        "    Min value: 0.0\n    Max value: 2.0\n"
    )
