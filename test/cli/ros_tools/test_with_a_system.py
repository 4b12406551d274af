import subprocess
import sys

import pytest
import yaml

pytestmark = pytest.mark.process


def test_main_job(system, tool):
    assert {"/data_logger", "/mujoco_sim"} <= set(tool("node", "list")[1].split())
    code, out, _ = tool("topic", "echo", "/observation", "--once")
    assert code == 0
    observation = yaml.safe_load(out.removesuffix("---\n"))
    assert len(observation["values"]) == 5
    code, out, _ = tool("service", "call", "/mujoco_sim/reset", "mbrl_ros/srv/Reset", "{seed: 3}")
    assert "mbrl_ros.srv.Reset_Response(success=True" in out
    words = ("/data_logger/get_transitions", "mbrl_ros/srv/GetTransitions", "{count: 1}")
    assert "GetTransitions_Response(total=" in tool("service", "call", *words)[1]
    code, out, _ = tool("param", "dump", "/mujoco_sim")
    assert yaml.safe_load(out)["/mujoco_sim"]["ros__parameters"]["action_repeat"] == 4
    code, _, err = tool("param", "set", "/mujoco_sim", "action_repeat", "5")
    assert code == 1
    assert err.startswith("Setting parameter failed: ")


def test_starts_without_heavy_libraries(environment):
    code = "import sys, mbrl_ros.cli.main as m; m.main(['node', 'list', '--spin-time', '0.1']);"
    code += "print([n for n in ('torch', 'mujoco', 'gymnasium', 'scipy') if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
