"""SOCKS proxies: they get names and credentials, and what they refuse was not sent."""

import sys
from pathlib import Path

import pytest
from yarl import URL

from cometrunway import Session, errors
from cometrunway.emulator import Emulator
from tests.proxied import SocksProxy
from tests.samples import yawn
from tests.transport.conftest import Tls
from tests.transport.test_connections import creates, made, secure


@pytest.mark.parametrize("is_secure", [True, False])
async def test_a_socks_proxy_resolves_names_and_takes_credentials(
    is_secure: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tls: Tls, authority_file: Path
) -> None:
    """With the extra, API calls and files go through a SOCKS proxy, which gets names, not addresses."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority_file))
    async with (
        Emulator() as emulator,
        SocksProxy(credentials=("me@work", "p:s")) as proxy,
        secure(emulator, tls) as secure_url,
    ):
        monkeypatch.setenv("ALL_PROXY", f"socks5h://me%40work:p%3As@127.0.0.1:{proxy.port}")
        base_url = (secure_url if is_secure else emulator.base_url).replace("127.0.0.1", "localhost")
        await made(emulator, base_url, tmp_path)
        assert ("localhost", URL(base_url).port) in proxy.connects


async def test_a_socks_proxy_that_refuses_sends_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Wrong credentials are told at once; a proxy that is away is tried again and named."""
    async with Emulator() as emulator, SocksProxy(credentials=("me", "right")) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"socks5://me:wrong-canary@127.0.0.1:{proxy.port}")
        async with Session("sk-1", base_url=emulator.base_url, output_dir=tmp_path) as runway:
            with pytest.raises(errors.ProxyError) as caught:
                await runway.submit(yawn())
        assert "canary" not in repr(caught.value)
        assert creates(emulator) == 0
    async with Session("sk-1", base_url="https://api.example.com", output_dir=tmp_path) as runway:
        with pytest.raises(errors.TransportError, match=r"no connection to .*proxy") as away:
            await runway.submit(yawn())
    assert not away.value.may_have_been_sent


async def test_a_socks_proxy_without_the_extra_is_an_error_before_anything_is_paid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error names the variable and the extra."""
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1")
    monkeypatch.setitem(sys.modules, "aiohttp_socks", None)
    monkeypatch.delitem(sys.modules, "cometrunway._transport._socks", raising=False)
    session = Session("sk-1", output_dir=None)
    with pytest.raises(ValueError, match=r"ALL_PROXY.*cometrunway\[socks\]"):
        await session.__aenter__()
