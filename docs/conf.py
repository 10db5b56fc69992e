"""How Sphinx builds this documentation; `nox -s docs` runs it."""

import os
from contextlib import ExitStack

from sphinx.application import Sphinx

from cometrunway.emulator import Emulator

project = "cometrunway"
copyright = "the cometrunway maintainers"  # noqa: A001 - the name that Sphinx reads
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build"]
nitpicky = True

html_theme = "furo"
html_title = "cometrunway"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False

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
