"""Shots of a batch file that a journal has already, whatever has become of the file since."""

import asyncio
import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cometrunway import Entry, Journal, Shot, request_from_dict
from cometrunway._batch._files import BatchFileError, read_batch
from cometrunway._batch._known import KnownShots, known_shots, told
from cometrunway._wire._identity import describe, identity
from tests.samples import CAT

SAMPLES = Path(__file__).parent.parent / "journal" / "samples"


def row(prompt: str, **fields: Any) -> dict[str, Any]:
    """Return a row of a batch file."""
    return {"route": "image_to_video", "prompt_image": CAT, "prompt_text": prompt, **fields}


def found(path: Path, rows: Iterable[dict[str, Any]], other_keys: Any = None) -> KnownShots:
    """Write a batch file, and find its shots in the journal beside it."""
    path.write_text("\n".join(map(json.dumps, rows)))
    return known_shots(read_batch(path), path.with_name("shots.db"), other_keys)


def buy(folder: Path, shots: Iterable[Shot], *, is_refused: bool = False) -> None:
    """Record shots as accepted, or as refused."""

    async def record() -> None:
        async with Journal(folder / "shots.db") as journal:
            for shot in shots:
                description = describe(shot.request)
                entry = Entry(
                    key=shot.key, route=shot.request.route, fingerprint=identity(description), request=description
                )
                assert await journal.begin(entry) is None
                if is_refused:
                    await journal.refuse(shot.key, "because")
                else:
                    await journal.accept(shot.key, task_id=f"task-of-{shot.key}", created_at=1.7e9)

    asyncio.run(record())


def new(known: KnownShots) -> dict[str, str]:
    """Return the shots that would be paid for: their prompts, by key."""
    return {shot.key: getattr(shot.request, "prompt_text", "") for shot in known.shots if shot.key not in known.entries}


ABC = [row(prompt) for prompt in "abc"]


@pytest.mark.parametrize(
    ("name", "rows", "paid_for"),
    [
        ("shots.jsonl", ABC, {}),
        ("renamed.jsonl", ABC, {}),
        ("shots.jsonl", [*ABC, row("d")], {"shots-0004": "d"}),
        ("shots.jsonl", ABC[1:], {}),
        ("shots.jsonl", ABC[::-1], {}),
        ("renamed.jsonl", [row("x"), *ABC], {"renamed-0001": "x"}),
        ("renamed.jsonl", [ABC[0], ABC[0], *ABC[1:]], {"renamed-0002": "a"}),
    ],
    ids=["same", "renamed", "appended", "a line less", "reversed", "renamed and inserted", "one more of equal content"],
)
def test_unnamed_shots_are_known_by_content(
    name: str, rows: list[dict[str, Any]], paid_for: dict[str, str], tmp_path: Path
) -> None:
    """Whatever has become of the file, what was paid for is used under the key that it has, and nothing else is new."""
    buy(tmp_path, found(tmp_path / "shots.jsonl", ABC).shots)
    known = found(tmp_path / name, rows)
    assert new(known) == paid_for
    assert len({shot.key for shot in known.shots}) == len(rows)
    assert all(
        known.entries[shot.key].fingerprint == identity(describe(shot.request))
        for shot in known.shots
        if shot.key in known.entries
    )


def test_an_inserted_line_is_bought_once(tmp_path: Path) -> None:
    """It gets a key that the journal has for nothing else, and the same one in each further run."""
    buy(tmp_path, found(tmp_path / "shots.jsonl", ABC).shots)
    known = found(tmp_path / "shots.jsonl", [row("x"), *ABC])
    [(key, prompt)] = new(known).items()
    assert prompt == "x"
    assert key.startswith("shots-0001-")
    assert list(told(known, Path("shots.db"))) == [
        "3 of 4 shots are in shots.db under other keys, as after a change of the file or of its name: shots-0002 as "
        "shots-0001, shots-0003 as shots-0002, shots-0004 as shots-0003; not paid for again",
        f"1 of 4 shots gets a longer key, for shots.db has another shot under the shorter: shots-0001 as {key}",
    ]
    buy(tmp_path, [shot for shot in known.shots if shot.key == key])
    y = identity(describe(request_from_dict(row("y"))))
    assert new(found(tmp_path / "shots.jsonl", [row("x"), *ABC])) == {}
    assert new(found(tmp_path / "shots.jsonl", [row("y"), row("x"), *ABC])) == {f"shots-0001-{y[:8]}": "y"}


def test_a_changed_line_is_refused(tmp_path: Path) -> None:
    """Where the shot of its key is no longer in the file, it may be that one that was changed by mistake."""
    buy(tmp_path, found(tmp_path / "shots.jsonl", ABC).shots)
    with pytest.raises(BatchFileError, match=r"shots.jsonl:2: shots-0002: belongs to another request .*'b' there, 'x'"):
        found(tmp_path / "shots.jsonl", [ABC[0], row("x"), ABC[2]])


def test_named_shots_under_other_keys_are_for_the_user_to_judge(tmp_path: Path) -> None:
    """They are refused with both cures; one uses what is there, the other pays again, and each only for them."""
    named = [row(prompt, key=f"old-{prompt}") for prompt in "abc"]
    buy(tmp_path, found(tmp_path / "shots.jsonl", [*named, row("d")]).shots)
    renamed = [*(row(prompt, key=f"new-{prompt}") for prompt in "abc"), row("d")]
    with pytest.raises(
        BatchFileError, match=r"3 of 4 shots are in .* under other keys: new-a as old-a, .*; add --other"
    ):
        found(tmp_path / "more.jsonl", renamed)
    used = found(tmp_path / "more.jsonl", renamed, "use")
    assert [shot.key for shot in used.shots] == ["old-a", "old-b", "old-c", "shots-0004"]
    assert new(used) == {}
    assert new(found(tmp_path / "more.jsonl", renamed, "buy")) == {"new-a": "a", "new-b": "b", "new-c": "c"}


def test_several_of_equal_content_are_several(tmp_path: Path) -> None:
    """Another shot of the same content, beside those that the journal has under their keys, is simply new."""
    takes = [row("a", key="take-1"), row("a", key="take-2"), row("a", key="take-3")]
    buy(tmp_path, found(tmp_path / "shots.jsonl", takes[:2]).shots)
    assert new(found(tmp_path / "shots.jsonl", takes)) == {"take-3": "a"}


def test_what_was_refused_is_new(tmp_path: Path) -> None:
    """Nothing was paid for it, under whichever key."""
    buy(tmp_path, found(tmp_path / "shots.jsonl", ABC).shots, is_refused=True)
    known = found(tmp_path / "renamed.jsonl", ABC)
    assert new(known) == {"renamed-0001": "a", "renamed-0002": "b", "renamed-0003": "c"}
    assert not list(told(known, Path("shots.db")))


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_journal_of_an_earlier_version_is_recognised(version: int, tmp_path: Path) -> None:
    """By key and by content, though its digests were made by another rule; nothing of it is paid for again."""
    with closing(sqlite3.connect(tmp_path / "shots.db", isolation_level=None)) as database:
        database.executescript((SAMPLES / f"version{version}.sql").read_text())
    rows = [
        row("a cat", key="plain"),
        row("no key"),
        row("no key"),
        {"route": "video_upscale", "key": "other", "video_uri": "https://example.com/v.mp4?signature=1"},
    ]
    assert new(found(tmp_path / "shots.jsonl", rows, "use")) == {}
