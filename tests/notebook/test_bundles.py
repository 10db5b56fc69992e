"""What values look like, as HTML and as text."""

import json
from pathlib import Path
from typing import Any

import pytest

from cometrunway import Asset, Batch, Entries, Entry, Failure, ImageToVideo, Journal, Shot, Task, TaskHandle, TaskStatus
from cometrunway.emulator import Emulator, Fault
from tests.notebook.test_html import Read
from tests.samples import CAT, PNG

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>'\""
ALLOWED = {
    "div",
    "b",
    "span",
    "figure",
    "figcaption",
    "video",
    "img",
    "audio",
    "a",
    "table",
    "tr",
    "th",
    "td",
    "progress",
    "pre",
}


def read(value: Any) -> Read:
    """Return what a browser makes of a value's display, and make sure that it is harmless."""
    bundle = value._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    found = Read()
    found.feed(bundle["text/html"])
    found.close()
    assert {name for name, _ in found.tags} <= ALLOWED
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]
    sources = [str(attributes.get("src") or attributes.get("href") or "") for _, attributes in found.tags]
    assert not [source for source in sources if source.startswith(("javascript", "http", "file"))]
    return found


async def test_every_value_is_shown_and_harmless(session: Any, tmp_path: Path) -> None:
    """Keys, prompts, reasons and names are text; a failed shot shows its reason, a delivered one plays."""
    journal = tmp_path / "shots.db"
    prompts = {"a" + EVIL: EVIL, "b": "[fail SAFETY.INPUT.TEXT]", "c": EVIL}
    async with Emulator() as emulator, session(emulator, journal=journal, max_creates=1) as runway:
        emulator.script("create", *[Fault.ok()] * 2, Fault.answer(400, {"error": {"message": EVIL}}))
        requests = {key: ImageToVideo(prompt_image=CAT, prompt_text=prompt) for key, prompt in prompts.items()}
        batch = runway.map(Shot(key, request) for key, request in requests.items())
        assert "nothing submitted yet" in read(batch).text
        handles = await batch
        values: list[Any] = [batch, *handles, *filter(None, (handle.task for handle in handles)), *await handles[0]]
        entries = Journal.read(journal)
        for value in [*values, entries, *entries]:
            read(value)
    assert "Content moderation [SAFETY.INPUT.TEXT]" in read(handles[1]).text
    assert "Content moderation [SAFETY.INPUT.TEXT]" in handles[1]._repr_mimebundle_()["text/plain"]
    assert "Content moderation [SAFETY.INPUT.TEXT]" in read(entries).text
    assert EVIL in read(batch).text
    assert [name for name, _ in read(batch).tags].count("video") == 1
    assert [name for name, _ in read(handles[0]).tags].count("video") == 1


async def test_a_running_task_shows_how_far_it_is(session: Any) -> None:
    """A handle shows the status and the progress of its task as text too."""
    async with Emulator(duration=50) as emulator, session(emulator) as runway:
        handle = await runway.submit(ImageToVideo(prompt_image=CAT, prompt_text="yawns"), key="cat")
        async for _ in runway.events(handle):
            if handle.task and handle.task.progress:
                break
        assert "running" in read(handle).text
        assert [attributes["max"] for name, attributes in read(handle).tags if name == "progress"] == ["1"]


def test_a_copy_of_a_handle_is_its_repr() -> None:
    """What no session knows is shown as it is printed."""
    from cometrunway._handle import TaskReference

    copy = TaskHandle(TaskReference(id="t1", route="image_to_video", key="cat"))
    assert read(copy).text == repr(copy) == copy._repr_mimebundle_()["text/plain"]


def test_a_task_shows_its_failure() -> None:
    """Outputs lose their signature, and a failure is there as text too."""
    failed = Task(id="t1", status=TaskStatus.FAILED, failure=Failure(message=EVIL, code="SAFETY"))
    done = Task(id="t2", status=TaskStatus.SUCCEEDED, outputs=("https://h/a.mp4?signature=secret",), progress=0.5)
    assert f"{EVIL} [SAFETY]" in read(failed).text
    assert EVIL in failed._repr_mimebundle_()["text/plain"]
    assert "secret" not in json.dumps(done._repr_mimebundle_())
    assert "50%" in read(done).text


def test_many_entries_are_cut() -> None:
    """A table shows the first hundred, and how many more there are."""
    entries = Entries(Entry(key=str(n), route="image_to_video", fingerprint="", request={}) for n in range(1000))
    assert [name for name, _ in read(entries).tags].count("tr") == 101
    assert "and 900 more" in read(entries).text
    assert len(entries._repr_mimebundle_()["text/plain"]) < 10_000


@pytest.mark.parametrize(
    ("name", "element"), [("a.mp4", "video"), ("a.png", "img"), ("a.mp3", "audio"), ("a.bin", "a"), ("a.svg", "div")]
)
def test_a_file_is_shown_as_its_kind(name: str, element: str, tmp_path: Path) -> None:
    """Videos and sounds play, images are seen, other files of tasks are linked, and nothing else is."""
    (tmp_path / name).write_bytes(PNG)
    shown = read(Asset(url="https://h/a?s=1", path=tmp_path / name, size=len(PNG)))
    assert [tag for tag, _ in shown.tags if tag not in {"figure", "figcaption"}][1] == element
    assert name in shown.text


def test_the_public_values_are_displayed() -> None:
    """All that a cell may end with has a display."""
    for cls in (TaskHandle, Task, Asset, Entry, Entries, Batch):
        assert callable(cls._repr_mimebundle_)
