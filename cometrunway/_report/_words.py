"""Formats the figures of a report, in the same way for text and page."""

from collections.abc import Iterator

from cometrunway._outcome import STATUSES
from cometrunway._plurals import counted
from cometrunway._report._figures import Figures
from cometrunway._tasks import moment
from cometrunway.progress._display import clock

_UNITS = ("bytes", "KB", "MB", "GB", "TB")


def size(count: int) -> str:
    """Return a number of bytes in the unit that fits: `195.1 KB`."""
    amount, unit = float(count), 0
    while amount >= 1000 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:,.1f} {_UNITS[unit]}" if unit else counted(count, "byte")


def duration(seconds: float | None) -> str:
    """Return a duration: `12.3 s`, from two minutes on `2:05`; nothing where there is none."""
    if seconds is None:
        return ""
    return f"{seconds:.1f} s" if seconds < 120 else clock(seconds)


def kind(name: str) -> str:
    """Return a kind of outcome in words."""
    return name.replace("_", " ")


def counts(figures: Figures) -> str:
    """Return how many shots came to what."""
    kinds = figures.total.kinds
    told = [f"{kinds[name]:,} {kind(name)}" for name in STATUSES if kinds[name]]
    return ", ".join(told) or "nothing was submitted"


def period(figures: Figures) -> str:
    """Return the period in which the shots were made, in this machine's time zone; empty if it is not known."""
    first, last = moment(figures.first), moment(figures.last)
    if first is None or last is None:
        return ""
    begun, ended = first.astimezone(), last.astimezone()
    until = f"{ended:%H:%M}" if begun.date() == ended.date() else f"{ended:%Y-%m-%d %H:%M}"
    return f"{begun:%Y-%m-%d %H:%M} to {until}"


def cost(figures: Figures) -> Iterator[str]:
    """Yield the estimated cost of the creates, if there are prices."""
    if figures.prices is None:
        return
    total = figures.total
    yield f"{figures.prices.amount(total.cost)} for what was delivered"
    if total.other_cost:
        more = figures.prices.amount(total.other_cost)
        yield f"{more} more, if the gateway bills what failed, was cancelled, is owed or in doubt"
    if figures.unpriced:
        yield f"{counted(figures.unpriced, 'shot was', 'shots were')} pruned, and not counted in it"
