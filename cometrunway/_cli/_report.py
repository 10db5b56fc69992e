"""The command `report`."""

import argparse
import re
from pathlib import Path

from cometrunway._batch._journal_report import JournalReport
from cometrunway._batch._prices import Prices
from cometrunway._cli._commands import Commands, add_command, add_journal, add_prices, path
from cometrunway._cli._output import OutputKind, write_output
from cometrunway._plurals import counted
from cometrunway._report._figures import Figures
from cometrunway._report._page import BEGINNING_OF_PAGE, page
from cometrunway._report._table import BEGINNING_OF_TABLE, write_table
from cometrunway._report._text import text
from cometrunway._terminal import say, say_if_possible

_PAGES, _TABLES = (".html", ".htm"), (".csv",)
_REPORT = OutputKind("a report", re.compile(BEGINNING_OF_TABLE + b"|" + BEGINNING_OF_PAGE))


def add_to(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add the command."""
    report = add_command(
        commands,
        "report",
        _report,
        summary="show the figures of a journal: outcomes, reasons, durations, files, costs",
        details="Counts, the reasons of failures, how long tasks took by route and model (median and 95th percentile), "
        "creates, files and sizes; also while the journal is being written. A page has plots, and loads nothing.",
        example="cometrunway report shots.db\n  cometrunway report shots.db -o report.html --price prices.toml",
    )
    add_journal(report)
    report.add_argument(
        "-o", "--output", type=path, metavar="FILE", help="a page (.html) or a table (.csv); default: text"
    )
    add_prices(report)


def _report(options: argparse.Namespace) -> int:
    output: Path | None = options.output
    if output is not None and output.suffix.lower() not in (*_PAGES, *_TABLES):
        raise ValueError(f"-o {output}: its name must end with .html for a page, or with .csv for a table")
    prices = None if options.price is None else Prices.read(options.price)
    figures = Figures.of(JournalReport(options.journal), prices)
    if output is None:
        say(text(figures, options.journal))
    elif output.suffix.lower() in _TABLES:
        write_output(output, lambda stream: write_table(figures, stream), _REPORT)
    else:
        content = page(figures, options.journal)
        write_output(output, lambda stream: print(content, file=stream), _REPORT)
        say_if_possible(f"{counted(figures.total.shots, 'shot')}: {output.absolute().as_uri()}")
    return 0
