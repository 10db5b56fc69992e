"""Journals and files as batches leave them, made without running one."""

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from attrs import field, frozen

from cometrunway import Asset, Failure, Journal, Task, TaskStatus
from cometrunway._journal._entry import Entry
from cometrunway.emulator._clip import picture, video

SIZE_AT_ONCE = 200


@frozen(kw_only=True)
class Recorded:
    """What a journal says of one shot."""

    key: str
    prompt: str | None = "a cat"
    outcome: str = "delivered"
    """`submitting`, `accepted`, `refused`, `in_doubt`, `failed`, `cancelled` or `delivered`."""
    reason: str = "because"
    files: tuple[Path, ...] = ()
    request: dict[str, Any] = field(factory=dict)
    created_at: float = 1_700_000_000.0
    verified: bool = True
    """Of the files."""


def clip(ratio: tuple[int, int] = (16, 9), *, tint: int = 1) -> bytes:
    """Return a video that plays for 1.7 seconds."""
    return video(ratio, tint=tint, mark="test").content


def still(*, tint: int = 1) -> bytes:
    """Return a picture."""
    return picture((16, 9), tint=tint, mark="test").content


async def record(path: Path, shots: Iterable[Recorded]) -> None:
    """Write shots into a journal, in their order."""
    shots = list(shots)
    async with Journal(path) as journal:
        for start in range(0, len(shots), SIZE_AT_ONCE):
            some = shots[start : start + SIZE_AT_ONCE]
            await asyncio.gather(*(journal.begin(_entry(shot)) for shot in some))
            await asyncio.gather(*(_end(journal, shot) for shot in some))


def record_now(path: Path, shots: Iterable[Recorded]) -> None:
    """Write shots into a journal, where this thread has a loop of another's already."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, record(path, shots)).result()


def _entry(shot: Recorded) -> Entry:
    fields = {"prompt_text": shot.prompt, "model": "gen4_turbo", "duration": 5, "ratio": "1280:720", "seed": 7}
    return Entry(key=shot.key, route="image_to_video", fingerprint=shot.key, request={**fields, **shot.request})


async def _end(journal: Journal, shot: Recorded) -> None:
    key, task_id = shot.key, f"task-of-{shot.key}"
    if shot.outcome == "refused":
        await journal.refuse(key, shot.reason)
    elif shot.outcome == "in_doubt":
        await journal.doubt(key, shot.reason)
    elif shot.outcome != "submitting":
        await journal.accept(key, task_id=task_id, created_at=shot.created_at)
    if shot.outcome == "failed":
        failure = Failure(message=shot.reason, code="INTERNAL.BAD_OUTPUT")
        await journal.end(key, Task(id=task_id, status=TaskStatus.FAILED, failure=failure))
    elif shot.outcome == "cancelled":
        failure = Failure(message=shot.reason)
        await journal.end(key, Task(id=task_id, status=TaskStatus.CANCELLED, failure=failure))
    elif shot.outcome == "delivered":
        await journal.deliver(key, tuple(_asset(path, shot.verified) for path in shot.files))


def _asset(path: Path, verified: bool) -> Asset:
    size = path.stat().st_size if path.exists() else None
    return Asset(url="https://example.com/file", path=path, size=size, verified=verified)
