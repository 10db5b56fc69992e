"""The display of values in a notebook. Only this module imports `_notebook`, when a display is asked for."""

import sys
from collections.abc import Awaitable
from typing import Any, TypeVar

_T = TypeVar("_T")


class _Switch:
    is_on = True


def show_progress(is_wanted: bool) -> None:
    """Turn the progress of waits in a notebook on or off. It is on by default.

    Raises:
        TypeError: `is_wanted` is neither True nor False.
    """
    if not isinstance(is_wanted, bool):
        raise TypeError(f"is_wanted must be True or False, got {is_wanted!r}")
    _Switch.is_on = is_wanted


class Displayed:
    """A value that a notebook shows as HTML, or as text if it cannot show HTML."""

    __slots__ = ()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        from cometrunway._notebook._bundles import bundle_of  # noqa: PLC0415

        return bundle_of(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        from cometrunway._notebook._bundles import text_of  # noqa: PLC0415

        printer.text(text_of(self))


def followed(waiting: Awaitable[_T], *subjects: Any) -> Awaitable[_T]:
    """Return `waiting`. In a notebook, return an awaitable that also shows the progress of the futures."""
    if "IPython" not in sys.modules or not is_in_notebook():
        return waiting
    from cometrunway._notebook._waits import shown  # noqa: PLC0415

    return shown(waiting, subjects, with_progress=_Switch.is_on)


def is_in_notebook() -> bool:
    """Whether this code runs in a kernel whose front end can show HTML."""
    ipython: Any = sys.modules.get("IPython")
    return ipython is not None and getattr(ipython.get_ipython(), "kernel", None) is not None


def note_open(lifetime: Any) -> None:
    """Make the kernel print, when it ends, the unfinished tasks of the session of this `Lifetime`."""
    if is_in_notebook():
        from cometrunway._notebook._kernel_end import warn_of  # noqa: PLC0415

        warn_of(lifetime)
