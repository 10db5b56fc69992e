"""The receiver in a web application: what it answers, and that its answers tell nothing."""

import asyncio
import gzip
import logging
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from cometrunway._callbacks._receiver import CallbackReceiver

Post = Callable[..., Awaitable[tuple[int, dict[str, str], bytes]]]
"""Sends a request to a path below the receiver's and returns status, headers and body."""
PATH = "aaaaBBBBccccDDDDeeeeFFFFggggHHHHiiiiJJJJ"


@asynccontextmanager
async def by_aiohttp(receiver: CallbackReceiver) -> AsyncIterator[Post]:
    """Serve it as a part of an application of aiohttp.web, over real sockets."""
    app = web.Application()
    app.add_subapp("/hooks", receiver.aiohttp_app())
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks/"
        async with aiohttp.ClientSession() as client:

            async def post(path: str, body: Any = b"", **options: Any) -> tuple[int, dict[str, str], bytes]:
                method = options.pop("method", "POST")
                async with client.request(method, url + path, data=body, **options) as answer:
                    headers = {name.lower(): value for name, value in answer.headers.items()}
                    return answer.status, headers, await answer.read()

            yield post
    finally:
        await runner.cleanup()


@asynccontextmanager
async def by_asgi(receiver: CallbackReceiver) -> AsyncIterator[Post]:
    """Call it as an ASGI server does that has it mounted."""

    async def post(path: str, body: Any = b"", **options: Any) -> tuple[int, dict[str, str], bytes]:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            if isinstance(body, bytes):
                return {"type": "http.request", "body": body}
            chunk = await anext(body, None)
            return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": options.get("method", "POST"), "path": f"/hooks/{path}", "headers": []}
        await receiver.asgi(scope, receive, send)
        start, *bodies = sent
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        return start["status"], headers, b"".join(message["body"] for message in bodies)

    yield post


def taker(came: list[tuple[str, bytes]]) -> Callable[[str, bytes], bool]:
    """Return what a session does with posts, which keeps them."""

    def take(path: str, body: bytes) -> bool:
        came.append((path, body))
        return True

    return take


served = pytest.mark.parametrize("serve", [by_aiohttp, by_asgi])


def receiver() -> CallbackReceiver:
    """Return a receiver that is mounted nowhere."""
    return CallbackReceiver("https://me.example/hooks")


@served
async def test_a_post_is_passed_on(serve: Any) -> None:
    """The last part of its path and its body; it is answered with 200 and nothing else."""
    hooks, came = receiver(), list[tuple[str, bytes]]()
    with hooks.serving(taker(came)):
        async with serve(hooks) as post:
            status, headers, body = await post(PATH, b'{"task_id": "t"}')
            assert (status, headers["content-length"], body) == (200, "0", b"")
    assert came == [(PATH, b'{"task_id": "t"}')]


@served
async def test_only_the_form_of_a_request_can_be_refused(serve: Any) -> None:
    """Another method, a body that is too large, one that takes too long: whatever the path."""

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(60)
        yield b"}"

    hooks = receiver()
    with hooks.serving(lambda _path, _body: True):
        async with serve(hooks) as post:
            for path in (PATH, "x"):
                for method in ("GET", "PUT", "DELETE"):
                    status, headers, _ = await post(path, method=method)
                    assert (status, headers["allow"]) == (405, "POST")
                assert (await post(path, bytes(65_537)))[0] == 413
                assert (await post(path, bytes(65_536)))[0] == 200
                assert (await post(path, slowly()))[0] == 408


@served
async def test_what_is_dropped_is_asked_for_again(serve: Any) -> None:
    """A session that has too many posts to look at says so."""
    hooks = receiver()
    with hooks.serving(lambda _path, _body: False):
        async with serve(hooks) as post:
            assert (await post(PATH))[0] == 503


@served
async def test_without_a_session_the_gateway_is_asked_to_try_again(serve: Any) -> None:
    """Before a session is open, and after, no post is taken for delivered."""
    hooks = receiver()
    async with serve(hooks) as post:
        assert (await post(PATH))[0] == 503
        with hooks.serving(lambda _path, _body: True):
            assert (await post(PATH))[0] == 200
        assert (await post(PATH))[0] == 503


@served
async def test_posts_that_are_read_at_once_are_bounded(serve: Any) -> None:
    """Who opens many and sends nothing takes no more than 256 places, for ten seconds."""

    async def never() -> AsyncIterator[bytes]:
        await asyncio.sleep(3600)
        yield b""

    hooks = receiver()
    with hooks.serving(lambda _path, _body: True):
        async with serve(hooks) as post:
            hanging = [asyncio.ensure_future(post(PATH, never())) for _ in range(256)]
            await asyncio.sleep(5)
            status, _, _ = await post(PATH) if serve is by_asgi else (503, {}, b"")
            assert status == 503
            await asyncio.sleep(10)
            assert (await post(PATH))[0] == 200
            for each in hanging:
                each.cancel()
            await asyncio.gather(*hanging, return_exceptions=True)


async def test_an_encoded_body_is_no_bomb() -> None:
    """A kilobyte that unpacks to 256 megabytes is refused after 64 kilobytes; nonsense in an encoding as well."""
    hooks = receiver()
    bomb = gzip.compress(gzip.compress(bytes(256 * 1024**2)))
    bomb = gzip.decompress(bomb)[:200_000]
    with hooks.serving(lambda _path, _body: True):
        async with by_aiohttp(hooks) as post:
            tracemalloc.start()
            status, _, _ = await post(PATH, bomb, headers={"Content-Encoding": "gzip"})
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert status == 413
            assert peak < 8 * 1024**2
            assert (await post(PATH, b"no gzip", headers={"Content-Encoding": "gzip"}))[0] == 400
            assert (await post(PATH))[0] == 200


async def test_a_sender_that_goes_away_is_not_answered() -> None:
    """A body that was cut is not looked at."""
    hooks, came, sent = receiver(), list[tuple[str, bytes]](), []
    part: dict[str, Any] = {"type": "http.request", "body": b'{"task', "more_body": True}
    messages = iter([part, {"type": "http.disconnect"}])

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    with hooks.serving(taker(came)):
        await hooks.asgi({"type": "http", "method": "POST", "path": "/x", "headers": []}, receive, send)
    assert (came, sent) == ([], [])


async def test_it_follows_the_life_of_an_asgi_server() -> None:
    """Served alone, it starts and stops with the server; a websocket is refused."""
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}, {"type": "websocket.connect"}])
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await receiver().asgi({"type": "lifespan"}, receive, send)
    await receiver().asgi({"type": "websocket", "path": "/hooks/x"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete", "websocket.close"]


def test_one_session_uses_it_at_a_time() -> None:
    """A second one would take the posts of the first."""
    hooks = receiver()
    with hooks.serving(lambda _path, _body: True), pytest.raises(RuntimeError, match="another open Session"):
        with hooks.serving(lambda _path, _body: True):
            pass
    with hooks.serving(lambda _path, _body: True):
        pass


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("me.example/hooks", "http:// or https://"),
        ("ftp://me.example", "http:// or https://"),
        ("https://", "with a host"),
        ("https://me.example/hooks?a=1", "no query"),
        ("https://me.example/hooks#a", "no query"),
        ("https://you:word@me.example/hooks", "no query, fragment or user"),
        ("https://:word@me.example/hooks", "no query, fragment or user"),
        ("https://me.example/" + "h" * 512, "at most 512"),
        (None, "http(s) URL"),
    ],
)
def test_a_wrong_public_url_is_refused(url: Any, part: str) -> None:
    """The message says what it must be; a password in it is not shown."""
    with pytest.raises(ValueError, match="public_url") as refused:
        CallbackReceiver(url)
    assert part in str(refused.value)
    assert "word" not in str(refused.value)


def test_callbacks_in_the_clear_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """Unless they never leave this machine."""
    with caplog.at_level(logging.WARNING, "cometrunway"):
        assert CallbackReceiver("http://127.0.0.1:8000/hooks/").public_url == "http://127.0.0.1:8000/hooks"
        assert not caplog.records
        CallbackReceiver("http://me.example/hooks")
        assert "are not encrypted" in caplog.text
