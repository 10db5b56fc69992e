"""Each row of docs/money.md on what a create comes to is run."""

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from cometrunway import Journal, RetryPolicy, Session, Shot, errors
from cometrunway.emulator import Emulator, Fault
from tests.samples import yawn

_PAGE = Path(__file__).parents[2] / "docs" / "money.md"
_MODEL = {"error": {"message": "no channel", "code": "model_not_found"}}
_QUOTA = {"code": "quota_not_enough", "message": "user quota is not enough", "data": None}


@frozen
class _Create:
    """One way in which a create may end."""

    faults: tuple[Fault, ...]
    """What each of its answers may be."""
    error: type[errors.CometRunwayError] | None
    created: str
    state: str


_REFUSED = ("no", "`refused`")
_UNKNOWN = (errors.OutcomeUnknownError, "perhaps", "`in_doubt`")
CREATES: Mapping[str, _Create] = {
    "an id is answered": _Create((Fault.ok(),), None, "yes", "`accepted`"),
    "400, 422: the request is wrong": _Create(
        (Fault.answer(400), Fault.answer(422)), errors.InvalidRequestError, *_REFUSED
    ),
    "401: the key is wrong": _Create((Fault.answer(401),), errors.AuthenticationError, *_REFUSED),
    "403: the key may not do this": _Create((Fault.answer(403),), errors.PermissionDeniedError, *_REFUSED),
    "the balance or a quota is used up": _Create(
        (Fault.answer(200, _QUOTA),), errors.InsufficientBalanceError, *_REFUSED
    ),
    "no channel for the model": _Create((Fault.answer(503, _MODEL),), errors.ModelUnavailableError, *_REFUSED),
    "429 once": _Create((Fault.rate_limited(2),), None, "yes", "`accepted`"),
    "the connection breaks after the create was sent": _Create((Fault.drop_after(), Fault.drop_before()), *_UNKNOWN),
    "502, 504 or another 5xx": _Create((Fault.bad_gateway(acts=True), Fault.answer(504), Fault.answer(500)), *_UNKNOWN),
    "an HTML page or another 2xx without an id": _Create((Fault.html(), Fault.answer(200, {})), *_UNKNOWN),
    "no answer within three minutes": _Create((Fault.silent(),), *_UNKNOWN),
}
OTHERS = {
    "no connection is made",
    "a budget is used up",
    "without a journal or with a new one, files of that key are there already",
    "the key belongs to another request",
    "the key was submitted before, as the same request",
}


def _rows(heading: str) -> dict[str, list[str]]:
    """Return the rows of the table below a heading, by their first cells."""
    section = _PAGE.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [re.split(r" *\| *", line.strip("| ")) for line in section.splitlines() if line.startswith("|")]
    return {row[0]: row[1:] for row in rows[2:]}


ROWS = _rows("What a create comes to")


def test_every_row_is_run() -> None:
    """None is only said."""
    assert ROWS.keys() == CREATES.keys() | OTHERS


@pytest.mark.parametrize("name", CREATES)
async def test_a_create_comes_to_what_its_row_says(name: str, session: Any, tmp_path: Path) -> None:
    """The error, what was created, and the state of the entry are those of the row; nothing in doubt is sent again."""
    expected = CREATES[name]
    told, created, state, _cure = ROWS[name]
    assert (created, state) == (expected.created, expected.state)
    for number, fault in enumerate(expected.faults):
        journal = tmp_path / f"{number}.db"
        async with Emulator(duration=0) as emulator, session(emulator, journal=journal) as runway:
            emulator.script("create", fault)
            if expected.error is None:
                assert "`TaskHandle`" in told
                await runway.submit(yawn(), key="shot")
            else:
                assert f"`{expected.error.__name__}`" in told
                with pytest.raises(expected.error):
                    await runway.submit(yawn(), key="shot")
            [entry] = Journal.read(journal)
            assert f"`{entry.state}`" == state
            if created != "yes":
                assert emulator.creates.received == 1
            if created != "perhaps":
                assert emulator.creates.accepted == (created == "yes")


async def test_what_is_not_sent_comes_to_what_its_row_says(session: Any, tmp_path: Path) -> None:
    """No connection, no budget, another request under a key, and the same one once more."""
    async with Emulator() as emulator:
        closed = emulator.base_url
    async with Session("sk-x", base_url=closed, retry=RetryPolicy(attempts=1), journal=tmp_path / "a.db") as runway:
        with pytest.raises(errors.TransportError):
            await runway.submit(yawn(), key="shot")
    assert [f"`{entry.state}`" for entry in Journal.read(tmp_path / "a.db")] == [ROWS["no connection is made"][2]]
    async with Emulator() as emulator, session(emulator, journal=tmp_path / "b.db", budget=1) as runway:
        handle = await runway.submit(yawn(1), key="shot")
        assert (await runway.submit(yawn(1), key="shot")).id == handle.id
        with pytest.raises(errors.BudgetError):
            await runway.submit(yawn(2), key="other")
        with pytest.raises(errors.KeyConflictError):
            await runway.submit(yawn(2), key="shot")
        assert [entry.key for entry in Journal.read(tmp_path / "b.db")] == ["shot"]
    assert emulator.creates.received == 1


_JOURNAL = {"journal": "first.db"}
SECOND_RUNS: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any], int]] = {
    "with the journal of the first run": (_JOURNAL, _JOURNAL, 0),
    "without a journal or with a new one, if a file in `output_dir`": ({}, {}, 0),
    "or with a new one, if a file in `output_dir`": ({}, {"journal": "second.db"}, 0),
    "without a journal or with a new one, if there is no such file": ({}, {"output_dir": "other"}, 2),
    "no file is overwritten": ({}, {"pay_again": True}, 2),
    "the new files get a number": ({}, {"pay_again": True, "journal": "second.db"}, 2),
}
"""The options of two runs of a batch, and how many creates the second sends, by what the page says of it."""


@pytest.mark.parametrize("said", SECOND_RUNS)
async def test_a_second_run_pays_for_what_its_row_says(
    said: str, session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shot that was delivered and one that has failed are paid for again, or are not."""
    section = _PAGE.read_text().partition("## What a second run pays for\n")[2]
    assert said.lower() in section.lower()
    monkeypatch.chdir(tmp_path)
    first, second, creates = SECOND_RUNS[said]
    shots = [Shot("cat", yawn(1)), Shot("dog", yawn(2, "[fail INTERNAL]"))]
    async with Emulator(duration=0, not_exist_seconds=0) as emulator:
        for options in (first, second):
            before = emulator.creates.received
            async with session(emulator, **options) as runway:
                with suppress(errors.KeyUsedError):
                    await runway.map(shots)
        assert emulator.creates.received - before == creates


async def test_a_submission_without_a_key_is_paid_for_at_every_run(session: Any, tmp_path: Path) -> None:
    """With a journal, too; a request without a key that `map` takes is recognised."""
    async with Emulator(duration=0, not_exist_seconds=0) as emulator:
        for creates in (2, 3):
            async with session(emulator, journal=tmp_path / "a.db", output_dir=None) as runway:
                await (await runway.submit(yawn(1)))
                await runway.map([yawn(2)])
            assert emulator.creates.received == creates


async def test_files_of_an_emulator_are_told_where_the_api_is_used(session: Any, tmp_path: Path) -> None:
    """What it has delivered counts as paid for; each line of a program that meets it there is told once."""
    given: dict[str, Any] = {"journal": tmp_path / "shots.db", "output_dir": tmp_path / "out"}
    async with Emulator(duration=0, not_exist_seconds=0) as emulator, session(emulator, **given) as runway:
        await (await runway.submit(yawn(), key="cat"))
        await runway.submit(yawn(), key="cat")
    async with Session("sk-x", base_url="https://api.cometapi.com", **given) as runway:
        with pytest.warns(RuntimeWarning, match="files of a server on this machine.*another journal") as told:
            [clip] = await (await runway.submit(yawn(), key="cat"))
    assert clip.path == tmp_path / "out" / "cat.mp4"
    assert [warning.filename for warning in told] == [__file__]
