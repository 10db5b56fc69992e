"""Certificates: the environment's as it is on opening, and what is told where one does not verify."""

import asyncio
import datetime as dt
import ssl
from pathlib import Path

import pytest
from yarl import URL

from cometrunway import Event, EventKind, PollPolicy, Session, errors
from cometrunway._transport._certificates import tls_context
from cometrunway.emulator import Emulator
from tests.proxied import TLSServer
from tests.samples import yawn
from tests.transport.conftest import Tls


async def test_the_environment_counts_as_it_is_on_opening(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tls: Tls, authority_file: Path
) -> None:
    """SSL_CERT_FILE that is set after the import, and after the Session was made, is trusted; once unset, it is not."""
    async with Emulator() as emulator, TLSServer(tls(), URL(emulator.base_url).port or 0) as server:
        session = Session(emulator.api_key, base_url=f"https://127.0.0.1:{server.port}", output_dir=tmp_path)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority_file))
        async with session as runway:
            await (await runway.submit(yawn()))
        monkeypatch.delenv("SSL_CERT_FILE")
        async with session as runway:
            with pytest.raises(errors.TLSError):
                await runway.submit(yawn())


async def test_a_folder_of_certificates(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tls: Tls, authority_file: Path
) -> None:
    """SSL_CERT_DIR counts, also where only one of its folders exists."""
    folder = tmp_path / "certificates"
    folder.mkdir()
    process = await asyncio.create_subprocess_exec(
        "openssl", "x509", "-hash", "-noout", "-in", str(authority_file), stdout=asyncio.subprocess.PIPE
    )
    name, _ = await process.communicate()
    (folder / f"{name.decode().strip()}.0").symlink_to(authority_file)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", f"/nowhere:{folder}")
    async with Emulator() as emulator, TLSServer(tls(), URL(emulator.base_url).port or 0) as server:
        base_url = f"https://127.0.0.1:{server.port}"
        async with Session(emulator.api_key, base_url=base_url, output_dir=tmp_path) as runway:
            await (await runway.submit(yawn()))


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
async def test_certificates_that_are_none_are_an_error_on_opening(
    variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The error names the variable and its value; without the environment the session opens."""
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate")
    for value in (tmp_path / "missing", empty):
        monkeypatch.setenv(variable, str(value))
        session = Session("sk-1", output_dir=None)
        with pytest.raises(ValueError, match=f"{variable}='{value}'.*Session.trust_env=False. ignores"):
            await session.__aenter__()
        async with Session("sk-1", output_dir=None, trust_env=False):
            pass


def test_a_variable_that_is_empty_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """`SSL_CERT_FILE=` means the system's own."""
    monkeypatch.setenv("SSL_CERT_FILE", "")
    monkeypatch.setenv("SSL_CERT_DIR", "")
    assert tls_context(trust_env=True) is tls_context(trust_env=False)


def test_a_file_is_read_again_once_it_has_changed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, authority_file: Path
) -> None:
    """Sessions share what they trust until the file is another one."""
    file = tmp_path / "authority.pem"
    file.write_bytes(authority_file.read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    first = tls_context(trust_env=True)
    assert tls_context(trust_env=True) is first
    file.write_text("nothing")
    with pytest.raises(ValueError, match="SSL_CERT_FILE"):
        tls_context(trust_env=True)


LONG_AGO = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("names", "options", "is_known", "told"),
    [
        (["127.0.0.1"], {}, False, "unknown issuer|self-signed.*SSL_CERT_FILE"),
        (["other.example.com"], {}, True, "another name.*127.0.0.1"),
        (["127.0.0.1"], {"not_before": LONG_AGO, "not_after": LONG_AGO + dt.timedelta(9)}, True, "expired"),
    ],
)
async def test_a_certificate_that_does_not_verify_ends_a_batch_at_once(
    names: list[str],
    options: dict[str, dt.datetime],
    is_known: bool,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    tls: Tls,
    authority_file: Path,
) -> None:
    """The first one is told, with the cure and the name that was expected; nothing is sent, and nothing tried again."""
    if is_known:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority_file))
    await _refused(tls(*names, **options), told, tmp_path)


@pytest.mark.parametrize("alert", [40, 70, 71, 112])
async def test_a_tls_version_that_is_refused_ends_a_batch_at_once(alert: int, tmp_path: Path) -> None:
    """An alert about versions, ciphers or names is a fact: handshake_failure, protocol_version and so on (RFC 8446)."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(bytes([21, 3, 3, 0, 2, 2, alert]))
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await _not_submitted(f"https://127.0.0.1:{port}", "no TLS version", tmp_path)


async def test_a_port_that_speaks_no_tls_ends_a_batch_at_once(tmp_path: Path) -> None:
    """`https://` before a port of plain HTTP is a mistake of the URL."""
    async with Emulator() as emulator:
        await _not_submitted(emulator.base_url.replace("http:", "https:"), "speaks no TLS", tmp_path)
        assert not emulator.requests


async def _refused(tls: ssl.SSLContext, told: str, folder: Path) -> None:
    async with Emulator() as emulator, TLSServer(tls, URL(emulator.base_url).port or 0) as server:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the server's own handshake fails, too
        await _not_submitted(f"https://127.0.0.1:{server.port}", told, folder)
        assert server.connections <= 5
        assert not emulator.requests


async def _not_submitted(base_url: str, told: str, folder: Path) -> None:
    loop = asyncio.get_running_loop()
    began, handles = loop.time(), []
    async with Session("sk-1", base_url=base_url, output_dir=folder, max_creates=2) as runway:
        with pytest.raises(errors.TLSError, match=told) as caught:
            await runway.submit(yawn())
        with pytest.raises(errors.TLSError):
            async for handle in runway.map(yawn(number) for number in range(40)):
                handles.append(handle)
    assert "127.0.0.1" in str(caught.value)
    assert not caught.value.may_have_been_sent
    assert not caught.value.retryable
    assert len(handles) <= 4
    assert loop.time() - began < 1


async def test_a_wait_survives_a_certificate_until_its_deadline(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tls: Tls, authority_file: Path
) -> None:
    """A task that is paid for is polled on, and each failure says why."""
    events: list[Event] = []
    policy = PollPolicy(rule="fixed", first=5, deadline=60)
    async with Emulator() as emulator, TLSServer(tls(), URL(emulator.base_url).port or 0) as server:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the server's own handshake fails, too
        base_url = f"https://127.0.0.1:{server.port}"
        session = Session("sk-1", base_url=base_url, output_dir=tmp_path, poll=policy, on_event=events.append)
        async with session as runway:
            with pytest.raises(errors.TaskTimeoutError):
                await runway.attach("t-1", route="image_to_video")
    failed = [event.error for event in events if event.kind is EventKind.POLL_FAILED]
    assert len(failed) > 5
    assert all(isinstance(error, errors.TLSError) for error in failed)
