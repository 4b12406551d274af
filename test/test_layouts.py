"""What the shipped layouts show is in the messages."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml

import mbrl_ros.nodes
from mbrl_ros.core.resources import resource_directory
from mbrl_ros.data.definitions import typestore
from mbrl_ros.scene.settings import RvizSettings

FOLDER = resource_directory("config") / "layouts"
NODES = Path(mbrl_ros.nodes.__file__).parent
CODE = "".join(path.read_text() for path in NODES.glob("*.py"))
# Each of our topics, with the type of what our nodes publish there.
TYPES = {t: kind for kind, t in re.findall(r'create_publisher\(\s*ri\.(\w+), "(\w+)"', CODE)}
RECORDED = {*re.findall(r'"(\w+)", "mbrl_ros/msg/', (NODES / "data_logger.py").read_text())}
NUMBER = re.compile(r"float|u?int|bool")


def foxglove():
    layout = json.loads((FOLDER / "foxglove.json").read_text())
    for panel in layout["configById"].values():
        yield from (path["value"] for path in panel.get("paths", ()))


def plotjuggler():
    for curve in ET.parse(FOLDER / "plotjuggler.xml").iter("curve"):
        topic, _, field = curve.get("name").removeprefix("/").partition("/")
        yield f"/{topic}.{field}"


@pytest.mark.parametrize("paths", [foxglove, plotjuggler])
def test_every_curve_is_a_number_of_a_message(paths):
    fields = typestore().fielddefs
    shown = [*paths()]
    assert len(shown) > 15
    for path in shown:
        topic, field, many = re.fullmatch(r"/(\w+)\.(\w+)(\[.+\])?", path).groups()
        assert topic in RECORDED | {"observation", "transition"}, path  # so that bags show it, too
        found = dict(fields[f"mbrl_ros/msg/{TYPES[topic]}"][1])
        assert field in found, f"{path}: expected one of {', '.join(found)}"
        node, details = found[field]
        kind = details[0] if node.value == 1 else details[0][1][0]
        assert NUMBER.match(kind), path
        assert (node.value != 1) == bool(many), path


def test_every_panel_has_its_place_and_every_topic_is_ours():
    layout = json.loads((FOLDER / "foxglove.json").read_text())
    panels = layout["configById"]

    def placed(tree):
        if isinstance(tree, str):
            return [tree]
        return [name for part in ("first", "second") for name in placed(tree[part])]

    (tabs,) = [name for name in panels if name.startswith("Tab!")]
    assert layout["layout"] == tabs
    names = [name for tab in panels[tabs]["tabs"] for name in placed(tab["layout"])]
    assert sorted([tabs, *names]) == sorted(panels)
    topics = [p["topicPath"] for p in panels.values() if "topicPath" in p]
    assert {topic.strip("/") for topic in topics} <= {*TYPES}


def test_rviz_shows_topics_of_our_nodes_by_their_types():
    layout = yaml.safe_load((FOLDER / "mbrl_ros.rviz").read_text())["Visualization Manager"]
    told = {
        display["Topic"]["Value"]: display["Class"].rpartition("/")[2]
        for display in layout["Displays"]
        if "Topic" in display
    }
    assert len(told) == 5
    assert told == {topic: TYPES[topic] for topic in told}
    # Fixed in the world, as the node's own default.
    assert layout["Global Options"]["Fixed Frame"] == RvizSettings().frame
