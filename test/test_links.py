"""Every relative link of the documentation leads to a file, and to a heading of it."""

import re
from itertools import pairwise
from urllib.parse import unquote

import pytest
from support.pages import PAGES, ROOT, named

EXPERIMENTS = ROOT / "docs" / "experiments"
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?)\s*$", re.MULTILINE)


def without_code(text):
    """Return a page without its code blocks, whose brackets and # mean something else."""
    return re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)


def links(text):
    """Return the targets of a page's links and images."""
    return LINK.findall(re.sub(r"`[^`\n]*`", "", without_code(text)))


def anchors(text):
    """Return the anchors of a page's headings, as GitHub makes them."""
    found = []
    for heading in HEADING.findall(without_code(text)):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        repeated = sum(re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", a) is not None for a in found)
        found.append(f"{anchor}-{repeated}" if repeated else anchor)
    return found


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_relative_link_leads_somewhere(page):
    for link in links(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = unquote(link).partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{link}: no such file"
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{link}: no such heading"


def test_links_and_anchors_are_found_as_github_makes_them():
    text = "# A `b`: [c](d.md#e)\n## Was\n## Was\n```\n# no [x](y)\n```\n`[no](z)` ![f](g.png)\n"
    assert links(text) == ["d.md#e", "g.png"]
    assert anchors(text) == ["a-b-c", "was", "was-1"]


def test_every_experiment_has_its_line_in_the_index():
    listed = links((EXPERIMENTS / "README.md").read_text(encoding="utf-8"))
    pages = [path.name for path in EXPERIMENTS.glob("*.md") if path.name != "README.md"]
    assert sorted(listed) == sorted(pages)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_page_has_one_title_and_no_heading_without_the_one_above_it(page):
    text = without_code(page.read_text(encoding="utf-8"))
    levels = [len(marks) for marks in re.findall(r"^(#+) ", text, re.MULTILINE)]
    assert levels.count(1) == min(len(levels), 1)  # what shows a file of the root has none
    assert all(below <= above + 1 for above, below in pairwise(levels))
