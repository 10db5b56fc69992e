"""A report as a page."""

import re
from html.parser import HTMLParser
from pathlib import Path

from cometrunway._report._figures import Figures
from cometrunway._report._page import page
from tests.report.made import figures

JOURNAL = Path("shots.db")


class Parsed(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.links += [
            name for name, _ in attrs if name in {"src", "href", "srcset", "action"} or name.startswith("on")
        ]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_nothing_of_a_journal_is_markup() -> None:
    """Neither a reason, nor a model, nor the name of the journal: each is shown as the text that it is."""
    strange = "<script>alert(1)</script>"
    parsed = Parsed(page(figures(reason=strange, model=strange), Path(f"{strange}\x1b[2J.db".replace("/", ":"))))
    assert parsed.text.count("alert(1)") >= 3
    assert "script" not in parsed.elements
    assert "\x1b" not in parsed.text


def test_a_page_loads_nothing_and_runs_nothing() -> None:
    """It has no address, and its policy forbids all but its style."""
    html = page(figures(prices=True), JOURNAL)
    assert Parsed(html).links == []
    assert "http" not in html.replace("http-equiv", "")
    assert "default-src 'none'; style-src 'unsafe-inline'" in html


def test_a_page_shows_each_figure() -> None:
    """As tiles, with a row for each model and each reason; costs only with prices."""
    text = Parsed(page(figures(prices=True), JOURNAL)).text
    for figure in ("62.5%", "1.2 MB", "29.8 s", "49.9 s", "1,234.75 EUR", "1 in doubt", "INTERNAL.BAD_OUTPUT"):
        assert figure in text
    assert "cost" not in Parsed(page(figures(), JOURNAL)).text


def test_the_most_frequent_reasons_are_shown() -> None:
    """Fifty of them, and how many more there are."""
    made = figures()
    made.reasons.update({("refused", f"reason {number}"): number for number in range(2, 72)})
    html = page(made, JOURNAL)
    assert len(re.findall(r"reason \d", html)) == 50
    assert "reason 71" in html
    assert "and 21 more reasons" in html


def test_a_journal_without_shots_has_a_page() -> None:
    """It says so, and divides by nothing."""
    assert "Nothing was submitted." in page(Figures(), JOURNAL)
