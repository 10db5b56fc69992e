"""How Sphinx builds this documentation; `nox -s docs` runs it."""

import os
import sys
from contextlib import ExitStack
from pathlib import Path

from sphinx.application import Sphinx

from cometrunway.emulator import Emulator

sys.path[:0] = [str(Path(__file__).parent / "_extensions"), str(Path(__file__).parent.parent)]

project = "cometrunway"
copyright = "the cometrunway maintainers"  # noqa: A001 - the name that Sphinx reads
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton", "docstrings"]
exclude_patterns = ["_build", "_extensions"]
nitpicky = True

html_theme = "furo"
html_title = "cometrunway"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/favicon.svg"
pygments_dark_style = "github-dark"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False

autodoc_default_options = {"members": True, "undoc-members": True, "member-order": "bysource"}
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88
add_module_names = False

myst_heading_anchors = 4
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_merge_streams = True

copybutton_prompt_text = "$ "


def setup(app: Sphinx) -> None:
    """Let the notebook run against an emulator, for the length of the build."""
    running = ExitStack()
    emulator = running.enter_context(Emulator.in_thread(speed=20))
    os.environ |= {"COMETAPI_KEY": emulator.api_key, "COMETRUNWAY_BASE_URL": emulator.base_url}
    app.connect("build-finished", lambda *_: running.close())
