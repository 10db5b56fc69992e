"""A server that means harm: every call ends with an error of ours, in time, in little memory, and harms no other."""

import asyncio
import gzip
import json
import tracemalloc
from collections.abc import Awaitable, Callable
from contextlib import suppress

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cometrunway import CometRunwayError, PollPolicy, RetryPolicy, Session, TaskTimeoutError
from cometrunway.emulator import VirtualLoop
from tests.raw import KEY, RawRequest, accepting, http, listening, raw_server, read_request
from tests.samples import yawn

Attack = Callable[[asyncio.StreamWriter], Awaitable[None]]
LIMIT = 8 * 2**20
"""Bytes that an attack may cost; for headers, of which aiohttp limits number and length apart, see `HEADERS_LIMIT`."""
HEADERS_LIMIT = 24 * 2**20
"""Bytes that a thousand headers of eight thousand bytes may cost."""
LONGEST = 200.0
"""Seconds that a create may take: its own limit is 180."""
ONCE = RetryPolicy(attempts=1)
SOON = PollPolicy(deadline=30.0, answer_limit=2**20)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BOMB = gzip.compress(bytes(64 * 2**20))


def sends(content: bytes) -> Attack:
    """Return an attack that sends these bytes, and then nothing, with the connection left open."""

    async def attack(writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()
        while not writer.is_closing():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(1.0)

    return attack


def answers(content: bytes) -> Attack:
    """Return an attack that is a whole answer: the connection may be used again."""

    async def attack(writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()

    return attack


def repeats(beginning: bytes, content: bytes, *, pause: float = 0.0) -> Attack:
    """Return an attack that sends some bytes again and again, as long as anyone reads."""

    async def attack(writer: asyncio.StreamWriter) -> None:
        writer.write(beginning)
        while not writer.is_closing():
            writer.write(content)
            await writer.drain()
            await asyncio.sleep(pause)

    return attack


ATTACKS = {
    "nothing": sends(b""),
    "no HTTP": sends(b"hello\r\n\r\n"),
    "HTTP/0.9": sends(b"<html>hello</html>"),
    "a status beyond all numbers": sends(b"HTTP/1.1 99999999999999999999 OK\r\n\r\n"),
    "a gigabyte announced": sends(HEAD + b"Content-Length: 1000000000000\r\n\r\n{"),
    "a negative length": sends(HEAD + b"Content-Length: -1\r\n\r\n{}"),
    "two lengths": sends(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "an invalid chunk": sends(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
    "a chunk of 2**64 bytes": sends(HEAD + b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n{"),
    "deep JSON": answers(http(b"[" * 900_000)),
    "a number without end": answers(http(b'{"id": ' + b"9" * 900_000 + b"}")),
    "a lone surrogate": answers(http(b'{"id": "\\ud800"}')),
    "a bomb": answers(http(BOMB, 200, "Content-Encoding: gzip")),
    "a redirect to itself": answers(http(b"", 302, "Location: /runwayml/v1/image_to_video")),
    "an endless body": repeats(HEAD + b"Content-Length: 1000000000000\r\n\r\n", b" " * 65536),
    "endless chunks": repeats(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b" " * 65536 + b"\r\n"),
    "endless headers": repeats(HEAD, b"X-Flood: " + b"x" * 8000 + b"\r\n"),
    "endless informational answers": repeats(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100, pause=1.0),
    "a header byte by byte": repeats(HEAD, b"x", pause=10.0),
    "a body byte by byte": repeats(HEAD + b"Content-Length: 1000000\r\n\r\n", b" ", pause=10.0),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_an_attack_does_not_affect_other_calls(attack: Attack, method: str) -> None:
    """A create and a poll that are attacked end in time with an error of ours; a task beside them succeeds."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await read_request(reader)
            is_victim = b"victim" in request.body if request.method == "POST" else "victim" in request.path
            if request.method == method and is_victim:
                await attack(writer)
                continue
            number = "victim" if is_victim else "other"
            writer.write(http({"id": number}) if request.method == "POST" else accepting(request))

    loop = asyncio.get_running_loop()
    async with listening(serve) as port:
        tracemalloc.start()
        try:
            session = Session(KEY, base_url=f"http://127.0.0.1:{port}", output_dir=None, retry=ONCE, poll=SOON)
            async with session as runway:
                victim = asyncio.ensure_future(attempt(runway, yawn(1, "victim")))
                other = await runway.submit(yawn(2))
                assert len(await other) == 1
                before = loop.time()
                error = await victim
                assert isinstance(error, CometRunwayError)
                assert loop.time() - before < LONGEST + (SOON.deadline or 0.0)
                if method == "GET":
                    assert isinstance(error, TaskTimeoutError)
            limit = HEADERS_LIMIT if attack is ATTACKS["endless headers"] else LIMIT
            assert tracemalloc.get_traced_memory()[1] < limit
        finally:
            tracemalloc.stop()


async def test_two_large_answers_are_read_at_once() -> None:
    """Others wait, so that many large answers take no more memory than two."""
    at_once = most = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal at_once, most
        while True:
            request = await read_request(reader)
            if request.method == "POST":
                writer.write(http({"id": f"task-{json.loads(request.body)['seed']}"}))
                continue
            writer.write(HEAD + b"Content-Length: 60000000\r\n\r\n" + bytes(24 * 2**20))  # more than systems buffer
            await writer.drain()
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(1.0)
            at_once -= 1
            writer.close()

    async with listening(serve) as port:
        session = Session(KEY, base_url=f"http://127.0.0.1:{port}", output_dir=None, poll=PollPolicy(deadline=9.0))
        async with session as runway:
            handles = [await runway.submit(attrs.evolve(yawn(), seed=number)) for number in range(8)]
            await asyncio.gather(*handles, return_exceptions=True)
    assert most == 2


async def attempt(runway: Session, request: object) -> BaseException | None:
    """Return the error that a submission ends with."""
    try:
        await (await runway.submit(request))  # type: ignore[arg-type]  # a request
    except BaseException as error:  # noqa: BLE001 - which class it has is the question
        return error
    return None


HEADERS = st.sampled_from(
    [
        b"Content-Length: 5",
        b"Content-Length: +5",
        b"Content-Length: 5,5",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Content-Encoding: gzip",
        b"Content-Type: text/html; charset=\xff",
        b"Connection: close",
        b"Connection: upgrade\r\nUpgrade: websocket",
        b"Retry-After: -1",
        b"Retry-After: 1e999",
        b"Location: http://[",
        b": no name",
        b"X-\x00: y",
        b" folded",
    ]
)
LINES = st.sampled_from(
    [b"HTTP/1.1 %d OK" % status for status in (200, 201, 204, 302, 307, 400, 401, 403, 404, 407, 429, 500, 502, 503)]
    + [b"HTTP/1.0 200", b"HTTP/2.0 200 OK", b"HTTP/1.1 2000 OK", b"ICY 200 OK", b"HTTP/1.1 101 Switching Protocols"]
)
BODIES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"{}", b"null", b'{"id": 7}', b'{"id": null}', b'{"id": "../x"}', b"5\r\nhello\r\n0\r\n\r\n"]),
)
ANSWERS = st.builds(
    lambda line, headers, body: b"\r\n".join([line, *headers, b"", body]),
    LINES,
    st.lists(HEADERS, max_size=3),
    BODIES,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(ANSWERS, st.binary(max_size=60)), min_size=1, max_size=8))
def test_any_bytes_are_an_id_or_an_error_of_ours(answers: list[bytes]) -> None:
    """Whatever bytes answer creates, only errors of ours come of them, and each create was sent once."""
    waiting = list(answers)

    def answer(request: RawRequest) -> bytes:
        return waiting.pop() if waiting and request.method == "POST" else accepting(request)

    async def run() -> int:
        async with raw_server(answer) as server:
            session = Session(KEY, base_url=server.base_url, output_dir=None, retry=ONCE, poll=SOON, max_creates=1)
            async with session as runway:
                for number in range(len(answers)):
                    with suppress(CometRunwayError):
                        await (await runway.submit(yawn(number)))
            return len(server.creates)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(run()) >= len(answers)
