"""The emulator's files: whole or in ranges, on an origin that must see no credential."""

import asyncio
from typing import Any

import aiohttp
import pytest

from cometrunway.emulator import Fault
from tests.emulator.test_server import Caller, running


async def finished(caller: Caller, route: str = "image_to_video", **changes: object) -> str:
    """Create a task, wait for its end, and return the URL of its output."""
    task_id = await caller.create(route, **changes)
    await asyncio.sleep(10)
    return str((await caller.poll(task_id))["output"][0])


async def fetch(caller: Caller, url: str, method: str = "GET", **headers: str) -> tuple[int, bytes, Any]:
    """Download; returns status, body and headers."""
    async with caller.http.request(method, url, headers=headers) as response:
        return response.status, await response.read(), response.headers


async def drain(response: aiohttp.ClientResponse, into: bytearray) -> None:
    """Read what comes until it ends or breaks."""
    async for chunk in response.content.iter_any():
        into += chunk


async def test_every_task_has_a_file_of_its_own() -> None:
    """Two tasks never make the same bytes, and one task always does."""
    async with running() as caller:
        first, second = await finished(caller), await finished(caller)
        contents = [(await fetch(caller, url))[1] for url in (first, second, first)]
        assert contents[0] != contents[1]
        assert contents[0] == contents[2]


async def test_a_broken_download_can_be_resumed() -> None:
    """After a cut, a range with the entity tag brings exactly the rest."""
    async with running() as caller:
        url = await finished(caller)
        caller.emulator.script("asset", Fault.cut(0.4))
        begun = bytearray()
        async with caller.http.get(url) as response:
            etag = response.headers["ETag"]
            with pytest.raises(aiohttp.ClientPayloadError):
                await drain(response, begun)
        status, rest, headers = await fetch(caller, url, Range=f"bytes={len(begun)}-", **{"If-Range": etag})
        _, whole, _ = await fetch(caller, url)
        assert (status, bytes(begun) + rest) == (206, whole)
        assert headers["Content-Range"] == f"bytes {len(begun)}-{len(whole) - 1}/{len(whole)}"


@pytest.mark.parametrize(
    ("sent", "status", "part"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=100-", 206, slice(100, None)),
        ("bytes=-7", 206, slice(-7, None)),
        ("bytes=5-99999999", 206, slice(5, None)),
        ("bytes=0-1,4-5", 200, slice(None)),
        ("lines=0-1", 200, slice(None)),
        ("bytes=-", 416, None),
        ("bytes=99999999-", 416, None),
    ],
)
async def test_ranges(sent: str, status: int, part: slice | None) -> None:
    """One range is served; several, or another unit, bring the whole; an impossible one is 416."""
    async with running() as caller:
        url = await finished(caller)
        _, whole, _ = await fetch(caller, url)
        answered, content, headers = await fetch(caller, url, Range=sent)
        assert answered == status
        assert headers["Content-Range"] == f"bytes */{len(whole)}" if part is None else content == whole[part]


@pytest.mark.parametrize(("validator", "status"), [("ETag", 206), ("Last-Modified", 206), ("other", 200)])
async def test_if_range(validator: str, status: int) -> None:
    """A range is served only if the file is still the one that the client began with."""
    async with running() as caller:
        url = await finished(caller)
        _, _, headers = await fetch(caller, url, "HEAD")
        condition = headers.get(validator, 'W/"other"')
        assert (await fetch(caller, url, Range="bytes=1-", **{"If-Range": condition}))[0] == status


async def test_head_has_the_length_without_the_body() -> None:
    """HEAD answers as GET does, but for the body."""
    async with running() as caller:
        url = await finished(caller)
        _, whole, _ = await fetch(caller, url)
        status, content, headers = await fetch(caller, url, "HEAD")
        assert (status, content, int(headers["Content-Length"])) == (200, b"", len(whole))


@pytest.mark.parametrize(("fault", "told"), [(Fault.short(0.5), True), (Fault.unframed(0.5), False)])
async def test_truncation_that_raises_no_error(fault: Fault, *, told: bool) -> None:
    """A body can be short although its length says otherwise, or without any length."""
    async with running() as caller:
        url = await finished(caller)
        _, whole, _ = await fetch(caller, url)
        caller.emulator.script("asset", fault)
        status, content, headers = await fetch(caller, url)
        assert (status, content) == (200, whole[: len(whole) // 2])
        assert ("Content-Length" in headers) is told


async def test_unfinished_tasks_have_no_files() -> None:
    """Before the end, and for whatever was not made, there is nothing to fetch."""
    async with running() as caller:
        task_id = await caller.create()
        for name in (f"{task_id}/output.mp4", f"{task_id}/output.png", "", "x"):
            assert (await fetch(caller, f"{caller.emulator.asset_url}/{name}"))[0] == 404


@pytest.mark.parametrize(
    ("headers", "query", "where"),
    [
        ({"Authorization": "Bearer x"}, "", "header authorization"),
        ({"X-Api-Key": "x"}, "", "header x-api-key"),
        ({"Cookie": "a=b"}, "", "header cookie"),
        ({"Proxy-Authorization": "x"}, "", "header proxy-authorization"),
        ({"X-Note": "the key is sk-emulator"}, "", "header x-note"),
        ({}, "?key=sk-emulator", "url"),
    ],
)
async def test_leaked_credentials_are_recorded(headers: dict[str, str], query: str, where: str) -> None:
    """Any credential that reaches the asset origin is in the books, even when the request fails, but not its value."""
    async with running() as caller:
        caller.emulator.script("asset", Fault.answer(404))
        await fetch(caller, f"{caller.emulator.asset_url}/x{query}", **headers)
        [leak] = caller.emulator.leaked_credentials
        assert (leak.where, leak.path) == (where, "/x")


async def test_a_clean_download_leaks_nothing() -> None:
    """A download by URL alone leaves no leak, and its log entry has no signature."""
    async with running() as caller:
        url = await finished(caller)
        await fetch(caller, url)
        assert not caller.emulator.leaked_credentials
        [entry] = caller.emulator.requests_of("asset")
        assert "_jwt" not in repr(entry)
