"""Markdown as the pages of docs/ have it: anchors, links, tables, and parts that are made by a program."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_MADE = re.compile(r"<!-- made: ([\w .:-]+) -->\n.*?<!-- end -->", re.DOTALL)
_FENCED = re.compile(r"^(`{3,}).*?^\1$", re.DOTALL | re.MULTILINE)


def pages() -> list[Path]:
    """Return README.md and all pages of docs/."""
    return [ROOT / "README.md", *sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)]


def without_code(text: str) -> str:
    """Return the text without its fenced blocks."""
    return _FENCED.sub("", text)


def slug(heading: str) -> str:
    """Return the anchor of a heading, as GitHub and Sphinx make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def anchors(text: str) -> set[str]:
    """Return the anchors of a page: its headings, and those that are written as `(name)=` or `<a id="name">`."""
    prose = without_code(text)
    headings = {slug(heading) for heading in re.findall(r"^#{1,6} (.*)$", prose, re.MULTILINE)}
    return headings | {*re.findall(r"^\(([\w-]+)\)=$", prose, re.MULTILINE)} | {*re.findall(r'<a id="([^"]+)">', prose)}


def links(text: str) -> list[tuple[str, str]]:
    """Return the path and the anchor of each link to a file or a place of this project."""
    targets = re.findall(r"\]\(([^)\s]+)\)", without_code(text))
    return [(path, anchor) for path, _, anchor in (target.partition("#") for target in targets) if ":" not in path]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def code(text: str) -> str:
    """Return a cell of a table that shows text as code."""
    return "`" + text.replace("|", "\\|") + "`"


def made_anew(text: str, parts: Mapping[str, Callable[[], str]]) -> str:
    """Return a page with what is between each `<!-- made: NAME -->` and `<!-- end -->` made anew."""
    return _MADE.sub(lambda match: f"<!-- made: {match[1]} -->\n\n{parts[match[1]]()}\n\n<!-- end -->", text)
