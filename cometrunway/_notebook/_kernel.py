"""The kernel of a notebook: the running cell, its displays, and its end. IPython is already loaded in a kernel."""

import sys
from collections.abc import Callable, Mapping
from typing import Any


def cell() -> str:
    """Return the id of the cell for which this code runs, also in an asyncio task that the cell started."""
    header = _shell().get_parent().get("header", {})
    return str(header.get("msg_id", ""))


def show(bundle: Mapping[str, str], *, display_id: str, is_update: bool) -> None:
    """Show a bundle, or replace the display with the same id in any cell."""
    sys.modules["IPython"].display.display(dict(bundle), raw=True, display_id=display_id, update=is_update)


def on_cell_end(callback: Callable[[], None]) -> None:
    """Call `callback` after each cell, while displays still belong to that cell."""
    _shell().events.register("post_run_cell", lambda _result: callback())


def _shell() -> Any:
    ipython: Any = sys.modules["IPython"]
    return ipython.get_ipython()
