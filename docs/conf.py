"""Sphinx configuration; the reference pages are written from the program itself before each build."""

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS))

from _reference import write_reference  # noqa: E402

from mamori import __version__  # noqa: E402

write_reference(DOCS / "_generated")

project = "Mamori"
author = "The Mamori authors"
copyright = "The Mamori authors"  # noqa: A001 - Sphinx's own name
release = version = __version__
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath", "deflist", "colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
default_role = "code"
nitpicky = False

autodoc_typehints = "description"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}

html_theme = "furo"
html_title = "Mamori"
html_show_sphinx = False
