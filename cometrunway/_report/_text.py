"""A report as text for a terminal."""

from collections.abc import Iterator

from cometrunway._journal._place import Place
from cometrunway._plurals import counted
from cometrunway._report import _words as words
from cometrunway._report._figures import Figures, Group
from cometrunway._terminal import printable

_REASONS = 20
_HEADINGS = ("route", "model", "shots", "delivered", "creates", "median", "p95", "files", "size")


def text(figures: Figures, journal: Place) -> str:
    """Return a report as lines of text."""
    return "\n".join(map(printable, _lines(figures, journal)))


def _lines(figures: Figures, journal: Place) -> Iterator[str]:
    total = figures.total
    yield f"{journal}: {counted(total.shots, 'shot')}: {words.counts(figures)}"
    if words.period(figures):
        yield words.period(figures)
    yield f"{counted(total.creates, 'create')}, {counted(total.files, 'file')}, {words.size(total.size)}"
    for line in words.cost(figures):
        yield f"estimate: {line}"
    if figures.groups:
        yield ""
        yield from _table(figures)
    if figures.reasons:
        yield ""
        yield "failed, cancelled or refused:"
        for (kind, reason), count in figures.reasons.most_common(_REASONS):
            yield f"  {count:>7,}  {kind:<9}  {reason}"
        if len(figures.reasons) > _REASONS:
            yield f"  ... and {counted(len(figures.reasons) - _REASONS, 'more reason')}"


def _table(figures: Figures) -> Iterator[str]:
    costs = ("cost",) if figures.prices else ()
    rows = [(*_HEADINGS, *costs), *(_cells(group, figures) for group in figures.in_order())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            cell.ljust(width) if number < 2 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


def _cells(group: Group, figures: Figures) -> tuple[str, ...]:
    return (
        printable(group.route),
        printable(group.model),
        f"{group.shots:,}",
        f"{group.kinds['delivered']:,}",
        f"{group.creates:,}",
        words.duration(group.durations.quantile(0.5)),
        words.duration(group.durations.quantile(0.95)),
        f"{group.files:,}",
        words.size(group.size),
        *([figures.prices.amount(group.cost + group.other_cost)] if figures.prices else []),
    )
