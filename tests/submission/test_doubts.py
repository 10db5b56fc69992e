"""Doubts and resubmissions: what a crash at any moment leaves in the journal, and whose id stands there."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from attrs import evolve

from cometrunway import (
    ImageToVideo,
    Journal,
    JournalError,
    OutcomeUnknownError,
    ProGenerate,
    RetryPolicy,
    Session,
    State,
    TaskFailedError,
)
from cometrunway.emulator import Emulator, Fault
from tests.callbacks.hooks import mounted
from tests.samples import CAT, HOOK

BOAT = ProGenerate(prompt="a boat")
FAILS = ImageToVideo(prompt_image=CAT, prompt_text="the cat yawns [fail INTERNAL] [seconds 60]")


def standing(journal: Path) -> tuple[State, str | None]:
    """Return what a crash at this moment would leave under the only key: its state and its task."""
    [entry] = Journal.read(journal)
    return entry.state, entry.task_id


async def test_the_end_of_an_older_task_hides_no_resubmission(session: Callable[..., Session], tmp_path: Path) -> None:
    """An id that the user has reported fails while its submission is resubmitted: every commit leaves that in doubt."""
    journal = tmp_path / "shots.db"
    left: list[tuple[State, str | None]] = []
    async with Emulator() as emulator, session(emulator, journal=journal) as runway:
        emulator.script("create", Fault.drop_after(), Fault.silent(acts=True))
        with pytest.raises(OutcomeUnknownError):
            await runway.submit(FAILS, key="shot")
        await asyncio.sleep(10)  # until polls know it
        older = await runway.resolve("shot", task_id=next(iter(emulator.tasks)))
        writer = runway._lifetime.parts.journal._writer  # type: ignore[attr-defined]  # of a `Journal`
        commit = writer._commit

        def observed(operations: list[Any]) -> list[Any]:
            results: list[Any] = commit(operations)
            left.append(standing(journal))
            return results

        writer._commit = observed
        resubmission = asyncio.ensure_future(runway.resubmit("shot"))
        assert (await older.wait()).failure
        assert not resubmission.done()
        with pytest.raises(OutcomeUnknownError):
            await resubmission
    assert {(State.SUBMITTING, None), (State.IN_DOUBT, None)} == set(left[1:])  # the first one reads


async def test_an_older_task_that_is_attached_hides_no_doubt(session: Callable[..., Session], tmp_path: Path) -> None:
    """The token of a task that has failed, and was submitted once more since, records nothing under its key."""
    journal = tmp_path / "shots.db"
    async with Emulator() as emulator:
        emulator.script("create", Fault.ok(), Fault.drop_after())
        async with session(emulator, journal=journal) as runway:
            older = await runway.submit(FAILS, key="shot")
            with pytest.raises(TaskFailedError):
                await older
            with pytest.raises(OutcomeUnknownError):
                await runway.resubmit("shot")
            assert (await runway.attach(older.token).wait()).failure
        assert standing(journal) == (State.IN_DOUBT, None)


async def test_an_id_that_no_record_has_ends_its_doubt(session: Callable[..., Session], tmp_path: Path) -> None:
    """The token of a create that was answered and could not be recorded: its end is recorded under its key."""
    journal = tmp_path / "shots.db"
    async with Emulator() as emulator, session(emulator, journal=journal) as runway:
        kept = runway._lifetime.parts.journal

        async def fail(*_: object, **__: object) -> None:
            raise JournalError("disk I/O error")

        accept, kept.accept = kept.accept, fail  # type: ignore[method-assign]  # a disk that fails
        with pytest.raises(JournalError) as caught:
            await runway.submit(FAILS, key="shot")
        kept.accept = accept  # type: ignore[method-assign]  # and no longer does
        assert standing(journal) == (State.SUBMITTING, None)
        assert (await runway.attach(caught.value.token or "").wait()).failure
    assert standing(journal) == (State.FAILED, next(iter(emulator.tasks)))


async def test_a_submission_under_way_is_not_in_doubt(session: Callable[..., Session], tmp_path: Path) -> None:
    """Its own session knows that its answer may still come, and lets nobody decide about it."""
    async with Emulator() as emulator, session(emulator, journal=tmp_path / "shots.db") as runway:
        emulator.script("create", Fault.slow(20))
        submission = asyncio.ensure_future(runway.submit(BOAT, key="shot"))
        await asyncio.sleep(10)
        assert standing(tmp_path / "shots.db") == (State.SUBMITTING, None)
        assert not await runway.in_doubt()
        with pytest.raises(ValueError, match="'shot' is not in doubt: it is submitting"):
            await runway.resubmit("shot")
        await submission
    assert emulator.creates.received == 1


async def test_only_a_doubt_is_decided(session: Callable[..., Session], tmp_path: Path) -> None:
    """An accepted submission is neither resolved nor resubmitted, and the error says what it is."""
    async with Emulator() as emulator, session(emulator, journal=tmp_path / "shots.db") as runway:
        handle = await runway.submit(BOAT, key="shot")
        with pytest.raises(ValueError, match="'shot' is not in doubt: it is accepted"):
            await runway.resolve("shot", task_id=handle.id)
        with pytest.raises(ValueError, match="'shot' is not in doubt: it is accepted"):
            await runway.resubmit("shot")
    assert emulator.creates.received == 1


@pytest.mark.parametrize("status", [400, 429])
@pytest.mark.parametrize("word", ["2", "3"], ids=["running", "ended"])
async def test_a_refusal_while_a_callbacks_id_is_confirmed_loses_no_task(
    session: Callable[..., Session], tmp_path: Path, status: int, word: str
) -> None:
    """The id that the callback supplied is confirmed first: the task is the submission's, and nothing is sent again."""
    journal = tmp_path / "shots.db"
    async with Emulator(callbacks="none") as emulator, mounted() as receiver, ClientSession() as client:
        emulator.script("create", evolve(Fault.answer(status, acts=True), seconds=20.0))
        emulator.script("poll", Fault.slow(30))
        async with session(emulator, callbacks=receiver, journal=journal) as runway:
            submission = asyncio.ensure_future(runway.submit(BOAT, key="shot"))
            await asyncio.sleep(10)
            [task] = emulator.tasks.values()
            await client.post(str(task.callback_url), json={"task_id": task.id, "status": word})
            [clip] = await (await submission)
            assert clip.path
    assert emulator.creates.received == 1
    assert standing(journal) == (State.DELIVERED, task.id)


async def test_a_refused_create_whose_callback_cannot_be_confirmed_is_in_doubt(
    session: Callable[..., Session], tmp_path: Path
) -> None:
    """A refusal and an id from the gateway contradict each other: the create is not sent again; a callback ends it."""
    journal = tmp_path / "shots.db"
    async with Emulator(callbacks="none") as emulator, mounted() as receiver, ClientSession() as client:
        emulator.script("create", evolve(Fault.answer(429, acts=True), seconds=20.0))
        emulator.script("poll", *[Fault.answer(502)] * 2)
        async with session(emulator, callbacks=receiver, journal=journal, retry=RetryPolicy(attempts=1)) as runway:
            submission = asyncio.ensure_future(runway.submit(BOAT, key="shot"))
            await asyncio.sleep(10)
            [task] = emulator.tasks.values()
            hook = {"task_id": task.id, "status": "3"}
            await client.post(str(task.callback_url), json=hook)
            with pytest.raises(OutcomeUnknownError, match=task.id):
                await submission
            assert standing(journal) == (State.IN_DOUBT, None)
            await client.post(str(task.callback_url), json=hook)
            await asyncio.sleep(60)
    assert emulator.creates.received == 1
    assert standing(journal) == (State.DELIVERED, task.id)


async def test_without_a_journal_such_a_create_is_not_sent_again_either(session: Callable[..., Session]) -> None:
    """The error names the id, by which its task can be attached."""
    async with Emulator(callbacks="none") as emulator, mounted() as receiver, ClientSession() as client:
        emulator.script("create", evolve(Fault.answer(429, acts=True), seconds=20.0))
        async with session(emulator, callbacks=receiver) as runway:
            submission = asyncio.ensure_future(runway.submit(BOAT))
            await asyncio.sleep(10)
            [task] = emulator.tasks.values()
            await client.post(str(task.callback_url), json={"task_id": task.id, "status": "2"})
            with pytest.raises(OutcomeUnknownError, match=task.id):
                await submission
    assert emulator.creates.received == 1


async def test_a_refusal_stands_where_a_callback_supplied_an_id_of_another(
    session: Callable[..., Session], tmp_path: Path
) -> None:
    """That id says nothing of this create: it is sent again as after any refusal."""
    async with Emulator(callbacks="none") as emulator, mounted() as receiver, ClientSession() as client:
        emulator.script("create", Fault.ok(), evolve(Fault.answer(429, acts=True), seconds=20.0))
        async with session(emulator, callbacks=receiver, journal=tmp_path / "shots.db") as runway:
            known = await runway.submit(ProGenerate(prompt="another"), key="known")
            submission = asyncio.ensure_future(runway.submit(BOAT, key="shot"))
            await asyncio.sleep(10)
            hook = str(list(emulator.tasks.values())[1].callback_url)
            await client.post(hook, json={"task_id": known.id, "status": "3"})
            shot = await submission
            assert shot.id == list(emulator.tasks)[2]
    assert emulator.creates.received == 3


@pytest.mark.parametrize("seconds", [0.0, 5.0], ids=["answered_at_once", "answered_late"])
async def test_of_two_doubts_with_one_forged_id_one_ends(
    session: Callable[..., Session], tmp_path: Path, seconds: float
) -> None:
    """Two secret paths get the same id at once: it stands under one key only, and the other stays in doubt."""
    journal = tmp_path / "shots.db"
    async with Emulator(callbacks="none") as emulator, mounted() as receiver, ClientSession() as client:
        emulator.script("create", *[Fault.drop_after()] * 2)
        async with session(emulator, callbacks=receiver, journal=journal) as runway:
            for key in ("one", "two"):
                with pytest.raises(OutcomeUnknownError):
                    await runway.submit(ProGenerate(prompt=key), key=key)
            await asyncio.sleep(60)
            emulator.script("poll", *[Fault.slow(seconds)] * 2)
            one, two = emulator.tasks.values()
            forged = {"task_id": one.id, "status": "3"}
            await asyncio.gather(*(client.post(str(task.callback_url), json=forged) for task in (two, one)))
            await asyncio.sleep(60)
            assert len(await runway.in_doubt()) == 1
    assert [entry.task_id for entry in Journal.read(journal)].count(one.id) == 1


async def test_an_id_that_stands_under_another_key_resolves_no_doubt(
    session: Callable[..., Session], tmp_path: Path
) -> None:
    """Neither in a session nor by the journal alone: the error names the key."""
    journal = tmp_path / "shots.db"
    async with Emulator() as emulator:
        emulator.script("create", Fault.ok(), Fault.drop_after())
        async with session(emulator, journal=journal) as runway:
            known = await runway.submit(ProGenerate(prompt="one", callback_url=HOOK), key="one")
            with pytest.raises(OutcomeUnknownError):
                await runway.submit(ProGenerate(prompt="two", callback_url=HOOK), key="two")
            with pytest.raises(ValueError, match=r"belongs to the submission 'one'"):
                await runway.resolve("two", task_id=known.id)
    async with Journal(journal) as alone:
        with pytest.raises(ValueError, match=r"belongs to the submission 'one'"):
            await alone.resolve("two", task_id=known.id)
        assert [entry.key async for entry in alone.entries([State.IN_DOUBT])] == ["two"]


async def test_an_id_of_an_earlier_run_resolves_no_other_doubt(session: Callable[..., Session], tmp_path: Path) -> None:
    """The journal knows whose task it is, so that no shot gets another one's file."""
    journal = tmp_path / "shots.db"
    async with Emulator() as emulator:
        emulator.script("create", Fault.ok(), Fault.drop_after())
        async with session(emulator, journal=journal) as runway:
            first = await runway.submit(FAILS, key="first")
            with pytest.raises(OutcomeUnknownError):
                await runway.submit(BOAT, key="second")
        async with session(emulator, journal=journal) as runway:
            with pytest.raises(ValueError, match="belongs to the submission 'first'"):
                await runway.resolve("second", task_id=first.id)
            assert [entry.key for entry in await runway.in_doubt()] == ["second"]
