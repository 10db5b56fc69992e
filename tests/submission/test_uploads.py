"""Local files that no data URI holds are uploaded: once, before anything is recorded, and never with the key."""

import asyncio
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from cometrunway import Event, EventKind, Provider, Session, VideoToVideo, errors
from cometrunway._journal._entry import State
from cometrunway._submission import _sender, _uploads
from cometrunway.emulator import Emulator, Fault
from tests.samples import MP4

SMALL = MP4
LARGE = MP4 + bytes(range(256)) * 40
LIMIT = 1_000
"""Characters of a data URI at the provider of these tests, so that its files are small."""


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Return a file that is uploaded."""
    path = tmp_path / "film.mp4"
    path.write_bytes(LARGE)
    return path


def at(emulator: Emulator, folder: Path, **options: Any) -> Session:
    """Return a session at a provider whose data URIs are short, and which takes uploads."""
    provider = Provider(
        name="brief",
        origin=emulator.base_url,
        key_variable="BRIEF_KEY",
        prefix="/v1",
        routes=["video_to_video"],
        inline_limits={"video": LIMIT},
        has_uploads=True,
    )
    return Session(emulator.api_key, provider=provider, output_dir=folder / "out", **options)


def restyle(video: Path | bytes, number: int = 0) -> VideoToVideo:
    """Return a request that no other number shares."""
    return VideoToVideo(video_uri=video, prompt_text=f"snow {number}", model="aleph2", ratio=None)


def uris(emulator: Emulator) -> list[str]:
    """Return the URI of the video of each create that was accepted."""
    return [task.body["videoUri"] for task in emulator.tasks.values()]


def stored(emulator: Emulator) -> int:
    """Return how many files were sent to the storage, whatever it answered."""
    return len(emulator.requests_of("storage"))


async def test_a_large_file_is_uploaded_and_a_small_one_is_sent_inline(film: Path, tmp_path: Path) -> None:
    """What stands for it is the URI of an upload of the same content; the storage never sees the key."""
    async with Emulator() as emulator, at(emulator, tmp_path) as runway:
        for video in (film, LARGE + b"!", SMALL):
            await (await runway.submit(restyle(video)))
    [first, second] = emulator.uploads
    assert uris(emulator)[:2] == [first.uri, second.uri]
    assert uris(emulator)[2].startswith("data:video/mp4;base64,")
    assert (first.filename, first.media_type, first.sha256) == ("film.mp4", "video/mp4", sha256(LARGE).hexdigest())
    assert (second.filename, second.size) == ("upload.mp4", len(LARGE) + 1)
    assert not emulator.leaked_credentials
    assert all("authorization" not in request.headers for request in emulator.requests_of("storage"))


async def test_a_content_is_uploaded_once_in_a_session(film: Path, tmp_path: Path) -> None:
    """Submissions at the same time share an upload, and so do later ones and other files of the same content."""
    async with Emulator() as emulator, at(emulator, tmp_path) as runway:
        async with asyncio.TaskGroup() as group:
            for number in range(20):
                group.create_task(runway.submit(restyle(film, number)))
        other = film.with_name("copy.mp4")
        other.write_bytes(LARGE)
        await runway.submit(restyle(other, 20))
        await runway.submit(restyle(LARGE, 21))
    assert set(uris(emulator)) == {emulator.uploads[0].uri}
    assert (emulator.creates.accepted, len(emulator.uploads), stored(emulator)) == (22, 1, 1)


async def test_a_session_remembers_the_latest_uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that lives for weeks does not grow by each file: of more than so many, the oldest is uploaded again."""
    monkeypatch.setattr(_uploads, "_REMEMBERED", 2)
    files = [LARGE + bytes([number]) for number in range(3)]
    async with Emulator() as emulator, at(emulator, tmp_path) as runway:
        for number, file in enumerate((*files, files[2], files[1], files[0])):
            await runway.submit(restyle(file, number))
    assert [upload.sha256 for upload in emulator.uploads] == [sha256(file).hexdigest() for file in (*files, files[0])]


FREE = [
    *(("upload", fault) for fault in ("500", "502", "429", "429/2", "drop", "lost", "reset", "cut")),
    *(("storage", fault) for fault in ("500", "503", "429", "408", "502", "drop", "lost", "reset")),
]


@pytest.mark.parametrize(("operation", "fault"), FREE, ids=[f"{step} {name}" for step, name in FREE])
async def test_an_upload_is_retried_for_it_is_free(operation: Any, fault: str, film: Path, tmp_path: Path) -> None:
    """Both of its steps; the create is sent once, after it."""
    async with Emulator() as emulator, at(emulator, tmp_path, journal=tmp_path / "shots.db") as runway:
        emulator.script(operation, Fault.parse(fault), Fault.parse(fault))
        await (await runway.submit(restyle(film), key="shot"))
    assert emulator.scripted(operation) == 0
    assert (emulator.creates.received, emulator.creates.accepted) == (1, 1)
    assert uris(emulator) == [emulator.uploads[-1].uri]


REFUSED = {
    "the storage refuses": ("storage", Fault.answer(403), errors.UploadError, "HTTP 403 AccessDenied"),
    "the storage redirects": ("storage", Fault.redirect("https://example.com/"), errors.UploadError, "HTTP 307"),
    "the API refuses": ("upload", Fault.answer(400), errors.UploadError, "HTTP 400"),
    "the API refuses the key": ("upload", Fault.answer(401), errors.AuthenticationError, "HTTP 401"),
    "the API names no address": (
        "upload",
        Fault.answer(200, {"runwayUri": "runway://a"}),
        errors.UploadError,
        "address",
    ),
}


@pytest.mark.parametrize(("operation", "fault", "expected", "text"), REFUSED.values(), ids=REFUSED)
async def test_an_upload_that_fails_leaves_no_doubt(
    operation: Any, fault: Fault, expected: type[Exception], text: str, film: Path, tmp_path: Path
) -> None:
    """Nothing is recorded and nothing sent; the error says so, and the same key can be submitted again."""
    events: list[Event] = []
    async with (
        Emulator() as emulator,
        at(emulator, tmp_path, journal=tmp_path / "shots.db", on_event=events.append) as runway,
    ):
        emulator.script(operation, *[fault] * 6)
        with pytest.raises(expected, match=text) as caught:
            await runway.submit(restyle(film), key="shot")
        assert caught.value.key == "shot"  # type: ignore[attr-defined]  # all are CometRunwayErrors
        assert emulator.creates.received == 0
        assert await runway.find("shot") is None
        assert [event.kind for event in events if event.kind is not EventKind.UPLOADING] == [EventKind.REFUSED]
        emulator._picker._scripts[operation].clear()
        await (await runway.submit(restyle(film), key="shot"))
    assert emulator.creates.accepted == 1


async def test_all_that_share_an_upload_fail_with_it_each_by_itself(film: Path, tmp_path: Path) -> None:
    """Each error names its own submission and the file; the next submission tries anew."""
    async with Emulator() as emulator, at(emulator, tmp_path) as runway:
        emulator.script("storage", Fault.answer(403))
        made = [runway.submit(restyle(film, number), key=f"shot-{number}") for number in range(3)]
        failures = await asyncio.gather(*made, return_exceptions=True)
        assert [getattr(error, "key", None) for error in failures] == ["shot-0", "shot-1", "shot-2"]
        assert all("film.mp4') could not be uploaded, and nothing was submitted" in str(error) for error in failures)
        await runway.submit(restyle(film))
    assert (stored(emulator), emulator.creates.received) == (2, 1)


async def test_running_again_uploads_and_buys_nothing(film: Path, tmp_path: Path) -> None:
    """The journal has the digest of the file itself, wherever it was sent to."""
    async with Emulator() as emulator:
        for _ in range(2):
            async with at(emulator, tmp_path, journal=tmp_path / "shots.db") as runway:
                async for handle in runway.map(restyle(film, number) for number in range(3)):
                    await handle
    assert (emulator.creates.received, len(emulator.uploads)) == (3, 1)


async def test_what_is_submitted_once_more_is_uploaded_anew(film: Path, tmp_path: Path) -> None:
    """In another session, where the user has decided to pay again for what has failed."""
    async with Emulator() as emulator:
        emulator.next_task(fails="INTERNAL")
        for resubmit in (lambda _: False, lambda _: True):
            async with at(emulator, tmp_path, journal=tmp_path / "shots.db") as runway:
                async for handle in runway.map([restyle(film)], resubmit=resubmit):
                    await handle.wait()
    assert (emulator.creates.accepted, len(emulator.uploads)) == (2, 2)


async def test_a_create_that_is_sent_again_uses_the_upload_again(film: Path, tmp_path: Path) -> None:
    """After answers that prove refusal."""
    async with Emulator() as emulator, at(emulator, tmp_path) as runway:
        emulator.script("create", Fault.rate_limited(1), Fault.rate_limited(1))
        await runway.submit(restyle(film))
    assert (emulator.creates.received, stored(emulator)) == (3, 1)


async def test_nothing_is_uploaded_that_may_not_be_submitted(film: Path, tmp_path: Path) -> None:
    """A budget is counted before, and only once; what is stopped stays where it is."""
    async with Emulator() as emulator, at(emulator, tmp_path, budget=1) as runway:
        await runway.submit(restyle(film))
        with pytest.raises(errors.BudgetError):
            await runway.submit(restyle(LARGE + b"!"))
    async with Emulator() as other, at(other, tmp_path, budget=2) as runway:
        other.script("storage", Fault.answer(403))
        with pytest.raises(errors.UploadError):
            await runway.submit(restyle(film))
        await runway.submit(restyle(film, 1))
        await runway.submit(restyle(film, 2))
        runway.stop_submitting()
        with pytest.raises(errors.BudgetError):
            await runway.submit(restyle(LARGE + b"!"))
    assert (len(emulator.uploads), len(other.uploads)) == (1, 2)


class Clock:
    """The wall clock, of which a test says how far it is ahead."""

    ahead = 0.0

    def time(self) -> float:
        """Return seconds since 1970."""
        return time.time() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let uploads grow old without waiting."""
    made = Clock()
    for module in (_uploads, _sender):
        monkeypatch.setattr(module, "time", made)
    return made


async def test_an_upload_that_has_expired_is_made_anew(film: Path, tmp_path: Path, clock: Clock) -> None:
    """Some time before the provider forgets it; not before that."""
    async with Emulator() as emulator, at(emulator, tmp_path) as runway:
        for hours in (0, 21, 22, 23):
            clock.ahead = hours * 3600.0
            await runway.submit(restyle(film, hours))
    first, second = emulator.uploads
    assert uris(emulator) == [first.uri, first.uri, second.uri, second.uri]


async def test_a_create_that_has_waited_long_is_sent_with_a_fresh_upload(
    film: Path, tmp_path: Path, clock: Clock
) -> None:
    """A gateway may limit creates for a day; if the fresh upload fails, nothing is in doubt."""

    def wait_long(event: Event) -> None:
        clock.ahead += 80_000.0 if event.kind is EventKind.RETRYING else 0.0

    async with (
        Emulator() as emulator,
        at(emulator, tmp_path, journal=tmp_path / "shots.db", on_event=wait_long) as runway,
    ):
        emulator.script("create", Fault.rate_limited(1), Fault.ok(), Fault.rate_limited(1))
        await runway.submit(restyle(film))
        assert uris(emulator) == [emulator.uploads[1].uri]
        emulator.script("storage", Fault.answer(403))
        with pytest.raises(errors.UploadError):
            await runway.submit(restyle(film, 1), key="shot")
        assert runway._lifetime.parts is not None
        assert [entry.key async for entry in runway._lifetime.parts.journal.entries((State.REFUSED,))] == ["shot"]
        await (await runway.submit(restyle(film, 1), key="shot"))
    assert (emulator.creates.accepted, len(emulator.uploads)) == (2, 4)


async def test_a_file_that_changes_during_its_upload_is_not_sent(film: Path, tmp_path: Path) -> None:
    """What is recorded of a submission is the digest of what was sent."""

    def change(event: Event) -> None:
        if event.kind is EventKind.UPLOADING and event.progress == 0.0:
            film.write_bytes(LARGE[:-1] + b"!")

    async with Emulator() as emulator, at(emulator, tmp_path, on_event=change) as runway:
        with pytest.raises(ValueError, match=r"film\.mp4'\) changed while it was uploaded"):
            await runway.submit(restyle(film))
    assert emulator.creates.received == 0
    assert [upload.stored_at for upload in emulator.uploads] == [None]


async def test_progress_is_told_from_the_beginning_to_the_end(tmp_path: Path) -> None:
    """In steps of a twentieth of the file or more; the last one before the task is there."""
    film = MP4 + bytes(9_000_000)
    events: list[Event] = []
    async with Emulator() as emulator, at(emulator, tmp_path, on_event=events.append) as runway:
        await runway.submit(restyle(film), key="shot")
    parts = [event.progress for event in events if event.kind is EventKind.UPLOADING]
    assert parts[0] == 0.0
    assert parts[-1] == 1.0
    assert parts == sorted(parts)  # type: ignore[type-var]  # they are numbers
    assert 10 < len(parts) <= 22
    assert {event.key for event in events} == {"shot"}
    assert [event.kind for event in events][: len(parts) + 1] == [EventKind.UPLOADING] * len(parts) + [
        EventKind.SUBMITTED
    ]
    assert events[0].to_dict()["progress"] == 0.0


async def test_leaving_the_session_ends_an_upload(film: Path, tmp_path: Path) -> None:
    """At once, for nothing is paid for yet: nothing is recorded of it, and the caller learns that nothing was sent."""
    async with Emulator() as emulator:
        emulator.script("storage", Fault.silent())
        with pytest.raises(KeyError):
            async with at(emulator, tmp_path, journal=tmp_path / "shots.db") as runway:
                waiting = asyncio.ensure_future(runway.submit(restyle(film), key="shot"))
                await asyncio.sleep(1)
                begun = asyncio.get_running_loop().time()
                raise KeyError
        assert asyncio.get_running_loop().time() - begun < 1
        with pytest.raises(RuntimeError, match="nothing was submitted"):
            await waiting
        async with at(emulator, tmp_path, journal=tmp_path / "shots.db") as runway:
            assert await runway.find("shot") is None
    assert emulator.creates.received == 0


async def test_a_file_that_is_too_large_for_any_upload_is_refused(tmp_path: Path) -> None:
    """Before anything is sent."""
    path = tmp_path / "film.mp4"
    path.write_bytes(MP4)
    with path.open("r+b") as file:
        file.truncate(200_000_001)
    async with Emulator() as emulator, at(emulator, tmp_path) as runway:
        with pytest.raises(ValueError, match="200000001 bytes; brief takes uploads of at most 200000000 bytes"):
            await runway.submit(restyle(path))
    assert not emulator.requests
