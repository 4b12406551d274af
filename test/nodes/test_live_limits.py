"""Limits that change while the guard runs: the nodes themselves, in this process."""

import contextlib

import pytest
from support.waiting import eventually

from mbrl_ros.data.messages import read_limits
from mbrl_ros.nodes.safety_guard import SafetyGuard

ros = pytest.importorskip("mbrl_ros.ros")
ri = pytest.importorskip("mbrl_ros.ros.interfaces")

pytestmark = pytest.mark.process

TASK = """
/**:
  ros__parameters:
    run_dir: {run}
    observation: {{names: [x, v]}}
    action: {{names: [u], low: [-1.0], high: [1.0]}}
    limits: {{of: [x], low: [-2.0], high: [2.0], command: [velocity], moves: [x], rate: [9.0]}}
"""


@pytest.fixture
def guard(tmp_path, domain):
    """Return what runs a guard of a task in a run's folder for a while."""
    file = tmp_path / "task.yaml"
    file.write_text(TASK.format(run=tmp_path))

    @contextlib.contextmanager
    def running():
        ros.init(args=["--ros-args", "--params-file", str(file)])
        node = SafetyGuard()
        try:
            yield node
        finally:
            node.destroy_node()
            ros.shutdown()

    return running


def change(node, name, value):
    (told,) = node.set_parameters([ros.Parameter(f"limits.{name}", value=value)])
    return told.reason if not told.successful else ""


def test_narrower_at_once_and_wider_only_before_it_is_armed(guard):
    heard = []
    with guard() as node:
        latched = ros.QoSProfile(depth=1, durability=ros.DurabilityPolicy.TRANSIENT_LOCAL)
        node.create_subscription(ri.Limits, "limits", heard.append, latched)
        assert change(node, "high", [1.0]) == ""
        assert node.get_parameter("limits.high").value == [1.0]
        reason = change(node, "high", [1.5])
        assert "limits.high or limits.margin of x: wider than now: expected the guard st" in reason
        assert node.get_parameter("limits.high").value == [1.0]
        assert "'x': expected low + margin < high - margin" in change(node, "margin", [3.0])
        assert "read-only" in change(node, "of", ["v"])
        # By a list without a type, too.
        assert "limits.rate of u: wider" in change(node, "rate", [])
        node._on_stop(None, ri.Trigger.Response())
        assert change(node, "low", [-1.5]) == change(node, "high", [1.5]) == ""
        assert node._on_arm(None, ri.Trigger.Response()).success
        told = eventually(
            lambda: [m for m in heard if list(m.high) == [1.5]],
            meanwhile=lambda: ros.spin_once(node, timeout_sec=0.01),
        )
        limits = read_limits(told[0], node._task.limits)
        assert (limits.low, limits.high, limits.rate) == ([-1.5], [1.5], [9.0])
        assert node._guard.limits == limits
    # Another guard in the same run keeps to what was set.
    with guard() as node:
        assert (node._guard.limits.low, node._guard.limits.high) == ([-1.5], [1.5])
        assert change(node, "high", [2.0]) != ""


def test_what_was_kept_is_no_way_around_the_file(guard, tmp_path):
    (tmp_path / "guard_state.json").write_text(
        '{"estopped": "", "running": true, "limits": {"limits.high": [9.0], "limits.low": [-1.0]}}'
    )
    with guard() as node:
        assert (node._guard.limits.low, node._guard.limits.high) == ([-1.0], [2.0])
        assert not node._guard.estopped
    (tmp_path / "guard_state.json").write_text(
        '{"estopped": "", "running": true, "limits": {"limits.of": ["v"]}}'
    )
    with guard() as node:
        assert "guard_state.json: ValueError: limits: expected" in node._guard.estopped
