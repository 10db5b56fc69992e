"""The commands about a journal: `status`, `export`, `resolve`, `check`, `prune`."""

import csv
import json
import os
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from attrs import frozen

from cometrunway import Entry, Journal, State
from cometrunway._cli._main import main
from tests.recorded import Recorded, record_now
from tests.served import COMMAND


@frozen
class Ended:
    """What a command said, and its exit status."""

    status: int
    out: str
    error: str


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Return what runs a command in this process, in a fresh folder."""
    monkeypatch.chdir(tmp_path)

    def run_it(*arguments: str) -> Ended:
        try:
            status: object = main(arguments)
        except SystemExit as ended:
            status = ended.code
        captured = capsys.readouterr()
        assert isinstance(status, int)
        return Ended(status, captured.out, captured.err)

    return run_it


def entry(key: str) -> Entry:
    """Return what the journal says of a shot."""
    return {each.key: each for each in Journal.read("shots.db")}[key]


def test_a_journal_is_shown_as_text_and_as_json(here: Callable[..., Ended]) -> None:
    """The counts are the same, and what needs a decision is named."""
    record_now(
        Path("shots.db"), [Recorded(key="a"), Recorded(key="b", outcome="in_doubt", reason="the answer is lost")]
    )
    text, counts = here("status", "shots.db"), here("status", "shots.db", "--json")
    assert (text.status, counts.status) == (0, 0)
    assert json.loads(counts.out).items() >= {"total": 2, "delivered": 1, "in_doubt": 1, "failed": 0}.items()
    assert "1 delivered" in text.out
    assert "the answer is lost" in text.out


def test_an_export_has_one_record_for_each_submission(here: Callable[..., Ended]) -> None:
    """In the order of submission, on standard output or in a file, as JSON Lines or CSV."""
    record_now(Path("shots.db"), [Recorded(key=key) for key in "cab"])
    lines = here("export", "shots.db").out
    assert [json.loads(line)["key"] for line in lines.splitlines()] == ["c", "a", "b"]
    assert here("export", "shots.db", "-o", "a.jsonl") == Ended(0, "", "")
    assert Path("a.jsonl").read_text() == lines
    assert here("export", "shots.db", "--format", "jsonl", "-o", "a.csv").status == 0
    assert Path("a.csv").read_text() == lines
    assert here("export", "shots.db", "-o", "a.csv").status == 0
    assert here("export", "shots.db", "-o", ".").error.endswith("cannot write .: it is a folder; name a file in it\n")
    with Path("a.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["key"] for row in csv.DictReader(file)] == ["c", "a", "b"]


def test_a_decision_about_a_doubt_is_recorded(here: Callable[..., Ended]) -> None:
    """Of what is not in doubt, and with an id that no task has or that belongs to another shot, nothing is changed."""
    record_now(Path("shots.db"), [Recorded(key="a"), *(Recorded(key=key, outcome="in_doubt") for key in "bc")])
    told = "b is no longer in doubt: `cometrunway resume shots.db` waits for its task\n"
    assert here("resolve", "shots.db", "b", "--task-id", "t-7") == Ended(0, told, "")
    assert (entry("b").state, entry("b").task_id) == (State.ACCEPTED, "t-7")
    for key, *decision in (
        ("c", "--task-id", "t-7"),
        ("c", "--task-id", ".."),
        ("c", "--task-id", "t-8", "--not-created"),
        ("c",),
        ("a", "--not-created"),
        ("absent", "--not-created"),
    ):
        refused = here("resolve", "shots.db", key, *decision)
        assert (refused.status, refused.out) == (2, "")
    assert (entry("a").state, entry("c").state) == (State.DELIVERED, State.IN_DOUBT)
    assert here("resolve", "shots.db", "c", "--not-created").out == "c is no longer in doubt: the next run submits it\n"
    assert entry("c").state is State.REFUSED


@pytest.mark.parametrize(
    "arguments",
    [
        ["status", "absent.db"],
        ["status", "nowhere/absent.db"],
        ["resume", "absent.db"],
        ["export", "absent.db"],
        ["resolve", "absent.db", "k"],
    ],
)
def test_a_journal_that_is_not_there_is_not_made(
    arguments: list[str], here: Callable[..., Ended], tmp_path: Path
) -> None:
    """The commands on journals name the file that is missing, and make none."""
    more = ["--not-created"] if arguments[0] == "resolve" else []
    ended = here(*arguments, *more)
    assert ended.status == 2
    assert f"there is no journal {arguments[1]}" in ended.error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("date", ["", "soon", "2026-13-01", "9999-12-31", "1.5", "-1"])
def test_what_is_no_date_prunes_nothing(date: str, here: Callable[..., Ended], tmp_path: Path) -> None:
    """It is named, and the journal stays as it is."""
    record_now(tmp_path / "shots.db", [Recorded(key="shot")])
    before = (tmp_path / "shots.db").read_bytes()
    for dates in ([f"--delivered-before={date}"], ["--delivered-before=2024-01-01", f"--forget-keys-before={date}"]):
        done = here("prune", "shots.db", *dates)
        assert done.status == 2
        assert "must be a date such as" in done.error or "future" in done.error
    assert (tmp_path / "shots.db").read_bytes() == before


@pytest.mark.parametrize("command", [("check",), ("prune", "--delivered-before", "2026-01-01")])
def test_what_is_no_journal_is_neither_checked_nor_pruned(
    command: tuple[str, ...], here: Callable[..., Ended], tmp_path: Path
) -> None:
    """A missing file is not made, and a folder or another file is left as it is."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("not a journal")
    name, *options = command
    for journal in ("none.db", "folder", "text"):
        done = here(name, journal, *options)
        assert done.status == 2
        assert journal in done.error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "text"]


def test_a_damaged_journal_is_status_1_of_check(here: Callable[..., Ended], tmp_path: Path) -> None:
    """Each damage is a line, and the cure is on standard error."""
    record_now(tmp_path / "shots.db", [Recorded(key="shot"), Recorded(key="other")])
    with closing(sqlite3.connect(tmp_path / "shots.db", isolation_level=None)) as database:
        database.execute("UPDATE submission SET request = '{' WHERE key = 'shot'")
    done = here("check", "shots.db")
    assert done.status == 1
    assert done.out == "shots.db: the row of 'shot' cannot be read\n"
    assert "restore a backup" in done.error


def test_a_table_led_into_a_file_is_that_of_the_option(here: Callable[..., Ended], tmp_path: Path) -> None:
    """`export --format csv > FILE` writes the bytes of `-o FILE`, whatever encoding the terminal has."""
    record_now(tmp_path / "shots.db", [Recorded(key="=1+1", prompt="Bär\r熊")])
    export = ["export", "shots.db", "--format", "csv"]
    assert here(*export, "-o", "shots.csv").status == 0
    env = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    piped = subprocess.run([*COMMAND, *export], cwd=tmp_path, env=env, capture_output=True, check=True)
    assert piped.stdout == (tmp_path / "shots.csv").read_bytes()
    assert piped.stdout.startswith(b"\xef\xbb\xbfkey,route,state,prompt,")
    assert '\r\n\'=1+1,image_to_video,delivered,"Bär\r熊",'.encode() in piped.stdout


def test_a_whole_journal_is_checked_and_pruned(here: Callable[..., Ended]) -> None:
    """Both tell of how many submissions; what is in doubt is not pruned."""
    record_now(Path("shots.db"), [Recorded(key="a"), Recorded(key="b"), Recorded(key="c", outcome="in_doubt")])
    assert here("check", "shots.db") == Ended(0, "shots.db: no damage, 3 submissions\n", "")
    pruned = here("prune", "shots.db", "--delivered-before", datetime.now(UTC).isoformat())
    assert (pruned.status, pruned.error) == (0, "")
    assert pruned.out.startswith("shots.db: 2 submissions pruned; ")
    assert here("check", "shots.db").out == "shots.db: no damage, 3 submissions\n"
