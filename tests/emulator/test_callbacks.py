"""The emulator's callbacks: posted at the right time, in the right form, and only to this machine."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from cometrunway.emulator._callbacks import is_loopback
from tests.emulator.test_server import members, payload, running


@asynccontextmanager
async def receiver(status: int = 200) -> AsyncIterator[tuple[str, list[Any]]]:
    """Listen for callbacks; yields the URL and what came."""
    came: list[Any] = []

    async def take(request: web.BaseRequest) -> web.Response:
        came.append(await request.json())
        return web.Response(status=status)

    runner = web.ServerRunner(web.Server(take))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook", came
    finally:
        await runner.cleanup()


async def test_a_task_that_never_ends_is_never_posted() -> None:
    """Also where a whole emulator is made so that none ends; its task waits, and says so."""
    async with receiver() as (url, came), running(duration=math.inf) as caller:
        task_id = await caller.create("generate", callback_url=url)
        await asyncio.sleep(1000)
        assert came == []
        assert math.isinf(caller.emulator.tasks[task_id].completed_at)


async def test_the_end_is_posted() -> None:
    """When the task ends its callback URL gets the bare object of the documentation, once."""
    async with receiver() as (url, came), running(dialect="duomi") as caller:
        task_id = await caller.create("generate", callback_url=url)
        await asyncio.sleep(9)
        assert came == []
        await asyncio.sleep(2)
        [body] = came
        assert members(body) == members(payload("callback.succeeded.request"))
        assert (body["task_id"], body["status"]) == (task_id, "3")
        assert [(posted.task_id, posted.status) for posted in caller.emulator.callbacks] == [(task_id, 200)]


async def test_other_dialects_post_what_their_feed_says() -> None:
    """The wrapper is posted as the feed would answer it."""
    async with receiver() as (url, came), running(dialect="wrapped") as caller:
        task_id = await caller.create("act_one", callback_url=url)
        await asyncio.sleep(11)
        assert members(came[0]) == members(await caller.feed(task_id))


async def test_every_change_can_be_posted() -> None:
    """With `every`, the change to running is posted too, in order."""
    async with receiver() as (url, came), running(callbacks="every", dialect="wrapped") as caller:
        await caller.create("video2video", callback_url=url, prompt="[fail INTERNAL]")
        await asyncio.sleep(11)
        assert [body["data"]["status"] for body in came] == ["NOT_START", "IN_PROGRESS", "FAILURE"]


async def test_callbacks_can_be_switched_off() -> None:
    """With `none`, no URL is called."""
    async with receiver() as (url, came), running(callbacks="none") as caller:
        await caller.create("generate", callback_url=url)
        await asyncio.sleep(11)
        assert (came, len(caller.emulator.callbacks)) == ([], 0)


async def test_a_callback_that_fails_is_booked() -> None:
    """A receiver that refuses or is not there harms nothing."""
    async with receiver(status=500) as (url, _), running() as caller:
        await caller.create("generate", callback_url=url)
        await caller.create("generate", callback_url="http://127.0.0.1:1/nobody")
        await asyncio.sleep(11)
        absent, refused = sorted(caller.emulator.callbacks, key=lambda posted: posted.status is not None)
        assert (refused.status, refused.error) == (500, None)
        assert absent.status is None
        assert absent.error is not None


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("http://127.0.0.1:8000/hook", True),
        ("http://[::1]/hook", True),
        ("http://localhost/hook", True),
        ("https://example.com/webhook", False),
        ("http://10.0.0.1/", False),
        ("http://127.0.0.1.example.com/", False),
        ("http://[", False),
    ],
)
def test_only_this_machine_is_called(url: str, *, ours: bool) -> None:
    """A callback URL elsewhere, such as the placeholder of the documentation, is never contacted."""
    assert is_loopback(url) is ours


async def test_leaving_the_block_abandons_callbacks() -> None:
    """The end of the emulator does not wait for callbacks that are due later."""
    async with receiver() as (url, came):
        async with running() as caller:
            await caller.create("generate", callback_url=url)
        await asyncio.sleep(20)
        assert came == []
