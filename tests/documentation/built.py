"""Check the built site: `python -m tests.documentation.built FOLDER`.

Each link within it leads to a page and a place that exist, and no page loads anything from another host.
"""

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {("script", "src"), ("img", "src"), ("link", "href"), ("source", "src"), ("video", "src"), ("iframe", "src")}
"""What a browser loads by itself, by tag and attribute."""


class Page(HTMLParser):
    """The places, the links and the loaded resources of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.places = {"", "top"}
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take the attributes of a tag."""
        for name, value in attrs:
            if name == "id" and value:
                self.places.add(value)
            elif (tag, name) == ("a", "href"):
                self.links.append(value or "")
            elif (tag, name) in LOADED:
                self.loaded.append(value or "")


def problems(folder: Path) -> Iterator[str]:
    """Yield a message for each link that leads nowhere, and for each resource of another host."""
    pages = {path: Page(path.read_text("utf-8")) for path in sorted(folder.rglob("*.html"))}
    for path, page in pages.items():
        for url in page.loaded:
            if urlsplit(url).netloc:
                yield f"{path.name} loads {url}"
        for url in [*page.links, *page.loaded]:
            parts = urlsplit(url)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                yield f"{path.name} links to {url}"
            elif target in pages and unquote(parts.fragment) not in pages[target].places:
                yield f"{path.name} links to {url}, where no such place is"


if __name__ == "__main__":
    found = list(problems(Path(sys.argv[1]).resolve()))
    sys.exit("\n".join(found) or None)
