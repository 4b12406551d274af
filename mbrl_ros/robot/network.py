"""Why a topic is not heard, from what is known of its publishers."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mbrl_ros.robot.settings import SourceSettings


@dataclass(frozen=True)
class Endpoint:
    """A publisher or subscription of some node.

    Attributes:
        node: its name.
        type: of its messages, in full.
        reliable: whether it is.
    """

    node: str
    type: str
    reliable: bool


def why_unheard(
    settings: SourceSettings, topic: str, publishers: Sequence[Endpoint], topics: Collection[str]
) -> str:
    """Return why a topic is not heard.

    Args:
        settings: of the source.
        topic: its full name.
        publishers: of the topic.
        topics: the full names of all topics there are, for a misspelt one.
    """
    if not publishers:
        others = [each for each in topics if each != topic]
        close = difflib.get_close_matches(topic, others, 1)
        ending = topic.rpartition("/")[2]
        close = close or [each for each in others if each.rpartition("/")[2] == ending]
        hint = f": did you mean {close[0]}?" if close else ""
        return f"nobody publishes {topic}{hint}"
    fitting = [each for each in publishers if each.type == settings.type]
    if not fitting:
        one = publishers[0]
        return f"{one.node} publishes {topic} as {one.type}, expected {settings.type}"
    if settings.reliability == "reliable" and not any(each.reliable for each in fitting):
        return f"{fitting[0].node} publishes {topic} best effort, expected reliability best_effort"
    return f"{fitting[0].node} publishes {topic}, but nothing comes"


def unheeded(topic: str, kind: str, subscriptions: Sequence[Endpoint]) -> str:
    """Return why what is sent on a topic does not arrive; empty: it does.

    Args:
        topic: its full name.
        kind: of the messages, in full.
        subscriptions: of the topic.
    """
    if not subscriptions:
        return f"nobody listens to {topic}"
    if all(each.type != kind for each in subscriptions):
        one = subscriptions[0]
        return f"{one.node} listens to {topic} as {one.type}, expected {kind}"
    return ""
