"""Doubts and resubmissions: what a crash at any moment leaves in the journal, and whose id stands there."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cometrunway import ImageToVideo, Journal, JournalError, OutcomeUnknownError, Session, State, TaskFailedError
from cometrunway.emulator import Emulator, Fault
from tests.samples import CAT

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
