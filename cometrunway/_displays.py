"""How values are shown in a notebook: the one way to `_notebook`, which is imported when a display is asked for."""

import sys
from collections.abc import Awaitable
from typing import Any, TypeVar

_T = TypeVar("_T")


class _Switch:
    is_on = True


def show_progress(is_wanted: bool) -> None:
    """Show the progress of waits in a notebook, or show it no more; it is shown by default."""
    _Switch.is_on = is_wanted


class Displayed:
    """A value that a notebook shows as HTML, or as text where it shows no HTML."""

    __slots__ = ()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        from cometrunway._notebook._bundles import bundle_of  # noqa: PLC0415

        return bundle_of(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        from cometrunway._notebook._bundles import text_of  # noqa: PLC0415

        printer.text(text_of(self))


def followed(waiting: Awaitable[_T], *subjects: Any) -> Awaitable[_T]:
    """Return `waiting`; in a notebook, what shows meanwhile the progress of `TaskFuture`s or `BatchFutures`."""
    if "IPython" not in sys.modules or not is_in_notebook():
        return waiting
    from cometrunway._notebook._waits import shown  # noqa: PLC0415

    return shown(waiting, subjects, with_progress=_Switch.is_on)


def is_in_notebook() -> bool:
    """Whether this code runs in a kernel, whose front end can show more than text."""
    ipython: Any = sys.modules.get("IPython")
    return ipython is not None and getattr(ipython.get_ipython(), "kernel", None) is not None


def note_open(lifetime: Any) -> None:
    """Let a kernel that ends say what the session of this `Lifetime` owes then."""
    if is_in_notebook():
        from cometrunway._notebook._kernel_end import warn_of  # noqa: PLC0415

        warn_of(lifetime)
