"""The pages of the documentation, and what is told in them as code."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
_BLOCK = re.compile(r"^ *```\w*\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"(?<!`)`([^`\n]+(?:\n[^`\n]+)?)`(?!`)")
_COMMAND = re.compile(r"(?:^ *|[;&|] *)mbrl-ros ([^;&|\n]*)", re.MULTILINE)


def named(page):
    """Return the page's name, for messages and the ids of tests."""
    return str(page.relative_to(ROOT))


def text(page):
    """Return the page with continued lines in one."""
    return page.read_text(encoding="utf-8").replace("\\\n", "")


def blocks(page):
    """Return the page's fenced blocks."""
    return _BLOCK.findall(text(page))


def spans(page):
    """Return what stands between backticks in the page's own lines, each in one line."""
    return [" ".join(span.split()) for span in _SPAN.findall(_BLOCK.sub("", text(page)))]


def commands(page):
    """Return the `mbrl-ros` commands in the page's blocks as words, without the first."""
    for block in blocks(page):
        for command in _COMMAND.findall(block.replace("$PWD", str(ROOT))):
            if "..." not in command:
                yield shlex.split(command, comments=True)
