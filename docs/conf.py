"""The documentation site: `make docs`, with warnings as errors."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from mbrl_ros import __version__  # noqa: E402  # of this folder's checkout

project = "mbrl_ros"
author = "The mbrl_ros contributors"
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx-mathjax-offline",  # a robot's network has no internet
    "from_code",
]
highlight_language = "text"
html_theme = "furo"
html_title = f"mbrl_ros {version}"
html_show_sphinx = False

# The pages are read on a code host as well as here: its way to write formulas, and its anchors.
myst_enable_extensions = ["dollarmath", "fieldlist", "colon_fence"]
myst_fence_as_directive = ["math"]
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints = "description"
