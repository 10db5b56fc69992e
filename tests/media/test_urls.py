"""URLs as hosts and gateways write them, and as they are opened."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cometrunway._media._urls import normalised_url

SIGNED = "https://h.example/a%2fb/c+d//e;f=1?X-Amz-Signature=aB%2F%3d+/=~-_.!*'()|&Expires=1&x=%zz%"

AS_THEY_ARE = [
    SIGNED,
    "http://user:pw@h.example:8080/a%20b?q=a/b?c#fragment",
    "https://[2001:db8::1]:8443/x",
    "https://under_score.example/x",
    "https://xn--bcher-kva.example/%C3%BC?%e4",
    "https://h.example/",
    "http://a..b/x.mp4",
]


@pytest.mark.parametrize("url", AS_THEY_ARE)
def test_a_url_that_is_one_stays(url: str) -> None:
    """Not a byte of what may be signed changes."""
    assert normalised_url(url) == url
    assert normalised_url(url, relative_to="http://other.example/x") == url


MENDED = {
    "https://h.example/the cat.mp4?a=b c": "https://h.example/the%20cat.mp4?a=b%20c",
    "https://h.example/k\u00e4tzchen/\u732b.mp4?t=\u732b": (
        "https://h.example/k%C3%A4tzchen/%E7%8C%AB.mp4?t=%E7%8C%AB"
    ),
    "https://h.example/a%20b c%C3%A4\u00e4": "https://h.example/a%20b%20c%C3%A4%C3%A4",
    'https://h.example/<a>"{b}`^?<c>"{d}`^|': "https://h.example/%3Ca%3E%22%7Bb%7D%60%5E?%3Cc%3E%22{d}`^|",
    "//h.example/x.mp4?s=1": "https://h.example/x.mp4?s=1",
    "  https://h.example/x.mp4\r\n": "https://h.example/x.mp4",
    "\ufeffhttps://h.example/x.mp4\u3000": "https://h.example/x.mp4",
    "https://h.example/x.\nmp4": "https://h.example/x.mp4",
    "HTTPS://H.Example/X": "https://h.example/X",
    "https://b\u00fccher.example:1/x": "https://xn--bcher-kva.example:1/x",
    "https:/h.example/x": "https://h.example/x",
    "https:\\\\h.example\\a\\b?c=\\d": "https://h.example/a/b?c=\\d",
    "https://h.example": "https://h.example/",
    "https://h.example?a=b": "https://h.example/?a=b",
    "https://h.example/a/../b/./c/..": "https://h.example/b/",
    "https://h.example/../../x": "https://h.example/x",
    "https://h.example/\ud83d\ude00\ud800": "https://h.example/%F0%9F%98%80%EF%BF%BD",
    "https://u r:p@h.example/": "https://u%20r:p@h.example/",
}


@pytest.mark.parametrize(("text", "url"), MENDED.items())
def test_what_a_browser_mends_is_mended(text: str, url: str) -> None:
    """Spaces, other scripts, line breaks, a missing scheme, slashes the wrong way: the file is there all the same."""
    assert normalised_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "//", "///", "x.mp4", "/x.mp4", "?a", "#a", "h.example/x", "ftp://h.example/x", "file:///x"),
        *("data:video/mp4;base64,AA", "javascript:alert(1)", "x:y", "https:", "https:x", "http://", "https://?a"),
        *("https://h:0/", "https://h:65536/", "https://h:99999999/", "https://h:a/", "https://a:b:1/", "https://h:-1"),
        *("https://[::1", "https://::1]/", "https://[1]/", "https://[fe80::1%25eth0]/", "//[", "https://a@/"),
        *("https://a b/", "https://a%20b/", "https://a|b/", "https://is not reachable", "https://\ud800/"),
        f"https://h.example/{'x' * 65_536}",
    ],
)
def test_what_is_no_url_is_none(text: str) -> None:
    """Words, paths, other schemes, and hosts that cannot be."""
    assert normalised_url(text) is None


BASE = "http://h.example:81/a/b/c.mp4?sig=1"
RELATIVE = {
    "d.mp4": "http://h.example:81/a/b/d.mp4",
    "../d e.mp4?x=1": "http://h.example:81/a/d%20e.mp4?x=1",
    "./x//y": "http://h.example:81/a/b/x//y",
    "/d": "http://h.example:81/d",
    "": "http://h.example:81/a/b/c.mp4?sig=1",
    "?sig=2": "http://h.example:81/a/b/c.mp4?sig=2",
    "//other.example/d": "http://other.example/d",
    "https://other.example/d": "https://other.example/d",
    "k\udcc3\udca4.mp4": "http://h.example:81/a/b/k%C3%A4.mp4",
    "k\udce4.mp4": "http://h.example:81/a/b/k%E4.mp4",
}


@pytest.mark.parametrize(("location", "url"), RELATIVE.items())
def test_a_relative_one_begins_where_it_was_found(location: str, url: str) -> None:
    """A redirect names a path, a host or a whole URL; bytes of its header that are no UTF-8 stay what they are."""
    assert normalised_url(location, relative_to=BASE) == url


def test_a_relative_one_begins_at_a_host_without_a_path() -> None:
    """The root is what a host alone names."""
    assert normalised_url("x", relative_to="https://h.example/") == "https://h.example/x"


ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(st.one_of(ANY_TEXT, ANY_TEXT.map("https://h/".__add__), st.text("htps:/\\?#@[]%. \n1\xe4")), ANY_TEXT)
def test_any_text_is_a_url_of_ascii_or_none(text: str, location: str) -> None:
    """Nothing raises; what comes out can be sent, and stays as it is when it comes in again."""
    for url in (normalised_url(text), normalised_url(location, relative_to=normalised_url(text))):
        assert url is None or normalised_url(url) == url
        assert url is None or set(url) <= set(string.printable) - set(string.whitespace)
