"""Several outputs of one task: all that can be had are, and are known, before what is missing is said."""

import asyncio
import pickle
from pathlib import Path
from typing import Any

import attrs
import pytest

from cometrunway import DownloadError, Event, EventKind, PollPolicy, RetryPolicy, TaskHandle, errors
from cometrunway._journal._entry import State
from cometrunway._journal._journal import Journal
from cometrunway.emulator import Emulator, Fault
from cometrunway.errors import AssetExpiredError, TaskTimeoutError
from tests.hosts import Host, Write, answer, clip, host
from tests.samples import yawn

CLIPS = [clip(1000, seed=number) for number in range(10)]


async def by_path(served: Host, missing: set[int], status: int = 404) -> None:
    """Let a host answer by path: `/N` with the N-th clip, unless that is missing."""

    async def script(write: Write, request: Any) -> None:
        number = int(request["path"][1])
        await write(answer(status=status) if number in missing else answer(CLIPS[number]))

    served.answers[:] = [script]


def urls(served: Host, numbers: range = range(10)) -> list[str]:
    """Return the signed URLs of the clips."""
    origin = served.url.rpartition("/")[0]
    return [f"{origin}/{number}?signature=secret" for number in numbers]


async def ended(emulator: Emulator, runway: Any, outputs: list[str], polls: int = 100) -> TaskHandle:
    """Submit a task of which so many polls say that it has made these files."""
    handle: TaskHandle = await runway.submit(yawn(), key="cat")
    body = {"id": handle.id, "status": "SUCCEEDED", "output": outputs}
    emulator.script("poll", *[Fault.answer(200, body)] * polls)
    return handle


async def test_what_is_there_is_kept_and_a_rerun_fetches_the_rest(session: Any, tmp_path: Path) -> None:
    """Ten files, the fourth and the seventh 404 for minutes: one error names them, eight are on disk and recorded."""
    journal, events = tmp_path / "j.db", list[Event]()
    async with Emulator(not_exist_seconds=0) as emulator, host(b"") as served:
        await by_path(served, {3, 6})
        async with session(emulator, journal=journal, on_event=events.append) as runway:
            handle = await ended(emulator, runway, urls(served))
            with pytest.raises(AssetExpiredError, match=r"2 of 10 files could not be .* \(number 4, 7\)") as caught:
                await handle
        assert [asset.path and asset.path.name for asset in caught.value.assets] == [
            f"cat-{number}.mp4" for number in (1, 2, 3, 5, 6, 8, 9, 10)
        ]
        assert "secret" not in f"{caught.value} {events}"
        unsigned = [attrs.evolve(asset, url=asset.url.partition("?")[0]) for asset in caught.value.assets]
        assert [*pickle.loads(pickle.dumps(caught.value)).assets] == unsigned  # noqa: S301 - our own
        [entry] = Journal.read(journal)
        assert (entry.state, entry.is_owed) == (State.SUCCEEDED, True)
        assert [asset.path is not None for asset in entry.assets] == [number not in {3, 6} for number in range(10)]

        await by_path(served, {6})
        served.requests.clear()
        async with session(emulator, journal=journal) as runway:
            with pytest.raises(AssetExpiredError, match=r"1 of 10 .* \(number 7\)"):
                await (await runway.resume())[0]
        assert {request["path"][:2] for request in served.requests} == {"/3", "/6"}

        await by_path(served, set())
        served.requests.clear()
        async with session(emulator, journal=journal) as runway:
            assets = await (await runway.submit(yawn(), key="cat"))
        assert [request["path"][:2] for request in served.requests] == ["/6"]
    assert [asset.path.read_bytes() for asset in assets] == CLIPS
    assert [asset.path.name for asset in assets] == [f"cat-{number}.mp4" for number in range(1, 11)]
    [entry] = Journal.read(journal)
    assert entry.state is State.DELIVERED
    assert events[-1].kind is not EventKind.DOWNLOADED


async def test_a_file_that_was_deleted_is_fetched_alone(session: Any, tmp_path: Path) -> None:
    """The others are where they were put."""
    async with Emulator(not_exist_seconds=0) as emulator, host(b"") as served:
        await by_path(served, set())
        async with session(emulator, journal=tmp_path / "j.db") as runway:
            assets = await (await ended(emulator, runway, urls(served)))
        (tmp_path / "out" / "cat-5.mp4").unlink()
        served.requests.clear()
        async with session(emulator, journal=tmp_path / "j.db") as runway:
            again = await (await runway.submit(yawn(), key="cat"))
    assert [request["path"][:2] for request in served.requests] == ["/4"]
    assert [asset.path for asset in again] == [asset.path for asset in assets]


@pytest.mark.parametrize("change", ["another order", "other URLs"])
async def test_what_is_there_is_known_again(session: Any, tmp_path: Path, change: str) -> None:
    """By its URL where that stays, and by its place where each poll names others."""
    async with Emulator(not_exist_seconds=0) as emulator, host(b"") as served:
        await by_path(served, {1})
        outputs = urls(served, range(3))
        async with session(emulator, journal=tmp_path / "j.db", retry=RetryPolicy(asset_grace=0)) as runway:
            handle = await ended(emulator, runway, outputs, polls=2)
            with pytest.raises(DownloadError, match="number 2"):
                await handle
        await by_path(served, set())
        served.requests.clear()
        later = outputs[::-1] if change == "another order" else [url.replace("?", "//new?") for url in outputs]
        body = {"id": handle.id, "status": "SUCCEEDED", "output": later}
        async with session(emulator, journal=tmp_path / "j.db") as runway:
            emulator.script("poll", Fault.answer(200, body))
            [handle] = await runway.resume()
            assets = await handle
    assert [request["path"][:2] for request in served.requests] == ["/1"]
    found = [asset.path.read_bytes() for asset in assets if asset.path]
    assert found == (CLIPS[2::-1] if change == "another order" else CLIPS[:3])


async def test_other_refusals_say_so(session: Any) -> None:
    """Not all were refused as expired: a DownloadError, which says of the first few why, and of all which."""
    async with Emulator(not_exist_seconds=0) as emulator, host(b"") as served:
        await by_path(served, set(range(1, 10)), status=402)
        async with session(emulator) as runway:
            with pytest.raises(DownloadError, match=r"9 of 10 .*\(number 2, 3, 4, 5, 6, 7, 8, 9, 10\)") as caught:
                await (await ended(emulator, runway, urls(served)))
    assert not isinstance(caught.value, AssetExpiredError)
    assert str(caught.value).count("answered 402") == 3
    assert [asset.path.read_bytes() for asset in caught.value.assets if asset.path] == CLIPS[:1]


async def test_one_that_is_slow_keeps_no_other(session: Any, tmp_path: Path) -> None:
    """A host that never ends with the first: the wait's deadline comes, and all others are there and recorded."""

    async def script(write: Write, request: Any) -> None:
        number = int(request["path"][1])
        whole = answer(CLIPS[number])
        step = len(whole) if number else 1
        for start in range(0, len(whole), step):
            await write(whole[start : start + step])
            await asyncio.sleep(10)

    async with Emulator(not_exist_seconds=0) as emulator, host(script) as served:
        options = {"poll": PollPolicy(deadline=300), "retry": RetryPolicy(slowest=0)}
        async with session(emulator, journal=tmp_path / "j.db", **options) as runway:
            handle = await ended(emulator, runway, urls(served, range(5)))
            with pytest.raises(TaskTimeoutError, match="still not on disk after 300 s"):
                await handle
            assert 290 < asyncio.get_running_loop().time() < 310
    assert [owed.id for owed in runway.owed] == [handle.id]
    [entry] = Journal.read(tmp_path / "j.db")
    assert [asset.path is not None for asset in entry.assets] == [False, True, True, True, True]
    assert entry.is_owed


@pytest.mark.parametrize("is_unavailable", [True, False])
async def test_a_journal_that_fails_while_files_are_stored(session: Any, tmp_path: Path, is_unavailable: bool) -> None:
    """What it keeps for later ends no wait; any other error of it is raised, though all files are there."""
    cls = errors.JournalUnavailableError if is_unavailable else errors.JournalError
    async with host() as served, Emulator() as emulator, session(emulator, journal=tmp_path / "shots.db") as runway:
        await by_path(served, set())
        journal = runway._lifetime.parts.journal
        end, calls = journal.end, []

        async def failing(*arguments: Any, **options: Any) -> None:
            calls.append(arguments)
            if len(calls) > 1:
                raise cls("of this disk")
            await end(*arguments, **options)

        journal.end = failing
        handle = await ended(emulator, runway, urls(served, range(3)))
        if is_unavailable:
            assert len(await handle) == 3
            assert handle.task is not None
            assert handle.task.delivered_at is not None
        else:
            with pytest.raises(errors.JournalError, match="of this disk"):
                await handle
    assert len(calls) > 1
