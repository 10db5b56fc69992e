"""A journal in a file: its lock, its damage, and the disk that it is on."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from cometrunway import (
    Asset,
    ImageToVideo,
    Session,
    errors,
)
from cometrunway._journal._entry import Entry
from cometrunway._journal._journal import Journal
from cometrunway._journal._sqlite import SqliteStore
from cometrunway.emulator import Emulator
from tests.samples import PNG, yawn

SIGNED = "https://example.com/cat.jpg?signature=canary"


@pytest.fixture
def session(session: Any, tmp_path: Path) -> Callable[..., Session]:
    """Return a maker of sessions on an emulator, with one journal and one folder."""
    return partial(session, journal=tmp_path / "shots.db")


def entry(key: str = "shot", fingerprint: str = "f") -> Entry:
    """Return what is recorded of a new submission."""
    return Entry(key=key, route="image_to_video", fingerprint=fingerprint, request={"prompt_text": fingerprint})


def states(path: Path) -> dict[str, str]:
    """Return the state of each key in a journal."""
    return {found.key: found.state.value for found in Journal.read(path)}


def names_in(folder: Path) -> list[str]:
    """Return what a folder holds."""
    return sorted(path.name for path in folder.iterdir())


async def test_one_process_writes_at_a_time(tmp_path: Path) -> None:
    """A second opener is told which process has the journal; once that has closed it, it is free."""
    path = tmp_path / "shots.db"
    async with Journal(path):
        with pytest.raises(errors.JournalError, match=f"pid {os.getpid()}"):
            await Journal(path).__aenter__()
    async with Journal(path):
        pass


async def test_who_comes_next_may_wait_for_the_journal(tmp_path: Path) -> None:
    """For so many seconds, while everything else goes on; who gives up waiting leaves it free for others."""
    path, loop = tmp_path / "shots.db", asyncio.get_running_loop()
    async with Journal(path):
        with pytest.raises(errors.JournalInUseError):
            await Journal(path, wait=3).__aenter__()
        assert loop.time() == pytest.approx(3, abs=0.2)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await Journal(path, wait=60).__aenter__()
        waiting = asyncio.create_task(Journal(path, wait=60).__aenter__())
        await asyncio.sleep(3)
    journal = await waiting
    assert Journal.holder(path) == os.getpid()
    await journal.__aexit__()
    assert Journal.holder(path) is None


def test_the_lock_of_a_dead_process_is_no_obstacle(tmp_path: Path) -> None:
    """A process that is killed while it writes leaves a journal that opens at once."""
    code = (
        "import asyncio, os, signal, sys; from cometrunway._journal import Journal\n"
        "async def main():\n"
        "    await Journal(sys.argv[1]).__aenter__()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "shots.db")], check=False)

    async def reopen() -> None:
        async with Journal(tmp_path / "shots.db") as journal:
            assert not [found async for found in journal.entries()]

    asyncio.run(reopen())


@pytest.mark.parametrize("content", [b"not a database" * 100, b"SQLite format 3\0" + b"\xff" * 5000, b"x"])
async def test_what_is_no_journal_is_left_alone(tmp_path: Path, content: bytes) -> None:
    """A file of another kind, or a damaged one, is an error that names it, and not a byte of it changes."""
    path = tmp_path / "shots.db"
    path.write_bytes(content)
    with pytest.raises(errors.JournalError, match=r"shots\.db"):
        await Journal(path).__aenter__()
    assert path.read_bytes() == content
    assert names_in(tmp_path) == ["shots.db"]


async def test_a_foreign_database_is_left_alone(tmp_path: Path) -> None:
    """A database that is not ours is not made ours."""
    path = tmp_path / "shots.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE mine (x)")
    database.close()
    before = path.read_bytes()
    with pytest.raises(errors.JournalError, match="not a journal of cometrunway"):
        await Journal(path).__aenter__()
    assert path.read_bytes() == before


async def test_a_newer_journal_is_left_alone(tmp_path: Path) -> None:
    """A journal from a newer version says so."""
    path = tmp_path / "shots.db"
    async with Journal(path):
        pass
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(errors.JournalError, match="newer"):
        await Journal(path).__aenter__()


async def test_a_truncated_journal_is_refused(tmp_path: Path) -> None:
    """A journal that was cut short is an error, not an empty journal."""
    path = tmp_path / "shots.db"
    async with Journal(path) as journal:
        for number in range(200):
            await journal.begin(entry(str(number)))
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(errors.JournalError, match=r"shots\.db"):
        await Journal(path).__aenter__()


async def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """A file in the place of the folder is an error that names the journal."""
    (tmp_path / "file").touch()
    with pytest.raises(errors.JournalError, match=r"shots\.db"):
        await Journal(tmp_path / "file" / "shots.db").__aenter__()


def test_reading_needs_a_journal(tmp_path: Path) -> None:
    """Reading what does not exist is an error, and makes nothing."""
    with pytest.raises(errors.JournalError, match="no journal"):
        Journal.read(tmp_path / "shots.db")
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_is_no_journal(tmp_path: Path) -> None:
    """A folder in place of a file is an error that says so, and no file is made beside it."""
    folder = tmp_path / "shots"
    folder.mkdir()
    with pytest.raises(errors.JournalError, match="is a folder"):
        Journal.read(folder)
    with pytest.raises(errors.JournalError, match="is a folder"):
        await Journal(folder).__aenter__()
    assert names_in(tmp_path) == ["shots"]


@pytest.fixture
def as_nobody() -> Iterator[None]:
    """Give up the privileges of root, to whom every folder is open; other users have none."""
    if sys.platform == "win32":
        pytest.skip("a folder's mode does not keep anybody from writing there")
    is_root = os.getuid() == 0
    if is_root:
        os.setresuid(65534, 65534, 0)
    yield
    if is_root:
        os.setresuid(0, 0, 0)


@pytest.mark.usefixtures("as_nobody")
def test_a_journal_is_read_where_nothing_can_be_written() -> None:
    """A copy in a read-only folder is read as it lies; in a folder that is closed to us, the error names it."""

    async def record(path: Path) -> None:
        async with Journal(path) as journal:
            await journal.begin(entry())

    with TemporaryDirectory() as folder:
        path = Path(folder, "shots.db")
        asyncio.run(record(path))
        Path(folder).chmod(0o555)
        try:
            assert states(path) == {"shot": "submitting"}
            Path(folder).chmod(0o000)
            with pytest.raises(errors.JournalError, match=r"shots\.db"):
                Journal.read(path)
        finally:
            Path(folder).chmod(0o755)


@pytest.mark.parametrize(
    "damage",
    [
        "state = 'lost'",
        "request = '{'",
        "request = 'null'",
        "request = printf('%.*c', 100000, '[')",
        "creates = 'many'",
        "created_at = 'soon'",
        "task_id = x'ff'",
        "failure = ''",
        "failure = '[]'",
        "failure = '{}'",
        "assets = '[1]'",
        "assets = '[{}]'",
        """assets = replace(assets, '"https', '1, "was": "https')""",
    ],
)
async def test_a_damaged_row_is_named(tmp_path: Path, damage: str) -> None:
    """What is read from a journal is what it should be; a row that is not is an error that names file and key."""
    path = tmp_path / "shots.db"
    async with Journal(path) as journal:
        await journal.begin(entry())
        await journal.deliver("shot", (Asset(url="https://example.com/cat.mp4"),))
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(f"UPDATE submission SET {damage}")  # noqa: S608 - from the list above
    with pytest.raises(errors.JournalError, match=r"shots\.db is damaged.*'shot'"):
        Journal.read(path)


async def test_a_full_disk_stops_the_create(session: Any) -> None:
    """When the intent cannot be recorded nothing is sent, and the error says why."""
    async with Emulator() as emulator, session(emulator) as runway:
        journal = runway._lifetime.parts.journal
        await journal._do(lambda database: database.execute("PRAGMA max_page_count = 1"))
        with pytest.raises(errors.JournalError, match="full"):
            for number in range(100):
                await runway.submit(yawn(number), key=f"{number}" * 200)
        accepted = len([found async for found in journal.entries()])
    assert emulator.creates.received == accepted


async def test_nothing_secret_or_large_is_in_the_file(session: Any, tmp_path: Path) -> None:
    """No key, no query of a signed URL, no bytes of a file or data URI; a file's path and digest are."""
    image = tmp_path / "cat.png"
    image.write_bytes(PNG + b"canary" * 1000)
    uri = f"data:image/png;base64,{b64encode(PNG).decode()}"
    async with Emulator(api_key="sk-canary") as emulator, session(emulator) as runway:
        for media in (image, image.read_bytes(), uri, SIGNED):
            await (await runway.submit(ImageToVideo(prompt_image=media)))
    content = b"".join(path.read_bytes() for path in tmp_path.glob("shots.db*"))  # noqa: ASYNC240 - nothing else runs
    for secret in (b"canary", b"iVBORw0KGgo", b"_jwt=", b"sig="):
        assert secret not in content
    assert str(image).encode() in content


async def test_a_name_that_is_no_utf8_survives_the_journal(tmp_path: Path) -> None:
    """The path of a file, and what is said of it, can be had again byte for byte."""
    folder = os.fsdecode(b"/data/caf\xe9")
    async with Journal(tmp_path / os.fsdecode(b"\xe9.db")) as journal:
        await journal.begin(entry())
        await journal.deliver("shot", (Asset(url="https://example.com/a.mp4", path=Path(folder, "a.mp4")),))
        await journal.begin(entry("other"))
        await journal.refuse("other", f"cannot read {folder}")
    delivered, refused = Journal.read(journal.place)
    [asset] = delivered.assets
    assert asset.path == Path(folder, "a.mp4")
    assert refused.reason == r"cannot read /data/caf\udce9"


async def test_asking_for_the_holder_blocks_no_other_process(tmp_path: Path) -> None:
    """A journal can be opened while others ask, as fast as they can, who holds it."""
    path, is_over = tmp_path / "shots.db", threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            Journal.holder(path)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(100):
            async with Journal(path):
                pass
    finally:
        is_over.set()
        asking.join()


async def test_a_lock_file_of_others_is_left_alone(tmp_path: Path) -> None:
    """What has the name of the journal's lock and is none is not written to; the journal is refused."""
    (tmp_path / "poetry.lock").write_text("# not ours")
    with pytest.raises(errors.JournalError, match=r"poetry\.lock"):
        async with Journal(tmp_path / "poetry"):
            pass
    assert (tmp_path / "poetry.lock").read_text() == "# not ours"


async def test_a_damaged_row_harms_no_other_submission(session: Any, tmp_path: Path) -> None:
    """Of submissions that share a commit, only that of the damaged row fails."""
    async with Emulator() as emulator:
        async with session(emulator) as runway:
            await (await runway.submit(yawn(0), key="0"))
        with closing(sqlite3.connect(tmp_path / "shots.db", isolation_level=None)) as database:
            database.execute("UPDATE submission SET assets = '[1]'")
        async with session(emulator) as runway:
            submissions = [runway.submit(yawn(number), key=str(number)) for number in range(6)]
            outcomes = await asyncio.gather(*submissions, return_exceptions=True)
    assert [isinstance(outcome, errors.JournalError) for outcome in outcomes] == [True] + [False] * 5


async def test_a_link_to_a_journal_is_that_journal(tmp_path: Path) -> None:
    """Whatever name it is opened by, one session writes it."""
    path, link = tmp_path / "shots.db", tmp_path / "elsewhere" / "link.db"
    link.parent.mkdir()
    async with Journal(path):
        link.symlink_to(path)
        with pytest.raises(errors.JournalError, match="this process"):
            await Journal(link).__aenter__()


async def filled(path: Path, megabytes: int) -> None:
    """Make a journal that is too large to be checked whole when it is opened."""
    async with Journal(path) as journal:
        await journal.begin(entry("first"))
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(
            "WITH RECURSIVE counted(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM counted WHERE i < ?) "
            "INSERT INTO submission (key, route, fingerprint, request, state) "
            "SELECT i, 'image_to_video', 'f', json_object('prompt_text', hex(zeroblob(2000))), 'refused' FROM counted",
            (megabytes * 250,),
        )


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
async def test_a_large_journal_that_was_cut_off_is_refused(tmp_path: Path, share: float) -> None:
    """A copy that is not whole is found out when it is opened, without reading all of it."""
    path = tmp_path / "shots.db"
    await filled(path, 40)
    os.truncate(path, int(path.stat().st_size * share) // 4096 * 4096)
    with pytest.raises(errors.JournalError, match=r"shots\.db is damaged"):
        await Journal(path).__aenter__()


async def test_a_large_journal_is_opened_after_a_crash(tmp_path: Path) -> None:
    """What a killed process left in the write-ahead log is no damage."""
    path = tmp_path / "shots.db"
    await filled(path, 40)
    code = (
        "import asyncio, os, signal, sys; from cometrunway import Entry, Journal\n"
        "async def main():\n"
        "    journal = await Journal(sys.argv[1]).__aenter__()\n"
        "    for number in range(300):\n"
        "        await journal.begin(Entry(key=f'n{number}', route='r', fingerprint='f', request={'p': 'x' * 9000}))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)  # noqa: ASYNC221 - nothing else runs
    async with Journal(path) as journal:
        assert await journal.find("n299")


def test_a_store_that_is_not_open_says_so(tmp_path: Path) -> None:
    """Nothing is read or written before it is opened, and the error names the file."""
    store = SqliteStore(tmp_path / "shots.db", lock_timeout=1, output_dir=None)
    with pytest.raises(errors.JournalError, match=r"shots\.db is not open"):
        store.commit([lambda _: None])
    with pytest.raises(errors.JournalError, match=r"shots\.db is not open"):
        _ = store.records
    store.lock()
    store.open()
    assert store.commit([lambda _: None]) == [None]
    store.close()


async def test_a_file_is_not_shared(tmp_path: Path) -> None:
    """One process writes it at a time, so that nobody else waits for its tasks."""
    async with Journal(tmp_path / "shots.db") as journal:
        assert not journal.is_shared
