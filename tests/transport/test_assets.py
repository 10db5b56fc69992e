"""Asset hosts: redirects as browsers follow them, and errors that name the host."""

import pytest

from cometrunway.errors import ProtocolError, TransportError
from tests.hosts import answer, asset_hosts, host

LOCATIONS = {
    "/the cat.mp4?a=b c": "/the%20cat.mp4?a=b%20c",
    "/k\u00e4tzchen.mp4": "/k%C3%A4tzchen.mp4",
    "other.mp4?sig=a%2Fb+c%3d": "/a/other.mp4?sig=a%2Fb+c%3d",
    "../%7Ecat//x.mp4": "/%7Ecat//x.mp4",
    "//HOST/x": "/x",
    "?sig=2": "/a/clip.mp4?sig=2",
    "http:\\\\HOST\\x": "/x",
    "http://user:pw@HOST/x": "/x",
}


@pytest.mark.parametrize("location", LOCATIONS)
async def test_a_redirect_is_followed_as_browsers_do(location: str) -> None:
    """Spaces, other scripts in UTF-8, relative ones; what is signed arrives as it was sent."""
    async with host(b"", answer(b"here")) as served, asset_hosts() as hosts:
        origin = served.url.removeprefix("http://").partition("/")[0]
        sent = location.replace("HOST", origin).encode().decode("latin-1")
        served.answers[0] = answer(b"", {"Location": sent}, status=302)
        async with hosts.open(f"http://{origin}/a/clip.mp4?sig=1", {}) as stream:
            assert b"".join([chunk async for chunk in stream.chunks]) == b"here"
    assert served.requests[1]["path"] == LOCATIONS[location]
    assert "authorization" not in served.requests[1]


async def test_bytes_of_another_encoding_are_kept() -> None:
    """A Location in Latin-1 names a path of those bytes."""
    first = b"HTTP/1.1 302 Found\r\nLocation: /k\xe4tzchen\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    async with host(first, answer(b"here")) as served, asset_hosts() as hosts:
        async with hosts.open(served.url, {}) as stream:
            assert stream.status == 200
    assert served.requests[1]["path"] == "/k%E4tzchen"


async def test_a_url_is_opened_as_browsers_do() -> None:
    """The first one too."""
    async with host(answer(b"here")) as served, asset_hosts() as hosts:
        async with hosts.open(f"  {served.url} x?a=b c&d=%2f#part\n", {}) as stream:
            assert stream.status == 200
    assert served.requests[0]["path"] == "/clip.mp4%20x?a=b%20c&d=%2f"


async def test_an_error_behind_a_redirect_names_the_host() -> None:
    """And neither path nor query, which the first host has chosen."""
    async with host(answer(b"", {"Location": "http://127.0.0.1:1/path?query"}, status=302)) as served:
        async with asset_hosts() as hosts:
            with pytest.raises(TransportError, match=r"127\.0\.0\.1:1\b") as caught:
                await hosts.open(served.url, {}).__aenter__()
    assert "path" not in str(caught.value)


async def test_a_redirect_to_what_is_no_url_names_where_it_came_from() -> None:
    """Its length is all that is said of it."""
    async with host(answer(b"", {"Location": "data:text/plain,x"}, status=302)) as served, asset_hosts() as hosts:
        with pytest.raises(ProtocolError, match=r"clip\.mp4 was redirected to 17 characters"):
            await hosts.open(f"{served.url}?signature", {}).__aenter__()
