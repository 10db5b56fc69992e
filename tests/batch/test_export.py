"""A journal written out: JSON Lines that any program reads, and CSV that a spreadsheet shows and never runs."""

import asyncio
import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from cometrunway import Asset, Entry, Journal
from cometrunway._batch._export import write_csv, write_jsonl
from cometrunway._batch._journal_report import JournalReport
from cometrunway._journal._place import Place
from cometrunway.emulator import Emulator
from tests.samples import yawn

SIGNS = "=+-@＝＋－＠"  # noqa: RUF001 - what a Japanese spreadsheet knows, too
PLAIN: dict[str, Any] = {"route": "image_to_video", "prompt_image": "https://example.com/cat.jpg", "prompt_text": "a"}
FIXED = [
    "key",
    "route",
    "state",
    "prompt",
    "task_id",
    "submitted_at",
    "created_at",
    "ended_at",
    "delivered_at",
    "seconds",
    "reason",
    "path",
    "size",
    "sha256",
    "unverified",
    "creates",
]


def report(folder: Path, *requests: dict[str, Any], keys: str = "shot", files: tuple[Asset, ...] = ()) -> JournalReport:
    """Return the report of a journal with these requests, each delivered as these files."""

    async def made() -> Place:
        async with Journal(folder / "shots.db") as journal:
            for number, request in enumerate(requests):
                key = keys if len(requests) == 1 else f"{keys}{number}"
                await journal.begin(Entry(key=key, route=request["route"], fingerprint="f", request=request))
                await journal.accept(key, task_id=f"t{number}", created_at=1_700_000_000.75)
                await journal.deliver(key, files)
        return journal.place

    return JournalReport(asyncio.run(made()))


def as_csv(found: JournalReport) -> str:
    """Return the CSV of a report, which UTF-8 can carry."""
    stream = io.StringIO(newline="")
    write_csv(found, stream)
    return stream.getvalue().encode().decode()


def rows(found: JournalReport) -> list[dict[str, str]]:
    """Return the CSV of a report as a program reads it."""
    text = as_csv(found)
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True))


def test_every_field_has_a_column_of_its_own(tmp_path: Path) -> None:
    """First those that all journals have, then the requests' in the order of the routes, then unknown ones."""
    vector = {"x": 0, "r": -6}
    local = {"path": "/in/cat.png", "sha256": "0" * 64}
    first, second, third = rows(
        report(
            tmp_path,
            {"route": "pro_generate", "prompt": "熊", "seconds": 5, "motion_vector": vector, "flip": True, "new": 1},
            PLAIN | {"duration": 10, "prompt_image": local, "seed": 7},
            PLAIN | {"prompt_image": {"url": "https://example.com/a", "sha256": "0"}, "size": 1},
        )
    )
    names = ["prompt_image", "duration", "seed", "request.seconds", "motion_vector", "flip", "new", "request.size"]
    assert list(first) == [*FIXED, *names]
    assert [row["prompt"] for row in (first, second, third)] == ["熊", "a", "a"]
    assert json.loads(first["motion_vector"]) == vector
    assert (first["request.seconds"], first["flip"], first["seed"], second["seed"]) == ("5", "true", "", "7")
    assert (second["prompt_image"], third["prompt_image"]) == ("/in/cat.png", "https://example.com/a")
    assert third["request.size"] == "1"


def test_times_and_files_can_be_read(tmp_path: Path) -> None:
    """Times are ISO 8601 with a zone, sizes bytes; several files of one task are one row."""
    files = tuple(Asset(url="u", path=Path(f"/out/{n}.mp4"), size=n, sha256=f"{n}" * 8) for n in (1, 2))
    [row] = rows(report(tmp_path, PLAIN, files=files))
    assert row["created_at"] == "2023-11-14T22:13:20+00:00"
    assert (row["path"], row["size"], row["sha256"]) == ("/out/1.mp4;/out/2.mp4", "3", "11111111;22222222")
    assert (row["state"], row["task_id"], row["creates"], row["reason"]) == ("delivered", "t0", "1", "")


@pytest.mark.parametrize("sign", [*SIGNS, " =", "\t", "\r", "\n=", "\ufeff=", '"=', "\t=cmd|' /C calc'!"])
def test_no_text_is_a_formula(sign: str, tmp_path: Path) -> None:
    """Whatever a key, a prompt or another field begins with, a spreadsheet shows it and does not run it."""
    text = f"{sign}A0"
    key = text if text.isprintable() else "=A0"
    [row] = rows(report(tmp_path, PLAIN | {"prompt_text": text, "model": text, "style": [text]}, keys=key))
    assert all(row[name].startswith("'") for name in ("key", "prompt", "model"))
    assert json.loads(row["style"]) == [text]


@pytest.mark.parametrize("separator", [";", "\t", "\n", "\r", "; ", ';"', '\r\n ";'])
@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_no_text_is_a_formula_for_another_separator(separator: str, delimiter: str, tmp_path: Path) -> None:
    """A spreadsheet that takes semicolons for the separator, as the German one does, finds no formula either."""
    text = f"a{separator}=1+1{separator}@x, @ink - b"
    written = as_csv(report(tmp_path, PLAIN | {"prompt_text": text, "prompt_image": {"url": text, "sha256": "0"}}))
    for row in csv.reader(written.splitlines(keepends=True), delimiter=delimiter):
        assert not [cell for cell in row if cell.strip('" \t\r\n').startswith(tuple(SIGNS))]


def test_a_number_is_a_number(tmp_path: Path) -> None:
    """A negative one is no formula, and text is changed nowhere but where one could begin."""
    text = "slow push-in; a-b = c, @ink"
    [row] = rows(
        report(tmp_path, PLAIN | {"motion_multiplier": -3, "structure_transformation": 0.5, "prompt_text": text})
    )
    assert (row["motion_multiplier"], row["structure_transformation"], row["prompt"]) == ("-3", "0.5", text)


def test_a_cell_with_a_line_end_is_one_cell(tmp_path: Path) -> None:
    """A prompt of several lines stays in its row, whichever line ends it has."""
    found = report(tmp_path, PLAIN | {"prompt_text": 'a\rb\nc\r\nd,"e"'}, PLAIN)
    assert [row["prompt"] for row in rows(found)] == ['a\rb\nc\r\nd,"e"', "a"]


def test_a_path_that_is_no_utf8_is_written_in_both(tmp_path: Path) -> None:
    """Its `file:` URI, of output and input alike, from which the name can be had again; strict programs read all."""
    folder = os.fsdecode(b"/data/caf\xe9")
    local = {"path": f"{folder}/in.png", "sha256": "0"}
    files = (Asset(url="u", path=Path(folder, "a b.mp4"), size=5, sha256="0"),)
    found = report(tmp_path, PLAIN | {"prompt_image": local, "references": [{"uri": local}]}, files=files)
    stream = io.StringIO()
    write_jsonl(found, stream)
    [record] = map(json.loads, stream.getvalue().splitlines())
    [row] = rows(found)
    assert record["files"] == [row["path"]] == ["file:///data/caf%E9/a%20b.mp4"]
    assert record["request"]["prompt_image"]["path"] == row["prompt_image"] == "file:///data/caf%E9/in.png"
    assert json.dumps(record, ensure_ascii=False).encode()


def test_an_empty_journal_has_its_columns(tmp_path: Path) -> None:
    """Nothing was submitted: the heading alone."""
    assert as_csv(report(tmp_path)) == "\ufeff" + ",".join(FIXED) + "\r\n"


async def test_how_long_a_task_took_is_a_column(session: Any, tmp_path: Path) -> None:
    """It is the seconds from the create's answer to the poll that found the end; nothing where there is no end yet."""
    path = tmp_path / "shots.db"
    async with Emulator() as emulator:
        async with session(emulator, journal=path) as runway:
            await (await runway.submit(yawn(1), key="ended"))
        with pytest.raises(KeyError):
            async with session(emulator, journal=path) as runway:
                await runway.submit(yawn(2, "[stuck]"), key="stuck")
                raise KeyError
    ended, stuck = rows(JournalReport(path))
    assert float(ended["seconds"]) >= 0
    assert stuck["seconds"] == ""


def test_a_file_in_a_bucket_is_named_by_its_address(tmp_path: Path) -> None:
    """Where a session keeps files in a bucket, its journal tells where, with size and digest."""
    place = "s3://clips/of/today/shot.mp4"
    found = report(tmp_path, PLAIN, files=(Asset(url="https://x/1", location=place, size=5, sha256="d" * 64),))
    [record] = found.records()
    assert (record["files"], record["bytes"], record["sha256"]) == ([place], 5, ["d" * 64])
    [row] = csv.DictReader(io.StringIO(as_csv(found).removeprefix("\ufeff")))
    assert (row["path"], row["size"], row["sha256"]) == (place, "5", "d" * 64)
