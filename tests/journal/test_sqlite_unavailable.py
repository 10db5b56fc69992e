"""A journal that cannot be written for a while: no create is sent, and no id is lost."""

import asyncio
import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cometrunway import Journal, Session, errors
from cometrunway._journal._entry import State
from cometrunway.emulator import Emulator, Fault
from tests.samples import yawn


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    return tmp_path / "shots.db"


@pytest.fixture
def other(path: Path) -> Iterator[sqlite3.Connection]:
    """Another program's connection to the journal."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as connection:
        yield connection


def session_of(emulator: Emulator, path: Path, **options: Any) -> Session:
    """Return a session with this journal."""
    options.setdefault("output_dir", path.parent / "out")
    return Session(emulator.api_key, base_url=emulator.base_url, journal=path, **options)


def state_of(path: Path, key: str = "shot") -> State:
    """Return the state of a key, as another process reads it."""
    return next(entry.state for entry in Journal.read(path) if entry.key == key)


async def test_a_lock_of_a_moment_is_waited_for(path: Path, other: sqlite3.Connection) -> None:
    """Another program that locks the journal while a create is answered costs neither the id nor an error."""
    async with Emulator() as emulator, session_of(emulator, path) as runway:
        emulator.script("create", Fault.slow(5))
        submission = asyncio.ensure_future(runway.submit(yawn(), key="shot"))
        await asyncio.sleep(1)
        other.execute("BEGIN IMMEDIATE")
        threading.Timer(0.05, other.execute, ["COMMIT"]).start()
        assert (await submission).id
        assert state_of(path) is State.ACCEPTED


async def test_while_it_is_locked_no_create_is_sent(path: Path, other: sqlite3.Connection) -> None:
    """After the timeout submissions are refused, unsent; once the lock is gone they are made."""
    async with Emulator() as emulator, session_of(emulator, path, journal_timeout=0) as runway:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(errors.JournalUnavailableError, match="backup"):
            await runway.submit(yawn(), key="shot")
        assert emulator.creates.received == 0
        other.execute("COMMIT")
        await runway.submit(yawn(), key="shot")
    assert emulator.creates.accepted == 1


async def test_an_id_is_recorded_as_soon_as_it_can_be(path: Path, other: sqlite3.Connection) -> None:
    """A task whose id cannot be recorded is polled and delivered, and its id, end and files are written later."""
    async with Emulator() as emulator, session_of(emulator, path, journal_timeout=0) as runway:
        emulator.script("create", Fault.slow(5))
        submission = asyncio.ensure_future(runway.submit(yawn(), key="shot"))
        await asyncio.sleep(1)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(errors.JournalUnavailableError) as caught:
            await submission
        [asset] = await runway.attach(caught.value.token or "")
        assert asset.path is not None
        assert asset.path.exists()
        assert state_of(path) is State.SUBMITTING
        other.execute("COMMIT")
        await asyncio.sleep(2)
        assert state_of(path) is State.DELIVERED
    async with Emulator() as unused, session_of(unused, path) as runway:
        assert await (await runway.submit(yawn(), key="shot"))
    assert unused.creates.received == 0


async def test_a_batch_stops_taking_shots(path: Path, other: sqlite3.Connection) -> None:
    """A batch whose journal cannot be written takes no more input, and raises the reason once all is delivered."""
    taken = 0

    def endless() -> Iterator[Any]:
        nonlocal taken
        while True:
            taken += 1
            if taken == 20:
                other.execute("BEGIN IMMEDIATE")
            yield yawn(taken)

    outcomes = []
    async with Emulator() as emulator, session_of(emulator, path, journal_timeout=0, max_creates=16) as runway:
        with pytest.raises(errors.JournalUnavailableError):
            async for handle in runway.map(endless()):
                outcomes.append(handle.exception())
        other.execute("COMMIT")
    assert taken < 60
    assert outcomes.count(None) >= 1
    assert len([entry for entry in Journal.read(path) if entry.task_id]) == emulator.creates.accepted


@pytest.mark.parametrize("fails", [True, False])
async def test_what_cannot_be_recorded_at_all_is_printed(
    path: Path, other: sqlite3.Connection, capsys: pytest.CaptureFixture[str], *, fails: bool
) -> None:
    """A session that must leave first writes each id to standard error and into its error, as a token."""
    async with Emulator(duration=1000) as emulator:
        with pytest.raises(KeyError if fails else errors.JournalUnavailableError) as caught:
            async with session_of(emulator, path, journal_timeout=0, poll=None) as runway:
                emulator.script("create", Fault.slow(5))
                submission = asyncio.ensure_future(runway.submit(yawn(), key="shot"))
                await asyncio.sleep(1)
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(errors.JournalUnavailableError) as unrecorded:
                    await submission
                if fails:
                    raise KeyError
        token = unrecorded.value.token or ""
        assert token in capsys.readouterr().err
        if fails:
            assert token in " ".join(caught.value.__notes__)
        else:
            assert isinstance(caught.value, errors.JournalUnavailableError)
            assert caught.value.tokens == (token,)
        other.execute("COMMIT")
        async with session_of(emulator, path) as runway:
            assert await runway.attach(token)
        async with session_of(emulator, path) as runway:
            assert await (await runway.submit(yawn(), key="shot"))
    assert emulator.creates.accepted == 1


@pytest.mark.parametrize("timeout", [-1, True, "30", float("nan"), float("inf")])
def test_a_timeout_is_a_number_of_seconds(timeout: Any) -> None:
    """What could not be waited for is refused by name."""
    with pytest.raises(ValueError, match="journal_timeout"):
        Session("sk-x", journal_timeout=timeout)


async def test_each_submission_has_an_error_of_its_own(path: Path, other: sqlite3.Connection) -> None:
    """Of several ids that cannot be recorded in one commit, each caller gets its own, and an unsent one gets none."""
    async with Emulator() as emulator, session_of(emulator, path, journal_timeout=0) as runway:
        emulator.script("create", *[Fault.slow(5)] * 4)
        sent = [asyncio.ensure_future(runway.submit(yawn(number), key=str(number))) for number in range(4)]
        await asyncio.sleep(1)
        other.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(3.9)
        unsent = asyncio.ensure_future(runway.submit(yawn(9), key="unsent"))
        errors_of = await asyncio.gather(*sent, unsent, return_exceptions=True)
        other.execute("COMMIT")
        assert [getattr(error, "key", None) for error in errors_of] == ["0", "1", "2", "3", "unsent"]
        assert len({getattr(error, "token", None) for error in errors_of}) == 5
        assert getattr(errors_of[-1], "token", None) is None
        assert len({getattr(error, "task_id", None) for error in errors_of[:4]}) == 4


@pytest.mark.parametrize("stream", ["full", "closed"])
async def test_tokens_survive_a_lost_standard_error(
    path: Path, other: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, stream: str
) -> None:
    """The user's error leaves the block as it is, with the token as a note, where nothing can be printed."""
    lost = None if stream == "closed" else os.fdopen(os.open("/dev/full", os.O_WRONLY), "w", buffering=1)
    monkeypatch.setattr("sys.stderr", lost)
    async with Emulator(duration=1000) as emulator:
        with pytest.raises(KeyError) as caught:
            async with session_of(emulator, path, journal_timeout=0) as runway:
                emulator.script("create", Fault.slow(5))
                submission = asyncio.ensure_future(runway.submit(yawn(), key="shot"))
                await asyncio.sleep(1)
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(errors.JournalUnavailableError) as unrecorded:
                    await submission
                raise KeyError
        other.execute("COMMIT")
    assert str(unrecorded.value.token) in " ".join(caught.value.__notes__)
    if lost:
        monkeypatch.undo()
        with contextlib.suppress(OSError):
            lost.close()
