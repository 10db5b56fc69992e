"""What one session learnt and the next begins with: kept in the journal, and never at the cost of what is paid for."""

import asyncio
import json
import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cometrunway import ImageToVideo, Session
from cometrunway._journal._journal import Journal
from cometrunway.emulator import Emulator
from tests.samples import CAT, yawn

OLD = """
CREATE TABLE submission (
    number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, route TEXT NOT NULL, fingerprint TEXT NOT NULL,
    request TEXT NOT NULL, state TEXT NOT NULL, creates INTEGER NOT NULL DEFAULT 1, task_id TEXT, created_at REAL,
    reason TEXT, failure TEXT, assets TEXT NOT NULL DEFAULT '[]'
);
INSERT INTO submission (key, route, fingerprint, request, state, task_id)
    VALUES ('shot', 'image_to_video', 'f', '{}', 'accepted', 't1');
PRAGMA application_id = 1129469785;
PRAGMA user_version = 1;
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the journal is."""
    return tmp_path / "shots.db"


@pytest.fixture
def session(path: Path) -> Callable[..., Session]:
    """Return a maker of sessions on an emulator, all with one journal."""
    return lambda emulator: Session(emulator.api_key, base_url=emulator.base_url, output_dir=None, journal=path)


def learnt(path: Path) -> dict[str, str]:
    """Return what is kept for the next session."""
    with closing(sqlite3.connect(path)) as database:
        return dict(database.execute("SELECT kind, learnt FROM pace"))


def alter(path: Path, script: str) -> None:
    """Do something to the journal that no session does."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript(script)


async def run(runway: Session, count: int = 40, name: str = "") -> float | None:
    """Run a batch; return when its end was expected once it was submitted."""
    handles = await asyncio.gather(*(runway.submit(yawn(number, name)) for number in range(count)))
    eta = runway.eta
    await asyncio.gather(*handles)
    return eta


async def test_a_session_begins_with_what_the_last_one_learnt(session: Any) -> None:
    """The first session cannot tell when its batch will end, the second can at once."""
    async with Emulator() as emulator:
        async with session(emulator) as runway:
            assert await run(runway) is None
        async with session(emulator) as runway:
            assert await run(runway, name="again") is not None


async def test_what_one_provider_taught_is_not_told_of_another(path: Path) -> None:
    """The same route and model take their own time at each; what has no provider recorded is cometapi's."""
    request = ImageToVideo(model="gen4_turbo", prompt_image=CAT, prompt_text="yawn", ratio="1280:720", duration=5)
    async with Emulator() as emulator:
        for provider in ("cometapi", "runway"):
            options: dict[str, Any] = {"base_url": emulator.base_url, "output_dir": None, "journal": path}
            async with Session(emulator.api_key, provider=provider, **options) as runway:
                await asyncio.gather(*[await runway.submit(request) for _ in range(3)])
    ends = {kind: json.loads(text)["by_age"]["ends"] for kind, text in learnt(path).items()}
    assert ends == {"image_to_video gen4_turbo": 3, "runway image_to_video gen4_turbo": 3}


async def test_what_is_learnt_is_kept_while_the_session_runs(session: Any, path: Path) -> None:
    """A kill loses what was learnt in the last half minute, and no more."""
    async with Emulator() as emulator, session(emulator) as runway:
        await run(runway)
        await asyncio.sleep(31)
        assert [*learnt(path)] == ["image_to_video gen3a_turbo"]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE pace SET learnt = substr(learnt, 1, 100)",
        "UPDATE pace SET learnt = x'ff00'",
        "UPDATE pace SET learnt = CAST(x'ff00' AS TEXT)",
        "UPDATE pace SET learnt = 17",
        "UPDATE pace SET learnt = '{}'",
        "UPDATE pace SET learnt = '[' || printf('%.*c', 100000, '[')",
        "UPDATE pace SET learnt = '{\"advantage\": 1' || printf('%.*c', 400, '0') || '}'",
        "UPDATE pace SET learnt = '{' || printf('%.*c', 100000, ' ') || substr(learnt, 2)",
        "DROP TABLE pace",
        "DROP TABLE pace; CREATE TABLE pace (something TEXT)",
    ],
)
async def test_what_is_damaged_is_ignored(
    session: Any, path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A log line says so; the session starts cold, pays, delivers and records as ever."""
    async with Emulator() as emulator:
        async with session(emulator) as runway:
            await run(runway, count=6)
        alter(path, damage)
        with caplog.at_level(logging.WARNING, "cometrunway"):
            async with session(emulator) as runway:
                assert await run(runway, count=6, name="again") is None
    assert "what earlier sessions learnt" in caplog.text
    assert [entry.state.value for entry in Journal.read(path)] == ["delivered"] * 12


async def test_a_journal_of_the_first_version_is_taken_up(session: Any, path: Path) -> None:
    """It is read as it is, upgraded where it lies when a session opens it, and keeps what it had."""
    alter(path, OLD)
    before = Journal.read(path)
    assert [(entry.key, entry.task_id) for entry in before] == [("shot", "t1")]
    async with Emulator() as emulator, session(emulator) as runway:
        await run(runway, count=6)
    assert Journal.read(path)[:1] == before
    assert learnt(path)


async def test_a_small_row_holds_all(session: Any, path: Path) -> None:
    """What is kept of a kind is a few kilobytes."""
    async with Emulator() as emulator, session(emulator) as runway:
        await run(runway, count=200)
    [row] = learnt(path).values()
    assert len(row) < 8000
