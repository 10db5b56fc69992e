"""One time limit for many tasks: each is ended on time, and no cancellation from elsewhere is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from yarl import URL

from cometrunway import Session
from cometrunway._transport._aiohttp import Transport
from cometrunway._transport._api_key import ApiKey
from cometrunway._transport._connections import Connections
from cometrunway._transport._time_limit import TimeLimit
from cometrunway._wire._http import HttpRequest
from cometrunway.errors import TransportError


def now() -> float:
    """Return the loop's time, in seconds."""
    return asyncio.get_running_loop().time()


async def held(limit: TimeLimit, seconds: float) -> float:
    """Stay inside for so long; return when the limit ended that, or raise what else did."""
    try:
        with limit:
            await asyncio.sleep(seconds)
    except TimeoutError:
        return now()
    return -1.0


async def test_each_task_has_its_own_thirty_seconds() -> None:
    """A task that is inside too long is ended exactly on time, whenever it entered; one that leaves in time is not."""
    limit, began, tasks = TimeLimit(30), now(), []
    for seconds in (100, 29, 100, 100, 30.5):
        tasks.append(asyncio.create_task(held(limit, seconds)))
        await asyncio.sleep(7)
    ended = [when - began if when >= 0 else None for when in await asyncio.gather(*tasks)]
    assert ended == [30, None, 44, 51, 58]


async def test_a_task_may_enter_again() -> None:
    """What was ended once has its whole time again."""
    limit, began = TimeLimit(30), now()
    assert await held(limit, 29) < 0
    assert await held(limit, 100) == began + 59
    assert await held(limit, 29) < 0
    assert await held(limit, 100) == began + 118
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_who_is_cancelled_inside_is_cancelled() -> None:
    """A cancellation from elsewhere is passed on as one."""
    task = asyncio.create_task(held(TimeLimit(30), 100))
    await asyncio.sleep(10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("is_first", [True, False])
async def test_a_cancellation_at_the_same_moment_is_obeyed(is_first: bool) -> None:
    """A task that is cancelled at the moment when its time ends is cancelled."""
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(held(TimeLimit(30), 100))
    if is_first:
        loop.call_later(30, task.cancel)
    await asyncio.sleep(0)
    if not is_first:
        loop.call_later(30, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_was_asked_to_stop_before_has_a_limit_too() -> None:
    """What cleans up after a cancellation is ended on time, and the cancellation remains."""
    limit = TimeLimit(30)

    async def cleaning() -> tuple[float, int]:
        task = asyncio.current_task()
        assert task is not None
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            return await held(limit, 100), task.cancelling()
        raise AssertionError

    task, began = asyncio.create_task(cleaning()), now()
    await asyncio.sleep(5)
    task.cancel()
    assert await task == (began + 35, 1)


async def test_another_error_in_the_last_moment_is_raised() -> None:
    """What fails while its time is up raises its own error, and is left with no wish to stop."""
    limit = TimeLimit(30)
    with pytest.raises(KeyError):
        with limit:
            try:
                await asyncio.sleep(100)
            except asyncio.CancelledError:
                raise KeyError from None
    await asyncio.sleep(1)


async def test_no_timer_stays_after_a_stop() -> None:
    """A limit that is stopped keeps no timer, and works again afterwards."""
    loop = asyncio.get_running_loop()
    limit = TimeLimit(30)
    limit.stop()
    await held(limit, 1)
    limit.stop()
    assert not [handle for handle in loop._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]  # there is no public way
    assert await held(limit, 100) == now()


async def test_who_is_inside_when_it_is_stopped_has_a_limit_too() -> None:
    """Stopping a limit does not free the tasks that are inside it."""
    limit, began = TimeLimit(30), now()
    task = asyncio.create_task(held(limit, 100))
    await asyncio.sleep(1)
    limit.stop()
    assert await asyncio.wait_for(task, 60) == began + 30


@asynccontextmanager
async def halting() -> AsyncIterator[tuple[str, list[asyncio.StreamWriter]]]:
    """Serve answers that halt half way; yield the base URL and the connections so far."""
    connections = []

    async def halt(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"status":')
        await writer.drain()
        await reader.read()

    async with await asyncio.start_server(halt, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", connections
        for writer in connections:
            writer.close()


async def test_an_answer_that_halts_half_way_is_given_up() -> None:
    """A poll whose body stops coming has failed after thirty seconds, and its connection is not used again."""
    async with (
        halting() as (base_url, connections),
        Transport(
            base=URL(base_url),
            api_key=ApiKey("sk-1", check=str),
            version="2024-11-06",
            http=None,
            connections=Connections(),
        ) as transport,
    ):
        for number in (1, 2):
            began = now()
            with pytest.raises(TransportError, match="no answer in time"):
                await transport.call(HttpRequest(method="GET", path="/tasks/1"))
            assert now() == began + 30
            assert len(connections) == number


@pytest.mark.parametrize("is_borrowed", [True, False])
async def test_a_poll_under_way_when_its_session_is_left_is_given_up(is_borrowed: bool) -> None:
    """A `retrieve` whose answer halts ends, also if its session is left meanwhile, with own or borrowed connections."""
    async with halting() as (base_url, _), aiohttp.ClientSession() as http:
        async with Session("sk-1", base_url=base_url, output_dir=None, http=http if is_borrowed else None) as runway:
            looking = asyncio.create_task(runway.retrieve("t"))
            await asyncio.sleep(1)
        with pytest.raises((TransportError, RuntimeError)):
            await asyncio.wait_for(looking, 600)
