"""Hosts that send, but hardly anything."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from cometrunway import DownloadError, PollPolicy, RetryPolicy
from cometrunway.emulator import Emulator, Fault
from cometrunway.errors import TaskTimeoutError
from tests.delivery.conftest import Download
from tests.hosts import Script, Write, answer, clip, host
from tests.samples import yawn

CLIP = clip(200_000)


def trickle(rate: Callable[[float], int], headers: Mapping[str, str] | None = None) -> Script:
    """Return a script that sends a clip, second by second as fast as `rate` says, from where it is asked to."""

    async def script(write: Write, request: Mapping[str, str]) -> None:
        start = int(request.get("range", "bytes=0-")[6:-1])
        place = {"Content-Range": f"bytes {start}-{len(CLIP) - 1}/{len(CLIP)}"} if start else {}
        whole = answer(CLIP[start:], {**place, **(headers or {})}, status=206 if start else 200)
        head, position = whole.index(b"\r\n\r\n") + 4, 0
        await write(whole[:head])
        for second in range(1_000_000):
            step = rate(second)
            await write(whole[head + position : head + position + step])
            position += step
            if head + position >= len(whole):
                break
            await asyncio.sleep(1)

    return script


async def test_a_trickle_ends(download: Download) -> None:
    """16 bytes a second for ever: below the floor for a minute, the download is broken off, and so are its retries."""
    begun = asyncio.get_running_loop().time()
    async with host(trickle(lambda _: 16)) as served:
        with pytest.raises(DownloadError, match=r"\d+ bytes in 6\d s: fewer than 1024 a second"):
            await download(served.url, attempts=3)
    assert len(served.requests) == 3
    assert 180 < asyncio.get_running_loop().time() - begun < 200


@pytest.mark.parametrize("slowest", [2_000, 0])
async def test_the_floor_is_an_option(download: Download, slowest: int) -> None:
    """What comes as fast as that comes whole; 0 is no floor."""
    async with host(trickle(lambda _: slowest + 100)) as served:
        assert (await download(served.url, slowest=slowest)).size == len(CLIP)
    assert len(served.requests) == 1


async def test_a_pause_is_no_trickle(download: Download) -> None:
    """Only the mean of a minute counts."""
    async with host(trickle(lambda second: 60_000 if second % 50 == 0 else 0)) as served:
        assert (await download(served.url)).size == len(CLIP)
    assert len(served.requests) == 1


async def test_another_connection_goes_on(download: Download) -> None:
    """What a slow one brought is kept: the next one asks for the rest."""
    etag = {"ETag": '"v1"'}
    slow, fast = trickle(lambda second: 5_000 if second < 5 else 1, etag), trickle(lambda _: 100_000, etag)
    async with host(slow, slow, fast) as served:
        assert (await download(served.url, slowest=1000)).size == len(CLIP)
    starts = [int(request.get("range", "bytes=0-")[6:-1]) for request in served.requests]
    assert starts == [0, pytest.approx(25_060, abs=10), pytest.approx(50_115, abs=20)]


@pytest.mark.parametrize("finds_end", ["early", "with the deadline"])
async def test_the_deadline_holds_for_downloads(session: Any, finds_end: str) -> None:
    """Then it is a TaskTimeoutError, and the task can be taken up again: here, from a host that has become faster."""
    async with Emulator(duration=8, not_exist_seconds=0) as emulator, host(trickle(lambda _: 1_100)) as served:
        early = finds_end == "early"
        policy = PollPolicy(rule="fixed", first=8 if early else 100, ceiling=100, deadline=100)
        async with session(emulator, poll=policy) as runway:
            handle = await runway.submit(yawn())
            body = {"id": handle.id, "status": "SUCCEEDED", "output": [served.url]}
            emulator.script("poll", *[Fault.answer(200, body)] * 2)
            with pytest.raises(TaskTimeoutError, match="still not on disk after 100") as caught:
                await handle
            now = asyncio.get_running_loop().time()
            assert 99 <= now <= 102 if early else 109 <= now <= 112
            assert [owed.id for owed in runway.owed] == [handle.id]
            served.answers[:] = [answer(CLIP)]
            [asset] = await runway.attach(caught.value.token)
    assert asset.size == len(CLIP)


async def test_without_a_deadline_a_slow_host_may_take_its_time(session: Any) -> None:
    """`None` is none for downloads either."""
    async with Emulator(not_exist_seconds=0) as emulator, host(trickle(lambda _: 10)) as served:
        options = {"poll": PollPolicy(deadline=None), "retry": RetryPolicy(slowest=0)}
        async with session(emulator, **options) as runway:
            handle = await runway.submit(yawn())
            body = {"id": handle.id, "status": "SUCCEEDED", "output": [served.url]}
            emulator.script("poll", Fault.answer(200, body))
            [asset] = await handle
    assert asset.size == len(CLIP)
    assert asyncio.get_running_loop().time() > 20_000
