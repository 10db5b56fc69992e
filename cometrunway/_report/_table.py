"""A report as CSV for spreadsheets. Each figure is one row."""

import csv
from collections.abc import Iterator
from typing import Any, TextIO

from cometrunway._batch._export import safe
from cometrunway._outcome import STATUSES
from cometrunway._report._figures import Figures, Group

_HEADING = ("figure", "route", "model", "name", "value", "unit")
BEGINNING_OF_TABLE = rb"\xef\xbb\xbffigure,route,model,"
"""A pattern that matches the beginning of each table."""


def write_table(figures: Figures, stream: TextIO) -> None:
    """Write comma-separated values with a heading. The stream must encode as UTF-8 and must not translate newlines.

    The columns are the subject of the figure, route, model, name, value, and unit.
    """
    stream.write("\ufeff")  # without the byte order mark, Excel does not recognise UTF-8
    writer = csv.writer(stream)
    writer.writerow(_HEADING)
    for row in _rows(figures):
        writer.writerow([safe(cell) if isinstance(cell, str) else cell for cell in row])


def _rows(figures: Figures) -> Iterator[tuple[Any, ...]]:
    for group in figures.in_order():
        for figure, name, value, unit in _of_group(group, figures):
            yield figure, group.route, group.model, name, value, unit
    for (kind, reason), count in figures.reasons.most_common():
        yield "reason", "", "", f"{kind}: {reason}", count, "shots"
    for media_type, count in figures.media.most_common():
        yield "files", "", "", media_type, count, "files"


def _of_group(group: Group, figures: Figures) -> Iterator[tuple[Any, ...]]:
    for kind in STATUSES:
        yield "outcome", kind, group.kinds[kind], "shots"
    yield "creates", "accepted or in doubt", group.creates, "creates"
    for name, part in (("median", 0.5), ("p95", 0.95)):
        seconds = group.durations.quantile(part)
        if seconds is not None:
            yield "duration", name, round(seconds, 1), "seconds"
    yield "files", "all", group.files, "files"
    yield "size", "all", group.size, "bytes"
    if figures.prices is not None:
        yield "cost", "delivered", str(group.cost), figures.prices.currency
        yield "cost", "others, if billed", str(group.other_cost), figures.prices.currency
