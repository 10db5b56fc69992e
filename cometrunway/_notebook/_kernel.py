"""The kernel of a notebook: which cell runs, what it shows, and when it has run. IPython is loaded there already."""

import sys
from collections.abc import Callable, Mapping
from typing import Any


def cell() -> str:
    """Return what the cell is called for which this code runs, also in an asyncio task that it started."""
    header = _shell().get_parent().get("header", {})
    return str(header.get("msg_id", ""))


def show(bundle: Mapping[str, str], *, display_id: str, is_update: bool) -> None:
    """Show something, or replace what was shown under the same id, in any cell."""
    sys.modules["IPython"].display.display(dict(bundle), raw=True, display_id=display_id, update=is_update)


def on_cell_end(callback: Callable[[], None]) -> None:
    """Call it after each cell, while what it shows still counts as shown by that cell."""
    _shell().events.register("post_run_cell", lambda _result: callback())


def _shell() -> Any:
    ipython: Any = sys.modules["IPython"]
    return ipython.get_ipython()
