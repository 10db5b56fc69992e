"""Answers as gateways send them: what they cost a create, and what they cost a poll."""

import gzip

import aiohttp
import pytest

from cometrunway import PollPolicy, Session, TaskTimeoutError
from tests.raw import KEY, Answer, RawRequest, http, raw_server
from tests.samples import yawn

URL = "https://x.example/a.mp4"
COOKIES = [f"Set-Cookie: visit-{number}={number}; Path=/" for number in range(900)]
ODD = {
    "a large header": ["Content-Security-Policy: " + "default-src https://example.com; " * 1_900],
    "many headers": COOKIES,
    "gzip that is none": ["Content-Encoding: gzip"],
    "deflate that is none": ["Content-Encoding: deflate"],
    "br that is none": ["Content-Encoding: br"],
    "zstd that is none": ["Content-Encoding: zstd"],
    "no encoding at all": ["Content-Encoding: nonsense"],
}


@pytest.mark.parametrize("headers", ODD.values(), ids=ODD)
@pytest.mark.parametrize("is_borrowed", [False, True], ids=["own", "borrowed"])
async def test_an_accepted_create_is_read_as_accepted(headers: list[str], is_borrowed: bool) -> None:
    """And its polls are read: large and many headers, and encodings that are stated and not applied."""

    def answer(request: RawRequest) -> bytes:
        if request.method == "POST":
            return http({"id": "task-1"}, 200, *headers)
        return http({"id": "task-1", "status": "SUCCEEDED", "output": ["https://x.example/a.mp4"]}, 200, *headers)

    async with raw_server(answer) as server, aiohttp.ClientSession() as client:
        borrowed = client if is_borrowed else None
        async with Session(KEY, base_url=server.base_url, output_dir=None, http=borrowed) as runway:
            await (await runway.submit(yawn()))
    assert [request.method for request in server.requests] == ["POST", "GET"]
    assert "accept-encoding: identity" in server.requests[0].head.lower()


async def test_an_answer_is_decompressed_unasked() -> None:
    """A gateway that compresses all the same is understood."""

    def answer(request: RawRequest) -> bytes:
        body = b'{"id": "task-1", "status": "SUCCEEDED", "output": ["https://x.example/a.mp4"]}'
        return http(gzip.compress(body), 200, "Content-Encoding: gzip")

    async with raw_server(answer) as server:
        async with Session(KEY, base_url=server.base_url, output_dir=None) as runway:
            await (await runway.submit(yawn()))
    assert len(server.requests) == 2


def heavy(megabytes: int) -> Answer:
    """Return what answers polls with so many megabytes beside a good URL."""
    answer = {"id": "task-1", "status": "SUCCEEDED", "thumbnail": "A" * (megabytes << 20), "output": [URL]}

    def respond(request: RawRequest) -> bytes:
        return http({"id": "task-1"} if request.method == "POST" else answer)

    return respond


@pytest.mark.parametrize("megabytes", [2, 20])
async def test_a_large_answer_to_a_poll_is_read(megabytes: int) -> None:
    """With an inline thumbnail, or the whole request, beside the URL."""
    async with raw_server(heavy(megabytes)) as server:
        async with Session(KEY, base_url=server.base_url, output_dir=None) as runway:
            [asset] = await (await runway.submit(yawn()))
    assert asset.url == URL


async def test_an_answer_beyond_the_limit_is_named_at_the_deadline() -> None:
    """The limit is an option, and the last poll's trouble stands in the deadline's error."""
    policy = PollPolicy(answer_limit=1024 * 1024, deadline=60)
    async with raw_server(heavy(2)) as server:
        async with Session(KEY, base_url=server.base_url, output_dir=None, poll=policy) as runway:
            handle = await runway.submit(yawn())
            with pytest.raises(TaskTimeoutError, match="larger than 1048576 bytes"):
                await handle


async def test_a_bomb_is_refused() -> None:
    """What grows beyond the limit when it is decompressed is no answer."""
    bomb = gzip.compress(b" " * (70 << 20))

    def respond(request: RawRequest) -> bytes:
        return http({"id": "task-1"}) if request.method == "POST" else http(bomb, 200, "Content-Encoding: gzip")

    async with raw_server(respond) as server:
        async with Session(KEY, base_url=server.base_url, output_dir=None, poll=PollPolicy(deadline=20)) as runway:
            handle = await runway.submit(yawn())
            with pytest.raises(TaskTimeoutError, match="larger than"):
                await handle
