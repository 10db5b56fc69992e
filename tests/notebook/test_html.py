"""Text is text, never markup."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from cometrunway._notebook._html import joined, tag
from cometrunway._terminal import printable


class Read(HTMLParser):
    """What a browser would make of it."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


ATTACKS = st.sampled_from(
    [
        "<script>alert(1)</script>",
        "'\"><img src=x onerror=alert(1)>",
        "</style><svg/onload=alert(1)>",
        "&lt;b&gt;",
        "\x00\u202e",
    ]
)


@given(st.text() | ATTACKS, st.text() | ATTACKS)
def test_whatever_is_said_makes_no_element(content: str, title: str) -> None:
    """Content and attributes come out of a browser's parser as they went in, but for what would steer a terminal."""
    read = Read()
    read.feed(joined(tag("b", content, title=title, hidden=True), tag("i", tag("img", src=title, alt=None))))
    read.close()
    assert [name for name, _ in read.tags] == ["b", "i", "img"]
    assert read.tags[0][1] == {"title": title.replace("\r\n", "\n"), "hidden": None} or "\r" in title or "\x00" in title
    assert read.text == printable(content)
