import pytest
import yaml

pytestmark = pytest.mark.process


def test_param(gadget, tool, tmp_path):
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
    # What was dumped can be loaded; also an integer for a number, and all or nothing.
    file = tmp_path / "gadget.yaml"
    file.write_text(out.replace("count: 3", "count: 4").replace("speed: 1.0", "speed: 2"))
    code, out, _ = tool("param", "load", "/lab/gadget", str(file))
    assert (code, out) == (0, "Set 2 of 5 parameters; the others are so already\n")
    file.write_text(
        file.read_text().replace("count: 4", "count: 5").replace("speed: 2", "speed: 9")
    )
    code, _, err = tool("param", "load", "/lab/gadget", str(file))
    assert code == 1
    assert "speed" in err
    assert tool("param", "get", "/lab/gadget", "count")[1] == "Integer value is: 4\n"
    file.write_text("other: {ros__parameters: {speed: 1.0}}")
    code, _, err = tool("param", "load", "/lab/gadget", str(file))
    assert (code, err) == (2, f"error: {file}: no parameters for /lab/gadget\n")
    code, out, _ = tool("param", "describe", "/lab/gadget", "speed")
    assert out == (
        "Parameter name: speed\n  Type: double\n  Description: How fast [m/s].\n  Constraints:\n"
        "    Min value: 0.0\n    Max value: 2.0\n"
    )
