"""A report as CSV for spreadsheets."""

import csv
import io

from cometrunway._report._figures import Figures
from cometrunway._report._table import write_table
from tests.report.made import figures


def rows_of(made: Figures) -> list[dict[str, str]]:
    """Return the rows as a program reads them, by the names of their columns."""
    stream = io.StringIO(newline="")
    write_table(made, stream)
    mark, text = stream.getvalue()[0], stream.getvalue()[1:]
    assert mark == "\ufeff", "Excel reads the file as UTF-8 only with this mark"
    return list(csv.DictReader(io.StringIO(text)))


def test_each_figure_is_a_row_with_its_unit() -> None:
    """Of each route and model; numbers are not rounded for reading, so that a program can add them."""
    rows = rows_of(figures(prices=True))
    found = {(row["figure"], row["name"]): (row["value"], row["unit"]) for row in rows}
    assert len(found) == len(rows)
    assert found["outcome", "delivered"] == ("5", "shots")
    assert found["outcome", "owed"] == ("0", "shots")
    assert found["creates", "accepted or in doubt"] == ("7", "creates")
    assert found["duration", "median"] == ("29.8", "seconds")
    assert found["size", "all"] == ("1234567", "bytes")
    assert found["cost", "delivered"] == ("1234.5", "EUR")
    assert found["cost", "others, if billed"] == ("0.25", "EUR")
    assert found["reason", "failed: INTERNAL.BAD_OUTPUT"] == ("1", "shots")
    assert found["files", "video/mp4"] == ("5", "files")
    assert {(row["route"], row["model"]) for row in rows} == {("image_to_video", "gen4_turbo"), ("", "")}


def test_nothing_of_a_journal_is_a_formula() -> None:
    """A spreadsheet would compute it."""
    rows = rows_of(figures(reason="x\n=1+1", model="=1+1"))
    assert {row["model"] for row in rows} == {"'=1+1", ""}
    assert not [cell for row in rows for cell in row.values() if cell.startswith("=") or "\n=" in cell]


def test_a_journal_without_shots_is_a_heading() -> None:
    """And no cost, without prices."""
    assert rows_of(Figures()) == []
    assert "cost" not in {row["figure"] for row in rows_of(figures())}
