"""docs/architecture.md names interfaces, topics and services as they are in the code."""

import importlib
import inspect
import re
import sys

import pytest
from support.pages import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
SHOWN = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL).group(1)


@pytest.fixture(scope="module")
def classes():
    """The classes of the files that are named beside the interfaces."""
    files = re.findall(r"# ([\w/]+\.py)", SHOWN)
    assert len(files) > 8
    modules = [importlib.import_module(f"mbrl_ros.{f[:-3].replace('/', '.')}") for f in files]
    return {k: v for module in modules for k, v in vars(module).items() if inspect.isclass(v)}


def test_every_interface_takes_what_is_shown(classes):
    calls = re.findall(r"\b([A-Z]\w+)(?:\.(\w+))?\(([\w, =]*)\)", SHOWN)
    methods = re.findall(r"^    def (\w+)\(([\w, =]*)\)", SHOWN, re.MULTILINE)
    calls += [("WorldModel", method, given) for method, given in methods]
    checked = [call for call in calls if call[0] in classes and call[2] != "ABC"]
    assert len(checked) > 20
    for name, method, given in checked:
        own = classes[name]
        called = getattr(own, method or ("__call__" if "__call__" in vars(own) else "__init__"))
        parameters = [*inspect.signature(called).parameters][1:]
        told = re.findall(r"(\w+)(?:=\w+)?", given.replace("=None", ""))
        assert told == parameters[: len(told)], f"{name}.{method}"


def test_every_attribute_that_is_listed_is_one(classes):
    for name, listed in re.findall(r"^(\w+): ([\w, ]+?) *#", SHOWN, re.MULTILINE):
        assert all(hasattr(classes[name], each) for each in listed.split(", ")), name
    fields = re.search(r"class Imagined:.*?\n\n", SHOWN, re.DOTALL).group()
    shown = re.findall(r"^    (\w+) ", fields, re.MULTILINE)
    assert shown == [*classes["Imagined"].__dataclass_fields__][: len(shown)]


def test_every_topic_and_service_of_the_nodes_stands_on_the_page(monkeypatch):
    pytest.importorskip("sphinx")
    monkeypatch.setattr(sys, "path", [str(ROOT / "docs"), *sys.path])
    parts = importlib.import_module("from_code").parts_of_nodes()
    rows = re.findall(r"^\| (`[^|]*) \| ([^|]*) \|", PAGE, re.MULTILINE)
    topics = {name: kinds for names, kinds in rows for name in re.findall(r"`([\w/]+)`", names)}
    services = re.search(r"^Services: (.*?)\.\n", PAGE, re.MULTILINE | re.DOTALL).group(1)
    assert len(parts) > 40
    for node, part, name, _ in parts:
        if part in ("publishes", "subscribes to"):
            assert name in topics or name == "/parameter_events", name
        elif part == "serves":
            of_node = re.search(rf"`{node}/[^;]*", services).group()
            assert f"/{name.removeprefix('~/')}`" in of_node, f"{node} {name}"
