"""The receiver in a web application: what it answers, and that its answers tell nothing."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from cometrunway._callbacks._receiver import CallbackReceiver
from tests.callbacks.served import PATH, by_aiohttp, by_asgi, receiver, taker

served = pytest.mark.parametrize("serve", [by_aiohttp, by_asgi])


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
