"""How `make docs` builds the pages: Sphinx reads Markdown with MyST, furo draws it, and nothing needs the network."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "NR-GAN"
author = "the authors of NR-GAN, the package"
release = version_of("nrgan")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton", "mathml", "options", "python_names", "tables"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
# what is fenced as `sh` is a command to copy; so is an indented block
highlight_language = "sh"
smartquotes = False  # `--option` keeps both of its dashes
html_math_renderer = "mathml"

html_theme = "furo"
html_title = f"NR-GAN {release}"
html_theme_options = {"light_css_variables": {"font-stack": "system-ui, sans-serif"}}
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False

autodoc_default_options = {
    "members": True,
    "no-value": True,
}
autodoc_member_order = "groupwise"
autodoc_inherit_docstrings = False  # what torch says of every module is not ours to repeat
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
default_role = "code"
# in annotations: other libraries' names, and names as a module writes them; those that begin with nrgan are looked for
nitpick_ignore_regex = [("py:.*", r"(?!nrgan\.).*")]
