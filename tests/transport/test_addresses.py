"""Private addresses: which they are, and that no file comes from one while the API is elsewhere."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from cometrunway import Asset, DownloadError, Session
from cometrunway._transport._addresses import AddressRule, PrivateAddressError
from cometrunway._transport._assets import AssetHosts
from cometrunway._transport._connections import Connections, FileRoutes
from cometrunway.errors import TransportError
from tests.proxied import HTTPProxy

PUBLIC = AddressRule.beside("api.example.com", allow_private=False)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.5", "169.254.169.254", "224.0.0.1", "::ffff:10.0.0.5", "127.1"]
)
def test_a_private_address(address: str) -> None:
    """It is refused, unless the API is there as well, or the user allows it."""
    with pytest.raises(PrivateAddressError):
        PUBLIC.check(address)
    AddressRule.beside("127.0.0.1", allow_private=False).check(address)
    AddressRule.beside("api.example.com", allow_private=True).check(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "198.18.0.7", "2606:4700::1111"])
def test_a_public_address(address: str) -> None:
    """All others are allowed."""
    PUBLIC.check(address)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "cdn.localhost", "127.0.0.1", "::1", "[::1]", "127.1"])
def test_a_name_of_this_machine_is_refused(host: str) -> None:
    """Before it is looked up, for a proxy would look it up on its own machine."""
    with pytest.raises(PrivateAddressError):
        PUBLIC.check_name(host)


def test_an_api_in_a_private_network_may_have_its_files_there() -> None:
    """By its literal address: private ones are allowed then, this machine's and link-local ones are not."""
    rule = AddressRule.beside("10.0.0.1", allow_private=False)
    rule.check("192.168.1.1")
    rule.check("fd00::1")
    for address in ("127.0.0.1", "169.254.169.254", "::1", "fe80::1"):
        with pytest.raises(PrivateAddressError):
            rule.check(address)


@asynccontextmanager
async def serving(*targets: str) -> AsyncIterator[tuple[int, list[str]]]:
    """Serve redirects to the targets in turn, then `hello`; yield the port and the hosts that were asked for."""
    asked: list[str] = []
    left = list(targets)

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.host)
        if left:
            return web.Response(status=302, headers={"Location": left.pop(0).format(port=request.url.port)})
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield runner.addresses[0][1], asked
    await runner.cleanup()


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What names resolve to; others, and addresses, as they are."""
    known = {"inside.example": ["127.0.0.1"], "both.example": ["127.0.0.1", "127.0.0.2"]}
    resolved = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *more: Any, **options: Any) -> Any:
        if host not in known:
            return resolved(host, port, *more, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (each, port)) for each in known[host]]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


async def fetched(url: str, *, api: str = "https://api.example.com", allow_private: bool = False) -> bytes:
    """Fetch a file beside an API."""
    async with (
        Connections() as connections,
        FileRoutes(connections, api=URL(api), allow_private=allow_private) as routes,
        AssetHosts(routes).open(url, {}) as stream,
    ):
        assert stream.status == 200
        return b"".join([chunk async for chunk in stream.chunks])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "inside.example", "both.example"])
async def test_a_file_of_a_private_address_is_refused(host: str) -> None:
    """By literal or by name, decided on the address that would be connected to; the error names it and the option."""
    async with serving() as (port, asked):
        url = f"http://{host}:{port}/a.mp4?secret"
        with pytest.raises(TransportError, match=r"is at (127\.0\.0\.[12]|localhost), an addr") as caught:
            await fetched(url)
        assert "allow_private_assets=True" in str(caught.value)
        assert "secret" not in str(caught.value)
        assert not caught.value.retryable
        assert asked == []
        assert await fetched(url, allow_private=True) == b"hello"
        assert await fetched(url, api="http://localhost:1") == b"hello"


async def test_a_redirect_to_a_private_address_is_refused(names: dict[str, list[str]]) -> None:
    """Each hop is decided anew; the API's own origin is always allowed."""
    async with serving("http://inside.example:{port}/b", "http://inside.example:{port}/c") as (port, asked):
        names["api.example.com"] = ["127.0.0.1"]
        api = f"http://api.example.com:{port}"
        with pytest.raises(TransportError, match=r"inside\.example is at 127\.0\.0\.1, an address of this machine"):
            await fetched(f"{api}/a", api=api)
        assert asked == [f"api.example.com:{port}"]


async def test_a_host_with_one_private_address_is_reached_by_the_other(
    names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several addresses the refused ones are left out."""
    # This machine has no public address: the second of its own stands for one.
    check = AddressRule.check
    monkeypatch.setattr(AddressRule, "check", lambda rule, address: address == "127.0.0.2" or check(rule, address))
    names["both.example"] = ["10.0.0.5", "127.0.0.2"]
    tried: list[str] = []
    connect = asyncio.get_running_loop().sock_connect

    async def sock_connect(sock: socket.socket, address: Any) -> None:
        tried.append(address[0])
        await connect(sock, ("127.0.0.1", address[1]))

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", sock_connect)
    async with serving() as (port, _):
        assert await fetched(f"http://both.example:{port}/a.mp4") == b"hello"
    assert tried == ["127.0.0.2"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.5", "169.254.169.254", "[::1]", "127.1", "0x7f.1"])
async def test_through_a_proxy_literals_and_localhost_are_refused_before_sending(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The peer is the proxy then, whose own address may be private."""
    async with HTTPProxy() as proxy, serving() as (port, asked):
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(TransportError, match="allow_private_assets"):
            await fetched(f"http://{host}:{port}/a.mp4")
        assert not proxy.heads
        assert asked == []
        assert await fetched(f"http://cdn.example.com:{port}/a.mp4") == b"hello"
        assert proxy.forwarded == [f"http://cdn.example.com:{port}/a.mp4"]


async def test_a_session_says_at_once_that_a_file_is_refused(tmp_path: Path) -> None:
    """The download is not tried again."""
    began = asyncio.get_running_loop().time()
    for allow, told in ((False, "allow_private_assets=True"), (True, "no connection to")):
        asset = Asset(url="http://127.0.0.1:9/a.mp4")
        async with Session("sk-1", output_dir=tmp_path, allow_private_assets=allow) as runway:
            with pytest.raises(DownloadError, match=told) as caught:
                await runway.download(asset, tmp_path / "a.mp4")
        assert caught.value.retryable is allow
        assert (asyncio.get_running_loop().time() == began) is not allow
