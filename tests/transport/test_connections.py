"""Connections: through the environment's proxies, trusting its certificates, and never with a `.netrc`."""

import asyncio
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from cometrunway import Session, errors
from cometrunway.emulator import Emulator
from tests.proxied import HTTPProxy, TLSServer
from tests.samples import yawn
from tests.transport.conftest import Tls

USER = "http://me%40work:p%2Fs%3As%C3%A9@127.0.0.1:{port}"
AUTHORIZATION = "Basic bWVAd29yazpwL3M6c8Op"


@asynccontextmanager
async def secure(emulator: Emulator, tls: Tls, *names: str) -> AsyncIterator[str]:
    """Serve the emulator over TLS; yield its origin."""
    async with TLSServer(tls(*names), URL(emulator.base_url).port or 0) as server:
        yield f"https://127.0.0.1:{server.port}"


async def made(emulator: Emulator, base_url: str, folder: Path, **options: Any) -> None:
    """Make one clip through the whole way."""
    async with Session(emulator.api_key, base_url=base_url, output_dir=folder, **options) as runway:
        [clip] = await (await runway.submit(yawn()))
        assert clip.path


def creates(emulator: Emulator) -> int:
    """How many creates the emulator has seen."""
    return sum(entry.operation == "create" for entry in emulator.requests)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
async def test_plain_requests_go_through_the_proxy_in_absolute_form(
    variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """API calls and files of http URLs are asked of the proxy, whichever variable names it."""
    async with Emulator() as emulator, HTTPProxy() as proxy:
        monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
        await made(emulator, emulator.base_url, tmp_path)
        assert proxy.forwarded
        assert all(target.startswith("http://127.0.0.1:") for target in proxy.forwarded)
        assert len(proxy.forwarded) == len(emulator.requests)
        assert not proxy.connects


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
async def test_secure_requests_go_through_a_tunnel(
    variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tls: Tls, authority_file: Path
) -> None:
    """The proxy is asked to CONNECT, and neither the key nor any header of the API reaches it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority_file))
    async with Emulator(api_key="sk-canary") as emulator, HTTPProxy() as proxy, secure(emulator, tls) as base_url:
        monkeypatch.setenv(variable, f"127.0.0.1:{proxy.port}")
        await made(emulator, base_url, tmp_path)
        assert set(proxy.connects) == {URL(base_url).authority}
    said = "".join(proxy.heads).lower()
    assert "canary" not in said
    assert "authorization" not in said
    assert "runway" not in said


@pytest.mark.parametrize("is_secure", [True, False])
async def test_credentials_of_a_proxy_are_decoded_and_sent_to_it_alone(
    is_secure: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tls: Tls, authority_file: Path
) -> None:
    """User and password are percent-decoded, and no host behind the proxy sees them."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority_file))
    async with (
        Emulator() as emulator,
        HTTPProxy(authorization=AUTHORIZATION) as proxy,
        secure(emulator, tls) as secure_url,
    ):
        monkeypatch.setenv("ALL_PROXY", USER.format(port=proxy.port))
        await made(emulator, secure_url if is_secure else emulator.base_url, tmp_path)
        assert bool(proxy.connects) is is_secure
        assert proxy.forwarded  # the files
        assert not any("proxy-authorization" in entry.headers for entry in emulator.requests)


@pytest.mark.parametrize("is_secure", [True, False])
async def test_a_proxy_that_wants_credentials_is_told_at_once(
    is_secure: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tls: Tls
) -> None:
    """After a 407 nothing is in doubt, nothing is tried again, and a batch stops."""
    async with Emulator() as emulator, HTTPProxy(authorization="Basic x") as proxy, secure(emulator, tls) as base_url:
        monkeypatch.setenv("ALL_PROXY", f"http://me:canary@127.0.0.1:{proxy.port}")
        origin = base_url if is_secure else emulator.base_url
        began = asyncio.get_running_loop().time()
        async with Session("sk-1", base_url=origin, output_dir=tmp_path, max_creates=2) as runway:
            with pytest.raises(errors.ProxyError, match=r"407.*HTTPS_PROXY=") as caught:
                await runway.submit(yawn())
            handles = []
            with pytest.raises(errors.ProxyError):
                async for handle in runway.map(yawn(number) for number in range(40)):
                    handles.append(handle)
        assert not caught.value.may_have_been_sent
        assert "canary" not in f"{caught.value!r}{caught.value.__cause__!r}{caught.value.__context__!r}"
        assert len(handles) <= 4
        assert asyncio.get_running_loop().time() == began
        assert creates(emulator) == 0


@pytest.mark.parametrize(("status", "error"), [(403, errors.ProxyError), (502, errors.TransportError)])
async def test_a_tunnel_that_is_refused_sends_nothing(
    status: int, error: type[Exception], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tls: Tls
) -> None:
    """A proxy's 403 to CONNECT is a fact; its 502 is tried again, and then an error that says that nothing was sent."""
    async with Emulator() as emulator, HTTPProxy(answer=status) as proxy, secure(emulator, tls) as base_url:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        async with Session("sk-1", base_url=base_url, output_dir=tmp_path) as runway:
            with pytest.raises(error, match=f"proxy did not pass it on: HTTP {status}") as caught:
                await runway.submit(yawn())
        assert isinstance(caught.value, errors.TransportError)
        assert not caught.value.may_have_been_sent
        assert len(proxy.connects) == (1 if status == 403 else 6)
        assert creates(emulator) == 0


async def test_a_create_through_a_proxy_that_dies_is_in_doubt_and_never_sent_twice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What a plain proxy had passed on when it died is not sent again."""
    async with Emulator() as emulator, HTTPProxy(dies_after=lambda head: head.startswith("POST")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        async with Session(emulator.api_key, base_url=emulator.base_url, output_dir=tmp_path) as runway:
            with pytest.raises(errors.OutcomeUnknownError):
                await runway.submit(yawn())
        assert creates(emulator) == 1


async def test_a_proxy_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A proxy that refuses connections is told from a host that does, and nothing was sent."""
    async with HTTPProxy() as proxy:
        pass
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    async with Session("sk-1", base_url="https://api.example.com", output_dir=tmp_path) as runway:
        with pytest.raises(errors.TransportError, match=r"no connection to the proxy 127\.0\.0\.1") as caught:
            await runway.submit(yawn())
    assert not caught.value.may_have_been_sent


async def test_a_proxy_may_speak_tls_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tls: Tls, authority_file: Path
) -> None:
    """An `https://` proxy is reached over TLS, and a secure API through TLS in TLS."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority_file))
    async with Emulator() as emulator, HTTPProxy(tls=tls()) as proxy, secure(emulator, tls) as base_url:
        monkeypatch.setenv("ALL_PROXY", f"https://127.0.0.1:{proxy.port}")
        await made(emulator, base_url, tmp_path)
        assert proxy.connects
        assert proxy.forwarded


async def test_the_environment_can_be_switched_off(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tls: Tls, authority_file: Path
) -> None:
    """With trust_env=False neither proxies nor certificates of the environment count."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority_file))
    monkeypatch.setenv("ALL_PROXY", "no-proxy://nowhere")
    async with Emulator() as emulator, secure(emulator, tls) as base_url:
        await made(emulator, emulator.base_url, tmp_path, trust_env=False)
        async with Session("sk-1", base_url=base_url, output_dir=tmp_path, trust_env=False) as runway:
            with pytest.raises(errors.TLSError):
                await runway.submit(yawn())


async def test_a_proxy_elsewhere_does_not_count_for_this_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The emulator is reached directly, whatever proxy a company has: its 127.0.0.1 is not ours."""
    monkeypatch.setenv("ALL_PROXY", "http://proxy.example:3128")
    async with Emulator() as emulator:
        await made(emulator, emulator.base_url, tmp_path)


NETRC = "default login me password canary\n"


@pytest.mark.parametrize("is_borrowed", [True, False])
async def test_no_netrc_is_ever_read(is_borrowed: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A `.netrc` with a default line changes nothing, also where a borrowed session trusts the environment."""
    netrc = tmp_path / "netrc"
    netrc.write_text(NETRC)
    monkeypatch.setenv("NETRC", str(netrc))
    async with Emulator() as emulator, HTTPProxy() as proxy, aiohttp.ClientSession(trust_env=True) as http:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        await made(emulator, emulator.base_url, tmp_path, http=http if is_borrowed else None)
        assert len(proxy.forwarded) == len(emulator.requests)
        assert not http.closed
        assert http.trust_env
    assert "Basic" not in "".join(proxy.heads)


async def test_a_borrowed_session_goes_its_own_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its own proxy counts for API calls, before the environment's; the files take the environment's."""
    async with Emulator() as emulator, HTTPProxy() as its_own, HTTPProxy() as other:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{other.port}")
        for trusts in (True, False):
            url = f"http://127.0.0.1:{its_own.port}"
            async with aiohttp.ClientSession(trust_env=trusts, proxy=url) as http:
                await made(emulator, emulator.base_url, tmp_path, http=http)
        async with aiohttp.ClientSession() as http:
            await made(emulator, emulator.base_url, tmp_path, http=http)
    assert not any("/runwayml/" in target for target in other.forwarded)
    assert len(other.forwarded) == 3
    assert all("/runwayml/" in target for target in its_own.forwarded)


async def test_a_borrowed_session_may_have_credentials_of_its_own(tmp_path: Path) -> None:
    """The key counts, and the session keeps what it has."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of `auth`, in later versions of aiohttp
        http = aiohttp.ClientSession(auth=aiohttp.BasicAuth("me", "canary"))
    async with Emulator() as emulator, http:
        await made(emulator, emulator.base_url, tmp_path, http=http)
        assert http.auth
        assert not any("Basic" in str(entry.headers) for entry in emulator.requests)
