"""The shipped policy for SROS 2 allows what the nodes do."""

import ast
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

ri = pytest.importorskip("mbrl_ros.ros.interfaces")

ROOT = Path(__file__).resolve().parents[2]
SECURITY = ROOT / "config" / "security"
NODES = sorted((ROOT / "mbrl_ros" / "nodes").glob("*.py"))
# Calls by which a node takes part in the graph; their first argument is a type, then a name.
CALLS = {
    "create_publisher": ("topics", "publish"),
    "create_subscription": ("topics", "subscribe"),
    "subscribe_to_all": ("topics", "subscribe"),
    "create_service": ("services", "reply"),
    "create_client": ("services", "request"),
}
# Whose parameters `RemoteParameters` follows, and what it asks for that.
OWNERS = {"mpc_controller", "mujoco_sim"}
ASKED = (
    "describe_parameters", "get_parameters", "list_parameters", "set_parameters_atomically",
)  # fmt: skip


def of(profile):
    """What a profile allows: the section, the direction, and the name."""
    return {
        (section.tag, direction, name.text)
        for section in profile
        for direction in ("publish", "subscribe", "reply", "request")
        if section.get(direction) == "ALLOW"
        for name in section
    }


def allowed():
    """What each node may, with what all may."""
    common = of(ElementTree.parse(SECURITY / "node.xml").getroot())
    policy = ElementTree.parse(SECURITY / "policy.xml")
    return {profile.get("node"): of(profile) | common for profile in policy.iter("profile")}


def word_of(node, assigned):
    """The text that an expression is, of two that without a fleet; empty: it is another thing."""
    if isinstance(node, ast.IfExp):
        return word_of(node.orelse, assigned)
    if isinstance(node, ast.Name) and node.id in assigned:
        return word_of(assigned[node.id], {})
    value = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str) else ""


def done(path):
    """What the code of a module does under a name that it says itself."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    words = {word_of(each, {}) for each in nodes}
    assigned = {
        target.id: each.value
        for each in nodes
        if isinstance(each, ast.Assign)
        for target in each.targets
        if isinstance(target, ast.Name)
    }
    for each in nodes:
        if not isinstance(each, ast.Call | ast.Tuple):
            continue
        row = [word_of(part, assigned) for part in getattr(each, "elts", getattr(each, "args", []))]
        called = getattr(getattr(each, "func", None), "attr", getattr(each, "func", None))
        called = getattr(called, "id", called)
        if called in CALLS:
            yield from ((*CALLS[called], name.lstrip("/")) for name in [*filter(None, row)][:1])
        if called == "RemoteParameters":
            yield from (("services", "request", f"{o}/{a}") for o in OWNERS & words for a in ASKED)
        # A name and what it is of: in a table, or given to a method of the node's own.
        for name, kind in pairwise(row):
            found = getattr(ri, kind.rpartition("/")[2], None) if name and kind else None
            if found is not None:
                asked = hasattr(found, "Request")
                way = CALLS["create_client" if asked else "create_subscription"]
                yield (*way, name.lstrip("/"))


@pytest.mark.parametrize("path", NODES, ids=lambda path: path.stem)
def test_a_node_may_do_what_its_code_does(path):
    may = allowed()
    # What several nodes share is allowed to some of them.
    own = may.get(path.stem, set().union(*may.values()))
    assert set(done(path)) - own == set(), "add it to config/security/policy.xml"


def test_each_node_has_an_enclave_of_its_own_name_and_no_other():
    policy = ElementTree.parse(SECURITY / "policy.xml")
    for enclave in policy.iter("enclave"):
        (profile,) = enclave.iter("profile")
        assert enclave.get("path") == f"/{profile.get('node')}"
