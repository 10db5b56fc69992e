"""What an asset host sends may be somebody's secret: of it only type, length and status are shown."""

import asyncio
import logging
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from cometrunway import DownloadError, Event
from cometrunway._journal._journal import Journal
from cometrunway.emulator import Emulator, Fault
from tests.delivery.conftest import Download
from tests.hosts import Script, Write, answer, host
from tests.samples import yawn

SECRET = "sesame"
WORD = SECRET.encode()


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and all that lie behind it, also those that a traceback leaves out."""
    while error is not None:
        yield error
        yield from chain(error.__cause__)
        error = error.__context__


def said(error: BaseException) -> str:
    """Return all that an error shows anywhere."""
    shown = [f"{one!s} {one!r} {vars(one)!r}" for one in chain(error)]
    return "\n".join([*shown, *traceback.format_exception(error)])


async def broken_chunks(write: Write, _request: object) -> None:
    """Send one chunk, and what is none."""
    await write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n" + WORD + b"\r\n")
    await asyncio.sleep(0)


SENT: dict[str, bytes | Script] = {
    "text": answer(b"<html>" + WORD),
    "JSON": answer(b'{"error": "' + WORD + b'"}'),
    "text whose type is a video's": answer(WORD * 10, {"Content-Type": f"video/mp4; {SECRET}"}),
    "a refusal": answer(WORD, status=403, reason=SECRET),
    "an expired URL": answer(b"Request has expired " + WORD, status=400, reason=SECRET),
    "an error of the host": answer(WORD, {"X-Why": SECRET}, status=500, reason=SECRET),
    "a file that was cut": answer(b"\0\0\0\x18ftypisom\0\0\0\0" + WORD),
    "an encoding": answer(WORD, {"Content-Encoding": SECRET}),
    "damaged gzip": answer(b"\x1f\x8b\x08\0" + WORD * 200, {"Content-Encoding": "gzip"}),
    "a redirect to nowhere": answer(b"", {"Location": f"ftp://{SECRET}/{SECRET}?{SECRET}"}, status=302),
    "a redirect to an impossible host": answer(b"", {"Location": f"http://[{SECRET}]/"}, status=302),
    "a redirect to a dead port": answer(b"", {"Location": f"http://127.0.0.1:1/{SECRET}?{SECRET}"}, status=307),
    "no HTTP": WORD + b" at your service\r\n\r\n",
    "a broken status line": b"HTTP/1.1 abc " + WORD + b"\r\n\r\n",
    "a broken header": b"HTTP/1.1 200 OK\r\n" + WORD + b" x\r\n\r\n",
    "a long header": b"HTTP/1.1 200 OK\r\nX: " + WORD * 200_000 + b"\r\n\r\n",
    "a broken length": b"HTTP/1.1 200 OK\r\nContent-Length: " + WORD + b"\r\n\r\n",
    "broken chunks": broken_chunks,
    "a short body": answer(WORD * 1000, sends=2000),
    "a digest": answer(b"\0\0\0\x08wide\0\0\0\x09mdatd\0\0\0\x08moov", {"Content-MD5": "c2VzYW1lc2VzYW1lc2Vzdw=="}),
    "a 206": answer(WORD, {"Content-Range": f"bytes {SECRET}"}, status=206),
}


@pytest.mark.parametrize("sent", SENT.values(), ids=list(SENT))
async def test_an_error_shows_nothing_of_what_was_sent(
    download: Download, sent: bytes | Script, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in its text, its attributes, the errors behind it, or a log above DEBUG."""
    caplog.set_level(logging.INFO)
    async with host(sent) as served:
        with pytest.raises(DownloadError) as caught:
            await download(served.url, attempts=2, asset_grace=0)
    assert SECRET not in said(caught.value)
    assert "c2VzYW1l" not in said(caught.value)
    assert SECRET not in caplog.text


async def test_the_first_bytes_of_a_text_are_in_the_debug_log(
    download: Download, caplog: pytest.LogCaptureFixture
) -> None:
    """For those who look for them, and without the URL's query."""
    caplog.set_level(logging.DEBUG)
    async with host(answer(b"<html>" + WORD)) as served:
        with pytest.raises(DownloadError, match="12 bytes of text, not an image or a video"):
            await download(f"{served.url}?signature=1234", attempts=1)
    [line] = [record.getMessage() for record in caplog.records if SECRET in record.getMessage()]
    assert "signature" not in line


async def test_neither_does_an_event_or_a_journal(session: Any, tmp_path: Any) -> None:
    """They get what the error says."""
    events: list[Event] = []
    async with Emulator(not_exist_seconds=0) as emulator, host(answer(b"<html>" + WORD)) as served:
        async with session(emulator, journal=tmp_path / "j.db", on_event=events.append) as runway:
            handle = await runway.submit(yawn(), key="cat")
            body = {"id": handle.id, "status": "SUCCEEDED", "output": [served.url]}
            emulator.script("poll", Fault.answer(200, body))
            with pytest.raises(DownloadError):
                await handle
    assert SECRET not in repr(events)
    assert SECRET not in repr(Journal.read(tmp_path / "j.db"))
    assert WORD not in b"".join(path.read_bytes() for path in tmp_path.glob("j.db*"))
