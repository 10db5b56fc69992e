"""A report as text for a terminal."""

import re
from pathlib import Path

from cometrunway._report._figures import Figures
from cometrunway._report._text import text
from tests.report.made import figures

JOURNAL = Path("shots.db")


def test_a_report_begins_with_what_became_of_the_shots() -> None:
    """Then come creates and files, the estimate, a table with a line for each model, and the reasons."""
    first, _, creates, estimate, *rest = text(figures(prices=True), JOURNAL).splitlines()
    assert first == "shots.db: 8 shots: 5 delivered, 1 failed, 1 in doubt, 1 refused"
    assert creates == "7 creates, 5 files, 1.2 MB"
    assert estimate == "estimate: 1,234.50 EUR for what was delivered"
    heading, group = (re.split(" {2,}", line) for line in rest[2:4])
    assert dict(zip(heading, group, strict=True)) == {
        "route": "image_to_video",
        "model": "gen4_turbo",
        "shots": "8",
        "delivered": "5",
        "creates": "7",
        "median": "29.8 s",
        "p95": "49.9 s",
        "files": "5",
        "size": "1.2 MB",
        "cost": "1,234.75 EUR",
    }
    assert rest[-1].split() == ["1", "failed", "INTERNAL.BAD_OUTPUT"]


def test_nothing_of_a_journal_controls_the_terminal() -> None:
    """Neither what a server gave as a reason, nor the name of a model."""
    told = text(figures(reason="\x1b[2J gone", model="\x1b[31mred"), JOURNAL)
    assert "gone" in told
    assert "red" in told
    assert "\x1b" not in told


def test_the_most_frequent_reasons_are_shown() -> None:
    """Twenty of them, the most frequent first, and how many more there are."""
    made = figures()
    made.reasons.clear()
    made.reasons.update({("failed", f"reason {number}"): number for number in range(1, 26)})
    lines = text(made, JOURNAL).splitlines()
    shown = lines[lines.index("failed, cancelled or refused:") + 1 :]
    assert len(shown) == 21
    assert shown[0].split() == ["25", "failed", "reason", "25"]
    assert shown[-1] == "  ... and 5 more reasons"


def test_a_journal_without_shots_has_a_report() -> None:
    """It says so, without a table."""
    assert text(Figures(), JOURNAL).splitlines() == [
        "shots.db: 0 shots: nothing was submitted",
        "0 creates, 0 files, 0 bytes",
    ]
