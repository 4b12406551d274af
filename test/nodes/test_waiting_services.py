"""Services that wait: on rclpy, nothing else of their callback group is heard meanwhile."""

import ast
from pathlib import Path

NODES = Path(__file__).parents[2] / "mbrl_ros" / "nodes"


def waiting(path):
    """Return the handlers of services in a file that are coroutines, and the group of each."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    coroutines = {node.name for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)}
    return {
        call.args[2].attr: [
            word.value.func.id for word in call.keywords if word.arg == "callback_group"
        ]
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and getattr(call.func, "attr", "") == "create_service"
        and call.args[2].attr in coroutines
    }


def test_each_has_a_group_in_which_others_are_heard():
    found = {name: group for path in NODES.glob("*.py") for name, group in waiting(path).items()}
    assert {"_on_arm", "_on_what_if"} <= found.keys()
    for handler, group in found.items():
        assert group == ["ReentrantCallbackGroup"], handler
