"""The shipped policy for SROS 2 allows what the nodes do."""

import ast
from pathlib import Path
from xml.etree import ElementTree

import pytest

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


def done(path):
    """What the code of a module does under a name that it says itself."""
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        called = getattr(getattr(call, "func", None), "attr", getattr(call, "func", None))
        called = getattr(called, "id", called)
        if called in CALLS:
            names = [a.value for a in call.args if isinstance(a, ast.Constant)]
            names = [name for name in names if isinstance(name, str)]
            yield from ((*CALLS[called], name.lstrip("/")) for name in names[:1])


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
