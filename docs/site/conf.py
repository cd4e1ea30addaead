"""How Sphinx makes the site from the pages of the project: `make docs` runs it.

The source folder is the root of the project, so that a link between pages is the same relative
path on the site and in the repository. Nothing on the site loads anything from elsewhere.
"""

from __future__ import annotations

import re
from typing import Literal

from click import Context
from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.writers.html5 import HTML5Translator

from kmq import __version__

project = "kmq"
release = __version__
html_title = "kmq"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "sphinx_copybutton",
]
smartquotes = False  # or --rdo would get a dash
highlight_language = "none"
root_doc = "docs/site/index"
include_patterns = [
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "benchmarks/README.md",
    "docs/**.md",
    "docs/notebooks/*.ipynb",
    "docs/site/*.rst",
    "formats/**.md",
]
# Sphinx would look for pages in them.
exclude_patterns = [".*", "build", "dist", "src", "tests", "kernels"]

# --- Pages ---------------------------------------------------------------------------

myst_enable_extensions = ["dollarmath"]
# Headings are linked to by the names that GitHub gives them, and a wrong name is an error.
myst_heading_anchors = 4
# Notebooks are kept without outputs. One that fails stops the build.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 600  # seconds per cell: numba may have to compile first
nb_merge_streams = True

# --- Docstrings -----------------------------------------------------------------------

default_role = "py:obj"
# `width` may be that of more than one class. It is then shown without a link.
suppress_warnings = ["ref.python"]
autodoc_typehints = "none"  # docstrings say more than types
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

# --- HTML -------------------------------------------------------------------------------

html_theme = "furo"
html_math_renderer = "mathml"
html_static_path = ["static"]
html_css_files = ["wide.css"]
html_extra_path = ["root"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False


def mathml(formula: str, display: Literal["inline", "block"]) -> str:
    """Return a formula as MathML, which browsers show without a script."""
    written = convert(formula, display=display)
    if "\\" in written:
        raise SphinxError(f"latex2mathml does not know a command of {formula}")
    return written


def write_inline(translator: HTML5Translator, node: nodes.math) -> None:
    """Write a formula within a sentence."""
    translator.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def write_block(translator: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula on a line of its own."""
    translator.body.append(f"<div class='math'>{mathml(node.astext(), 'block')}</div>")
    raise nodes.SkipNode


def show_examples(app: Sphinx, context: Context, lines: list[str]) -> None:
    """Show the examples of a help text as code, so that their stars stay stars."""
    text = "\n".join(lines)
    lines[:] = re.sub(
        r"^\| (Examples?):\n((?:\|.*\n?)+)",
        lambda found: f"{found[1]}::\n\n" + found[2].replace("|", " "),
        text,
        flags=re.MULTILINE,
    ).split("\n")


def setup(app: Sphinx) -> None:
    """Give Sphinx the writers of formulas and of examples."""
    app.add_html_math_renderer("mathml", (write_inline, None), (write_block, None))
    app.connect("sphinx-click-process-description", show_examples)
