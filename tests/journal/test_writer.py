"""The thread that writes a journal: what is kept when it cannot be written, and when it is tried again."""

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from cometrunway._journal._writer import Writer
from cometrunway.errors import JournalError, JournalUnavailableError


class Disk:
    """A disk that is full while it is said to be."""

    def __init__(self) -> None:
        self.is_full = False
        self.written: list[Any] = []

    def commit(self, operations: list[Callable[[Any], Any]]) -> list[Any]:
        if self.is_full:
            raise JournalUnavailableError("no space left")
        results = [operation(self) for operation in operations]
        self.written += results
        return results


async def fails(writer: Writer, what: str, **options: Any) -> None:
    """Write what the full disk does not take."""
    with pytest.raises(JournalError, match="no space left"):
        await writer.write(lambda _: what, **options)


async def test_a_fact_that_could_not_be_written_is_written_by_settle() -> None:
    """Until then its token says that a task is not recorded; what was no fact is not written any more."""
    disk = Disk()
    writer = Writer(disk.commit)
    disk.is_full = True
    await fails(writer, "an id", is_fact=True, token="token")
    await fails(writer, "an intent")
    assert writer.unrecorded == ("token",)
    disk.is_full = False
    await writer.settle()
    assert disk.written == ["an id"]
    assert not writer.unrecorded
    await writer.close(lambda: None)


async def test_a_fact_is_tried_again_by_itself_and_before_what_is_younger() -> None:
    """The order of what is written is that of what happened."""
    disk = Disk()
    writer = Writer(disk.commit)
    disk.is_full = True
    await fails(writer, "first", is_fact=True)
    disk.is_full = False
    assert await writer.write(lambda _: "second") == "second"
    assert disk.written == ["first", "second"]
    disk.is_full = True
    await fails(writer, "third", is_fact=True)
    disk.is_full = False
    await asyncio.sleep(60)
    await writer.settle()
    assert disk.written == ["first", "second", "third"]
    await writer.close(lambda: None)


async def test_a_journal_that_cannot_be_written_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """And once more when it could be written in between."""
    disk = Disk()
    writer = Writer(disk.commit)
    with caplog.at_level(logging.WARNING):
        for expected in (1, 2):
            disk.is_full = True
            for _ in range(3):
                await fails(writer, "an id", is_fact=True)
            assert caplog.messages == ["no space left"] * expected
            disk.is_full = False
            await writer.settle()
    await writer.close(lambda: None)


async def test_closing_ends_the_retries() -> None:
    """What is unwritten at the end is not written after the last work of the thread."""
    disk = Disk()
    writer = Writer(disk.commit)
    disk.is_full = True
    await fails(writer, "an id", is_fact=True, token="token")
    disk.is_full = False
    await writer.close(lambda: disk.written.append("closed"))
    await asyncio.sleep(600)
    assert disk.written == ["closed"]
    assert writer.unrecorded == ("token",)


@pytest.mark.parametrize("fails_first", [False, True])
async def test_what_comes_during_a_commit_is_written_by_the_next(fails_first: bool) -> None:
    """Also if the one before it fails and has no fact to try again."""
    disk, may_end, commits = Disk(), threading.Event(), list[int]()
    loop, begun = asyncio.get_running_loop(), asyncio.Event()

    def commit(operations: list[Callable[[Any], Any]]) -> list[Any]:
        commits.append(len(operations))
        loop.call_soon_threadsafe(begun.set)
        may_end.wait()
        disk.is_full = fails_first and len(commits) == 1
        return disk.commit(operations)

    writer = Writer(commit)
    first = asyncio.ensure_future(writer.write(lambda _: "first"))
    await begun.wait()
    second = asyncio.ensure_future(writer.write(lambda _: "second"))
    await asyncio.sleep(0)
    may_end.set()
    outcomes = await asyncio.wait_for(asyncio.gather(first, second, return_exceptions=True), 60)
    assert isinstance(outcomes[0], JournalError) == fails_first
    assert outcomes[1] == "second"
    assert commits == [1, 1]
    await writer.close(lambda: None)
